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

/** Minutes, and how they are called in the languages of the page. */
const UNITS = [
  [1 / 60, /^(?:s|se[cgk]s?|seconds?|sekunden?|secondes?|segundos?|ثانية|ثوان)$/u],
  [1, /^(?:m|mins?|minut[eo]s?|minuten|دقيقة|دقائق)$/u],
  [60, /^(?:h|hrs?|hours?|std|stunden?|heures?|horas?|ساعة|ساعات)$/u],
  [24 * 60, /^(?:d|days?|tage?|j|jours?|d[ií]as?|يوم|أيام)$/u],
  [7 * 24 * 60, /^(?:w|wks?|weeks?|wochen?|semaines?|semanas?|أسبوع|أسابيع)$/u],
];
const ZEROS = [0x660, 0x6f0, 0x966, 0xff10]; // of Arabic, Persian, Devanagari and wide digits

/** {minutes?, reason} of "10 spam", "2h", "1.5 hours", "spam". Without a length it is for good. */
export function lengthIn(text) {
  const [, number, blank, word, rest] = /^(\d{1,7}(?:[.,]\d+)?)?(\s?)([\p{L}\p{M}]*)\.?(?=\s|$)([\s\S]*)/u.exec(plainDigits(text)) ?? [];
  const [length] = UNITS.find(([, names]) => names.test(word?.toLowerCase())) ?? [];
  const minutes = Number(number?.replace(",", ".")) * (length ?? 1);
  if (!(minutes > 0) || (word && !length && !blank)) return { reason: text.trim() };
  return { minutes, reason: text.slice(length || !word ? text.length - rest.length : number.length).trim() };
}

/** Digits of other scripts as ours, each in the place of one. */
export function plainDigits(text) {
  return text.replace(/\p{Nd}/gu, (digit) => {
    const zero = ZEROS.find((one) => digit.codePointAt(0) >= one && digit.codePointAt(0) < one + 10);
    return zero ? String(digit.codePointAt(0) - zero) : digit;
  });
}
