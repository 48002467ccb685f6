// Does this browser keep what a site gives it: the cookie that names a person, and what is stored for the page?

import { at } from "../base.js";
import { whatIsForgotten } from "../forgetting.js";
import { Shelf } from "../storage.js";
import { ask } from "./speech.js";

const SEEN = {
  both: "no cookie comes back to the server, and nothing can be stored",
  cookies: "no cookie comes back to the server",
  storage: "nothing can be stored for this page",
};
const ALLOW =
  "Allow cookies and site data for this address in the browser's settings. In a frame of another site, open the page in a tab of its own.";

export async function keeping() {
  const { cookie } = await (await ask(at("/diagnostics/seen"))).json();
  const what = whatIsForgotten({ storage: !new Shelf("localStorage").forgets, cookies: cookie !== false });
  if (!what) return { verdict: "ok", seen: "keeps the cookie and what is stored" };
  return { verdict: "warn", seen: SEEN[what], cause: causeOf(what), mend: ALLOW };
}

function causeOf(what) {
  if (what === "storage") return "The browser blocks storage, it is full, or its profile is damaged: a reload forgets drafts and open rooms.";
  return "The browser blocks cookies: one is known in one tab only, and soon after it is closed the nickname is free for others.";
}
