// The lines of the audit: what moderators did and what was reported, in words. Pure; names are isolated (isolate.js).

import { isolate } from "./isolate.js";
import { sequence, t } from "./language.js";

const DONE = {
  ban: (names) => t("{who} banned {whom}", names),
  unban: (names) => t("{who} lifted the ban of {whom}", names),
  mute: (names) => t("{who} muted {whom}", names),
  unmute: (names) => t("{who} let {whom} speak again", names),
  kick: (names) => t("{who} removed {whom}", names),
  delete: (names) => t("{who} deleted a message of {whom}", names),
  restore: (names) => t("{who} put a message of {whom} back", names),
  report: (names) => t("{who} reported a message of {whom}", names),
  unkick: (names) => t("{who} let {whom} come back", names),
  appoint: (names, reason) => appointed(names, reason),
  settings: (names, reason) => t("{who} changed {settings}", { ...names, settings: settingsIn(reason) }),
  claim: (names) => t("{who} opened the owner key and owns the room", names),
  owner_key: (names) => t("{who} made an owner key", names),
  invite: (names) => t("{who} made an invite link", names),
  bot: (names) => t("{who} let the bot {whom} in", names),
  unbot: (names) => t("{who} removed the bot {whom}", names),
  hook: (names, reason) => hooked(names, reason),
  unhook: (names) => t("{who} removed the hook {whom}", names),
  hook_failed: (names) => t("{who} gave the hook {whom} up", names),
};

const SETTINGS = {
  topic: t("the topic"),
  topic_by: t("who may change the topic"),
  welcome: t("the welcome text"),
  listed: t("whether the room is listed"),
  locked: t("the lock"),
  passphrase: t("the passphrase"),
  slow: t("slow mode"),
  keep_days: t("how long messages are kept"),
};
const SAYS_REASON = new Set(["appoint", "settings", "hook"]); // within the line

/** {text, reason} of an entry {who, what, whom?, reason?}. */
export function auditLine({ who, what, whom, reason }) {
  const say = Object.hasOwn(DONE, what) ? DONE[what] : null;
  const names = { who: isolate(who), whom: isolate(whom ?? t("somebody")) };
  const text = say ? say(names, reason ?? "") : plainly(what, names, Boolean(whom));
  return { text, reason: SAYS_REASON.has(what) ? "" : (reason ?? "") };
}

/** The reason of an owner that the operator made names the way: "owner: by the command line". */
function appointed(names, reason) {
  if (reason === "owner") return t("{who} made {whom} an owner", names);
  if (reason === "moderator") return t("{who} made {whom} a moderator", names);
  if (reason === "member") return t("{who} made {whom} a member like any other", names);
  return t("{who} made {whom} owner ({how})", { ...names, how: reason.replace(/^owner: /, "") });
}

function settingsIn(reason) {
  return sequence(reason.split(", ").map((name) => SETTINGS[name] ?? name.replace(/_/g, " ")));
}

function hooked(names, url) {
  if (!url) return t("{who} made the hook {whom}", names);
  return t("{who} made the hook {whom}, which delivers to {url}", { ...names, url: isolate(url) });
}

/** What a newer server may tell. */
function plainly(what, { who, whom }, isAboutSomebody) {
  const words = String(what).replace(/[_:]/g, " ");
  return isAboutSomebody ? `${who} ${words}: ${whom}` : `${who} ${words}`;
}
