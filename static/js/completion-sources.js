// What the message box completes: people of the room, rooms, emoji, commands. No DOM in here.

import { COMMANDS } from "./commands.js";
import { folded, ranked } from "./completion-query.js";
import { t } from "./language.js";
import { rankOf, roleName } from "./standing.js";

const MAX = 8;
const PAUSE_MS = 150; // of typing, before the server is asked
const DIRECTORY_MS = 30_000; // for so long the list of rooms is not asked for again

/** room(): the active one; me: see identity.js; ask(verb, payload). Those who are not loaded are asked for. */
export function people({ room, me, ask, wait }) {
  let nobody = null; // {room, query} that no name begins with
  const others = async (name, query) => {
    if (nobody?.room === name && query.startsWith(nobody.query)) return [];
    await wait(PAUSE_MS);
    const found = await peopleAfter(ask, name, query);
    nobody = found.some(({ nickname }) => folded(nickname).startsWith(folded(query))) ? null : { room: name, query };
    return found;
  };
  return {
    trigger: "@",
    name: t("People"),
    async find(query) {
      const { name, presence, messages, rules } = room();
      const here = [...presence.people.values()].sort((one, other) => one.nickname.localeCompare(other.nickname));
      const more = presence.people.size < presence.count ? await others(name, query) : [];
      const spoke = messages.filter(({ deleted }) => !deleted).map(({ author, nickname }) => ({ id: author, nickname })).reverse();
      const known = new Map();
      for (const one of [...here, ...more, ...spoke]) if (!known.has(one.id) && !me.is(one.id)) known.set(one.id, one);
      const everyone = rankOf(rules.role) > 0 ? [{ nickname: "everyone", detail: t("all who are here") }] : [];
      return ranked([...known.values(), ...everyone], query, ({ nickname }) => [nickname])
        .slice(0, MAX)
        .map(({ nickname, detail, role }) => ({ text: `@${nickname} `, label: nickname, detail: detail ?? roleName(role) }));
    },
  };
}

/** In the server's order of names those that begin with the query follow it. */
async function peopleAfter(ask, room, query) {
  const ack = await ask("people", { room, limit: 2 * MAX, ...(query && { after: query }) }).catch(() => null);
  return ack?.ok ? ack.people : [];
}

/** open(): the rooms that are open here, each {name, topic?}. */
export function roomNames({ open, ask, now = Date.now }) {
  let directory = { at: -Infinity, rooms: [] };
  return {
    trigger: "#",
    name: t("Rooms"),
    async find(query) {
      if (now() - directory.at > DIRECTORY_MS) {
        const ack = await ask("rooms", {}).catch(() => null);
        directory = { at: now(), rooms: ack?.ok ? ack.rooms : directory.rooms };
      }
      const known = new Map([...directory.rooms, ...open()].map((room) => [room.name, room]));
      const topics = new Map(directory.rooms.map(({ name, topic }) => [name, topic]));
      return ranked([...known.values()].filter(({ name }) => /^[a-z0-9]/.test(name)), query, ({ name }) => [name])
        .slice(0, MAX)
        .map(({ name }) => ({ text: `#${name} `, label: `#${name}`, detail: topics.get(name) }));
    },
  };
}

/** load(): promise of the emoji (emoji-data.js). */
export function emojiNames({ load }) {
  return {
    trigger: ":",
    name: t("Emoji"),
    async find(query) {
      const emoji = await load();
      return emoji.search(query.replace(/_/g, " "), MAX).map((one) => ({
        text: `${emoji.toned(one)} `,
        label: `:${one.names.find((name) => name.startsWith(query.toLowerCase())) ?? one.names[0]}:`,
        detail: one.label,
        picture: emoji.toned(one),
      }));
    },
  };
}

/** role(): one's own in the room. */
export function commandNames({ role }) {
  return {
    trigger: "/",
    name: t("Commands"),
    find(query) {
      const mine = COMMANDS.filter((one) => rankOf(one.role) <= rankOf(role()));
      return ranked(mine, query, ({ name }) => [name]).map(({ name, usage, help }) => ({
        text: usage.includes(" ") ? `/${name} ` : `/${name}`,
        label: usage,
        detail: help,
      }));
    },
  };
}
