// Slash commands of the page. /me is none of them: the server reads it. Pure.
//
// COMMANDS is the one table: /help is made from it, and each row names the verb that the command asks for, if any (a test
// compares them with the server's verbs). role: who needs to see it in /help; the server decides anew.

import { t } from "./language.js";
import { rankOf } from "./standing.js";

export const COMMANDS = [
  { name: "me", usage: t("/me waves"), help: t("say what you do"), verb: "send" },
  { name: "nick", usage: t("/nick NAME"), help: t("change your nickname"), verb: "rename" },
  { name: "reserve", usage: "/reserve", help: t("keep your nickname with a passphrase, on every device"), verb: "reserve" },
  { name: "identify", usage: t("/identify NAME"), help: t("be the person who reserved it"), verb: "identify" },
  { name: "status", usage: t("/status TEXT"), help: t("say something beside your name; without words: nothing"), verb: "status" },
  { name: "topic", usage: t("/topic TEXT"), help: t("set what the room is about"), verb: "topic" },
  { name: "join", usage: t("/join ROOM"), help: t("open another room"), verb: "join" },
  { name: "new", usage: t("/new ROOM"), help: t("open a new room that is in no list and that nobody guesses"), verb: "join" },
  { name: "leave", usage: "/leave", help: t("leave this room"), verb: "leave" },
  { name: "ignore", usage: t("/ignore NAME"), help: t("fold what somebody says; nobody is told"), verb: "ignore" },
  { name: "unignore", usage: t("/unignore NAME"), help: t("no longer"), verb: "ignore" },
  { name: "report", usage: t("/report NAME WHY"), help: t("report their last message to the moderators"), verb: "report" },
  { name: "invite", usage: "/invite", help: t("a link that lets people into this room"), verb: "invite" },
  { name: "claim", usage: t("/claim KEY"), help: t("own this room by its owner key"), verb: "claim" },
  { name: "kick", usage: t("/kick NAME WHY"), help: t("remove somebody from the room"), verb: "kick", role: "moderator" },
  { name: "mute", usage: t("/mute NAME 10 WHY"), help: t("let somebody read only, for 10 minutes (also 2h, 1d; without: for good)"), verb: "mute", role: "moderator" },
  { name: "unmute", usage: t("/unmute NAME"), help: t("let somebody speak again"), verb: "mute", role: "moderator" },
  { name: "ban", usage: t("/ban NAME 60 WHY"), help: t("keep somebody out, for 60 minutes (also 2h, 1d; without: for good)"), verb: "ban", role: "moderator" },
  { name: "unban", usage: t("/unban NAME"), help: t("lift a ban"), verb: "ban", role: "moderator" },
  { name: "moderation", usage: "/moderation", help: t("reports, who is banned or muted, what moderators did"), verb: "audit", role: "moderator" },
  { name: "slow", usage: "/slow 30", help: t("one message every 30 seconds from each person; /slow 0 ends it"), verb: "settings", role: "owner" },
  { name: "lock", usage: "/lock", help: t("let nobody new in"), verb: "settings", role: "owner" },
  { name: "unlock", usage: "/unlock", help: t("let people in again"), verb: "settings", role: "owner" },
  { name: "passphrase", usage: t("/passphrase WORDS"), help: t("let in who knows it; without words: everybody"), verb: "settings", role: "owner" },
  { name: "welcome", usage: t("/welcome TEXT"), help: t("what newcomers read at the top of the room"), verb: "settings", role: "owner" },
  { name: "list", usage: "/list on", help: t("show the room in the list of rooms; /list off hides it"), verb: "settings", role: "owner" },
  { name: "mod", usage: t("/mod NAME"), help: t("make somebody a moderator"), verb: "appoint", role: "owner" },
  { name: "owner", usage: t("/owner NAME"), help: t("make somebody an owner too"), verb: "appoint", role: "owner" },
  { name: "unmod", usage: t("/unmod NAME"), help: t("take somebody's role away"), verb: "appoint", role: "owner" },
  { name: "key", usage: "/key", help: t("the owner key: a link that makes its reader an owner"), verb: "owner_key", role: "owner" },
  { name: "settings", usage: "/settings", help: t("all settings of the room"), verb: "settings", role: "owner" },
];

/** The words of /help for somebody with this role in the room. */
export function helpFor(role) {
  const rank = rankOf(role);
  return COMMANDS.filter((one) => rankOf(one.role) <= rank).map(({ usage, help }) => t("{command}: {help}", { command: usage, help })).join("\n");
}

/** Runs a command of the table; answers a sentence where it could not be done. */
export function runCommand({ name, rest }, table) {
  if (Object.hasOwn(table, name)) return table[name](rest);
  if (name === "me") return t("What do you do? For example: /me waves");
  return t("There is no command /{name}. Write /help for those there are.", { name });
}

/**
 * Whom a command is about: {person, rest} with the one of `people` ({id, nickname}) whose nickname the text begins with, the
 * longest one first; null where it is nobody's. "Swan of Avon 10 spam", "@swan of avon 10 spam".
 */
export function personIn(text, people) {
  const wanted = text.replace(/^@/, "");
  const folded = wanted.toLowerCase();
  const fits = people.filter(({ nickname }) => {
    const name = nickname.toLowerCase();
    return name !== "" && folded.startsWith(name) && /^$|^\s/.test(wanted.slice(nickname.length));
  });
  const [person] = fits.sort((one, other) => other.nickname.length - one.nickname.length);
  return person ? { person, rest: wanted.slice(person.nickname.length).trim() } : null;
}

const UNITS = { "": 1, m: 1, min: 1, h: 60, d: 24 * 60 };

/** {minutes?, reason} of "10 spam", "2h", "spam". Without a length it is for good. */
export function lengthIn(text) {
  const found = /^(\d{1,7}(?:\.\d+)?)\s?(m|min|h|d|)(?=\s|$)/i.exec(text);
  if (!found || !(Number(found[1]) > 0)) return { reason: text.trim() };
  return { minutes: Number(found[1]) * UNITS[found[2].toLowerCase()], reason: text.slice(found[0].length).trim() };
}
