// Slash commands of the page. /me is none of them: the server reads it.

export const HELP = [
  "/me waves: say what you do",
  "/nick NAME: change your nickname",
  "/reserve: keep your nickname with a passphrase, on every device",
  "/identify NAME: be the person who reserved it",
  "/topic TEXT: set what the room is about",
  "/join ROOM: open another room",
  "/leave: leave this room",
].join("\n");

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
