// The lines of the audit: what moderators did and what was reported, in words. Pure; names are isolated (isolate.js).

import { isolate } from "./isolate.js";

const DONE = {
  ban: ({ whom }) => `banned ${whom}`,
  unban: ({ whom }) => `lifted the ban of ${whom}`,
  mute: ({ whom }) => `muted ${whom}`,
  unmute: ({ whom }) => `let ${whom} speak again`,
  kick: ({ whom }) => `removed ${whom}`,
  delete: ({ whom }) => `deleted a message of ${whom}`,
  restore: ({ whom }) => `put a message of ${whom} back`,
  report: ({ whom }) => `reported a message of ${whom}`,
  unkick: ({ whom }) => `let ${whom} come back`,
  appoint: ({ whom, reason }) => `made ${whom} ${ROLES[reason] ?? `owner (${reason.replace(/^owner: /, "")})`}`,
  settings: ({ reason }) => `changed ${reason.split(", ").map((name) => SETTINGS[name] ?? name.replace(/_/g, " ")).join(", ")}`,
  claim: () => "opened the owner key and owns the room",
  owner_key: () => "made an owner key",
  invite: () => "made an invite link",
  bot: ({ whom }) => `let the bot ${whom} in`,
  unbot: ({ whom }) => `removed the bot ${whom}`,
  hook: ({ whom, reason }) => `made the hook ${whom}${reason && `, which delivers to ${isolate(reason)}`}`,
  unhook: ({ whom }) => `removed the hook ${whom}`,
  hook_failed: ({ whom }) => `gave the hook ${whom} up`,
};

const SETTINGS = {
  topic: "the topic",
  topic_by: "who may change the topic",
  welcome: "the welcome text",
  listed: "whether the room is listed",
  locked: "the lock",
  passphrase: "the passphrase",
  slow: "slow mode",
  keep_days: "how long messages are kept",
};
const ROLES = { owner: "an owner", moderator: "a moderator", member: "a member like any other" };
const SAYS_REASON = new Set(["appoint", "settings", "hook"]); // within the line

/** {who, text, reason?} of an entry {who, what, whom?, reason?}. */
export function auditLine({ who, what, whom, reason }) {
  const say = Object.hasOwn(DONE, what) ? DONE[what] : null;
  const person = isolate(whom ?? "somebody");
  const text = say ? say({ whom: person, reason: reason ?? "" }) : plainly(what, whom && person);
  return { who: isolate(who), text, reason: SAYS_REASON.has(what) ? "" : (reason ?? "") };
}

/** What a newer server may tell. */
function plainly(what, whom) {
  const words = String(what).replace(/[_:]/g, " ");
  return whom ? `${words}: ${whom}` : words;
}
