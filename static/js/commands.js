// Slash commands of the page. /me is none of them: the server reads it. Pure.
//
// COMMANDS is the one table: /help is made from it, and each row names the verb that the command asks for, if any (a test
// compares them with the server's verbs). role: who needs to see it in /help; the server decides anew.

import { rankOf } from "./standing.js";

export const COMMANDS = [
  { name: "me", usage: "/me waves", help: "say what you do", verb: "send" },
  { name: "nick", usage: "/nick NAME", help: "change your nickname", verb: "rename" },
  { name: "reserve", usage: "/reserve", help: "keep your nickname with a passphrase, on every device", verb: "reserve" },
  { name: "identify", usage: "/identify NAME", help: "be the person who reserved it", verb: "identify" },
  { name: "status", usage: "/status TEXT", help: "say something beside your name; without words: nothing", verb: "status" },
  { name: "topic", usage: "/topic TEXT", help: "set what the room is about", verb: "topic" },
  { name: "join", usage: "/join ROOM", help: "open another room", verb: "join" },
  { name: "new", usage: "/new ROOM", help: "open a new room that is in no list and that nobody guesses", verb: "join" },
  { name: "leave", usage: "/leave", help: "leave this room", verb: "leave" },
  { name: "ignore", usage: "/ignore NAME", help: "fold what somebody says; nobody is told", verb: "ignore" },
  { name: "unignore", usage: "/unignore NAME", help: "no longer", verb: "ignore" },
  { name: "report", usage: "/report NAME WHY", help: "report their last message to the moderators", verb: "report" },
  { name: "invite", usage: "/invite", help: "a link that lets people into this room", verb: "invite" },
  { name: "claim", usage: "/claim KEY", help: "own this room by its owner key", verb: "claim" },
  { name: "kick", usage: "/kick NAME WHY", help: "remove somebody from the room", verb: "kick", role: "moderator" },
  { name: "mute", usage: "/mute NAME 10 WHY", help: "let somebody read only, for 10 minutes (also 2h, 1d; without: for good)", verb: "mute", role: "moderator" },
  { name: "unmute", usage: "/unmute NAME", help: "let somebody speak again", verb: "mute", role: "moderator" },
  { name: "ban", usage: "/ban NAME 60 WHY", help: "keep somebody out, for 60 minutes (also 2h, 1d; without: for good)", verb: "ban", role: "moderator" },
  { name: "unban", usage: "/unban NAME", help: "lift a ban", verb: "ban", role: "moderator" },
  { name: "moderation", usage: "/moderation", help: "reports, who is banned or muted, what moderators did", verb: "audit", role: "moderator" },
  { name: "slow", usage: "/slow 30", help: "one message every 30 seconds from each person; /slow 0 ends it", verb: "settings", role: "owner" },
  { name: "lock", usage: "/lock", help: "let nobody new in", verb: "settings", role: "owner" },
  { name: "unlock", usage: "/unlock", help: "let people in again", verb: "settings", role: "owner" },
  { name: "passphrase", usage: "/passphrase WORDS", help: "let in who knows it; without words: everybody", verb: "settings", role: "owner" },
  { name: "welcome", usage: "/welcome TEXT", help: "what newcomers read at the top of the room", verb: "settings", role: "owner" },
  { name: "list", usage: "/list on", help: "show the room in the list of rooms; /list off hides it", verb: "settings", role: "owner" },
  { name: "mod", usage: "/mod NAME", help: "make somebody a moderator", verb: "appoint", role: "owner" },
  { name: "owner", usage: "/owner NAME", help: "make somebody an owner too", verb: "appoint", role: "owner" },
  { name: "unmod", usage: "/unmod NAME", help: "take somebody's role away", verb: "appoint", role: "owner" },
  { name: "key", usage: "/key", help: "the owner key: a link that makes its reader an owner", verb: "owner_key", role: "owner" },
  { name: "settings", usage: "/settings", help: "all settings of the room", verb: "settings", role: "owner" },
];

/** The words of /help for somebody with this role in the room. */
export function helpFor(role) {
  const rank = rankOf(role);
  return COMMANDS.filter((one) => rankOf(one.role) <= rank).map(({ usage, help }) => `${usage}: ${help}`).join("\n");
}

/** {name, rest} of a command, or null where the text is an ordinary message ("/etc/hosts" is no command). */
export function commandIn(text) {
  const found = /^\/([a-z]+)(?:\s+([\s\S]*))?$/i.exec(text);
  if (!found) return null;
  const [, name, rest = ""] = found;
  if (name.toLowerCase() === "me" && rest.trim()) return null;
  return { name: name.toLowerCase(), rest: rest.trim() };
}

/** Runs a command of the table; answers a sentence where it could not be done. */
export function runCommand({ name, rest }, table) {
  if (Object.hasOwn(table, name)) return table[name](rest);
  if (name === "me") return "What do you do? For example: /me waves";
  return `There is no command /${name}. Write /help for those there are.`;
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
