// Does this browser keep the cookie that identifies a person, and what the page stores?

import { sitePath } from "../base.js";
import { BrowserStorage } from "../browser-storage.js";
import { t } from "../language.js";
import { notStored } from "../storage-loss.js";
import { ask } from "./engineio.js";

const SEEN = {
  both: t("no cookie comes back to the server, and nothing can be stored"),
  cookies: t("no cookie comes back to the server"),
  storage: t("nothing can be stored for this page"),
};
const ALLOW =
  t("Allow cookies and site data for this address in the browser's settings. In a frame of another site, open the page in a tab of its own.");

export async function siteData() {
  const { cookie } = await (await ask(sitePath("/diagnostics/seen"))).json();
  const what = notStored({ storage: !new BrowserStorage("localStorage").isVolatile, cookies: cookie !== false });
  if (!what) return { verdict: "ok", seen: t("keeps the cookie and what is stored") };
  return { verdict: "warn", seen: SEEN[what], cause: causeOf(what), mend: ALLOW };
}

function causeOf(what) {
  if (what === "storage") return t("The browser blocks storage, it is full, or its profile is damaged: a reload forgets drafts and open rooms.");
  return t("The browser blocks cookies: one is known in one tab only, and soon after it is closed the nickname is free for others.");
}
