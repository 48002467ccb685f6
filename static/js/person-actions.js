// What this person can do to another one, or to a message, by their roles. Pure; the server decides anew.

import { rankOf } from "./standing.js";

/**
 * [{do, label, verb?, isGrave?}] for a menu. me: see identity.js; role: one's own in the room; person: {id, role?}; message:
 * the one whose menu it is, if any; isDirect: in a room of two.
 */
export function actionsOn({ me, role, person, message, isDirect = false }) {
  const found = [];
  const add = (name, label, isGrave = false) => found.push({ do: name, label, isGrave });
  const isOther = person && !me.is(person.id);
  if (isOther && message && !message.deleted && !isDirect) add("report", "Report message…");
  if (isOther) add(me.ignores(person.id) ? "unignore" : "ignore", me.ignores(person.id) ? "Stop ignoring" : "Ignore");
  if (isOther && !isDirect && !isBot(person)) add("message", "Direct message");
  if (message && !message.deleted) add("copy", "Copy text");
  if (message && !isDirect) add("link", "Copy link");
  if (!isOther) return found;
  const rank = rankOf(role);
  const isBelow = rankOf(person.role) < rank;
  add("about", "Profile…");
  if (message && !message.deleted && rank > 0) add("delete", "Delete message", true);
  if (rank > 0 && isBelow) {
    add("mute", "Mute…", true);
    add("kick", "Remove from the room…", true);
    add("ban", "Ban…", true);
  }
  if (role === "owner" && !isBot(person)) {
    if (person.role !== "moderator") add("moderator", person.role === "owner" ? "Make a moderator only" : "Make a moderator");
    if (person.role !== "owner") add("owner", "Make an owner");
    if (person.role) add("dismiss", person.role === "owner" ? "Take the ownership away" : "No longer a moderator");
  }
  return found;
}

/** A program, by its id. */
export function isBot({ id }) {
  return id.startsWith("bot-");
}

/** What this person can do with the room: [{do, label}]. */
export function actionsInRoom({ role, mayInvite }, isDirect = false) {
  const found = [];
  if (isDirect) return [{ do: "notifications", label: "Notifications…" }, { do: "leave", label: "Close the conversation" }];
  if (role === "owner") found.push({ do: "settings", label: "Room settings…" });
  if (mayInvite) found.push({ do: "invite", label: "Invite people…" });
  if (role === "owner") found.push({ do: "ownerKey", label: "Owner key…" }, { do: "programs", label: "Bots and hooks…" });
  if (rankOf(role) > 0) found.push({ do: "moderation", label: "Reports and moderation…" });
  found.push({ do: "notifications", label: "Notifications…" });
  found.push({ do: "leave", label: "Leave the room" });
  return found;
}
