// Links to a message: the number behind the # of a room's address is the message's. Pure.

/** The message in the fragment of an address; null where it names none. */
export function seqIn(hash) {
  const found = /^#([1-9]\d{0,14})$/.exec(hash);
  return found && Number(found[1]);
}

/** The address of a room, or of a message there. origin: of the site, with its path. */
export function linkTo(origin, room, seq) {
  return `${origin}/r/${room}${seq ? `#${seq}` : ""}`;
}
