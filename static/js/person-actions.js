// What this person can do to another one, or to a message, by their roles. Pure; the server decides anew.

import { t } from "./language.js";
import { rankOf } from "./standing.js";

/**
 * [{do, label, verb?, isGrave?}] for a menu. me: see identity.js; role: one's own in the room; person: {id, role?}; message:
 * the one whose menu it is, if any; isDirect: in a room of two.
 */
export function actionsOn({ me, role, person, message, isDirect = false }) {
  const found = [];
  const add = (name, label, isGrave = false) => found.push({ do: name, label, isGrave });
  const isOther = person && !me.is(person.id);
  if (isOther && message && !message.deleted && !isDirect) add("report", t("Report message…"));
  if (isOther) add(me.ignores(person.id) ? "unignore" : "ignore", me.ignores(person.id) ? t("Stop ignoring") : t("Ignore"));
  if (isOther && !isDirect && !isBot(person)) add("message", t("Direct message"));
  if (message && !message.deleted) add("copy", t("Copy text"));
  if (message && !isDirect) add("link", t("Copy link"));
  if (!isOther) return found;
  const rank = rankOf(role);
  const isBelow = rankOf(person.role) < rank;
  add("about", t("Profile…"));
  if (message && !message.deleted && rank > 0) add("delete", t("Delete message"), true);
  if (rank > 0 && isBelow) {
    add("mute", t("Mute…"), true);
    add("kick", t("Remove from the room…"), true);
    add("ban", t("Ban…"), true);
  }
  if (role === "owner" && !isBot(person)) {
    if (person.role !== "moderator") add("moderator", person.role === "owner" ? t("Make a moderator only") : t("Make a moderator"));
    if (person.role !== "owner") add("owner", t("Make an owner"));
    if (person.role) add("dismiss", person.role === "owner" ? t("Take the ownership away") : t("No longer a moderator"));
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
  if (isDirect) return [{ do: "notifications", label: t("Notifications…") }, { do: "leave", label: t("Close the conversation") }];
  if (role === "owner") found.push({ do: "settings", label: t("Room settings…") });
  if (mayInvite) found.push({ do: "invite", label: t("Invite people…") });
  if (role === "owner") found.push({ do: "ownerKey", label: t("Owner key…") }, { do: "programs", label: t("Bots and hooks…") });
  if (rankOf(role) > 0) found.push({ do: "moderation", label: t("Reports and moderation…") });
  found.push({ do: "notifications", label: t("Notifications…") });
  found.push({ do: "leave", label: t("Leave the room") });
  return found;
}
