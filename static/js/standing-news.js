// What this person is told when their standing in a room has changed. Pure.

import { t } from "./language.js";

/** Sentences. before, told: {role, muted}. */
export function standingNews(name, before, told) {
  const room = `#${name}`;
  const news = [];
  if (told.role !== before.role) news.push(roleNews(told.role, room));
  if (told.muted && !before.muted) news.push(t("You were muted in {room}.", { room }));
  if (!told.muted && before.muted) news.push(t("You can speak in {room} again.", { room }));
  return news;
}

function roleNews(role, room) {
  if (!role) return t("You have no role in {room} any more.", { room });
  return role === "owner" ? t("You are an owner of {room} now.", { room }) : t("You are a moderator of {room} now.", { room });
}
