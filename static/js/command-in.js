// Is a text that was submitted a command of the page? Pure.

/** {name, rest} of a command, or null where the text is an ordinary message ("/etc/hosts" is no command). */
export function commandIn(text) {
  const found = /^\/([a-z]+)(?:\s+([\s\S]*))?$/i.exec(text);
  if (!found) return null;
  const [, name, rest = ""] = found;
  if (name.toLowerCase() === "me" && rest.trim()) return null;
  return { name: name.toLowerCase(), rest: rest.trim() };
}
