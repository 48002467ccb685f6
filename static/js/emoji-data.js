// The emoji, from the files of emojibase (static/vendor/emojibase-data), which app/chat/emoji.py reads as well. Loaded when
// they are first wanted.

import { folded } from "./completion-query.js";
import { once } from "./once.js";

const FILES = ["compact", "emojibase", "github"];
const GROUPS = ["Smileys", "People", null, "Animals and nature", "Food and drink", "Travel and places", "Activities", "Objects", "Symbols", "Flags"];
const NEEDLESS = /(\p{Emoji_Presentation})\ufe0f/gu; // keyboards do not type it behind what is a picture anyway
const MAX_RECENT = 24;

/** Promise of the Emoji. storage: for the skin tone and the recent ones. */
export const loadEmoji = once(async (storage) => new Emoji(storage, ...(await Promise.all(FILES.map(fetched)))));

async function fetched(name) {
  const answer = await fetch(new URL(`../vendor/emojibase-data/${name}.json`, import.meta.url));
  if (!answer.ok) throw new Error(`emoji: ${answer.status}`);
  return answer.json();
}

export class Emoji {
  /** all: [{emoji, label, names, tags, group, skins}] in the order of Unicode. */
  constructor(storage, compact, ...names) {
    this.storage = storage;
    this.all = compact
      .filter(({ group }) => GROUPS[group])
      .sort((one, other) => one.order - other.order)
      .map((entry) => ({
        emoji: entry.unicode.replace(NEEDLESS, "$1"),
        label: entry.label,
        names: [...new Set(names.flatMap((file) => file[entry.hexcode] ?? []))],
        tags: entry.tags ?? [],
        group: entry.group,
        skins: tonesOf(entry),
      }))
      .filter(({ names: known }) => known.length > 0);
    this.byEmoji = new Map(this.all.map((one) => [one.emoji, one]));
    for (const one of this.all) for (const skin of one.skins) this.byEmoji.set(skin, one);
  }

  /** [{name, emoji: [...]}] */
  get groups() {
    return GROUPS.map((name, group) => ({ name, emoji: this.all.filter((one) => one.group === group) })).filter(({ name }) => name);
  }

  /** 0: as it is; 1 to 5: from light to dark. */
  get tone() {
    const tone = Number(this.storage.get("emoji-tone"));
    return Number.isInteger(tone) && tone >= 0 && tone <= 5 ? tone : 0;
  }

  set tone(tone) {
    this.storage.set("emoji-tone", String(tone));
  }

  toned({ emoji, skins }, tone = this.tone) {
    return tone > 0 ? (skins[tone - 1] ?? emoji) : emoji;
  }

  /** The characters that were chosen last, the newest first. */
  get recent() {
    try {
      const stored = JSON.parse(this.storage.get("emoji-recent") ?? "[]");
      return Array.isArray(stored) ? stored.filter((one) => this.byEmoji.has(one)).slice(0, MAX_RECENT) : [];
    } catch {
      return [];
    }
  }

  use(character) {
    const others = this.recent.filter((one) => one !== character);
    this.storage.set("emoji-recent", JSON.stringify([character, ...others].slice(0, MAX_RECENT)));
  }

  /** Those whose name begins so come first, then those whose label, then those with such a word. */
  search(query, most = this.all.length) {
    const words = folded(query).trim().split(/[\s_]+/);
    return this.all
      .map((one, at) => ({ one, at, rank: rankOf(one, words) }))
      .filter(({ rank }) => rank < Infinity)
      .sort((one, other) => one.rank - other.rank || one.at - other.at)
      .slice(0, most)
      .map(({ one }) => one);
  }
}

function rankOf({ names, label, tags }, words) {
  const joined = words.join("_");
  if (names.includes(joined)) return 0;
  if (names.some((name) => name.startsWith(joined))) return 1 + Math.min(...names.filter((name) => name.startsWith(joined)).map((name) => name.length)) / 100;
  const own = [...names.flatMap((name) => name.split("_")), ...folded(label).split(/[\s-]+/)];
  const all = [...own, ...tags];
  const fits = (known, word) => known.some((one) => one.startsWith(word));
  if (words.every((word) => fits(own, word))) return 3;
  return words.every((word) => fits(all, word)) ? 4 : Infinity;
}

/** The five tones of one skin; of pairs of people those in which both have the same. */
function tonesOf({ skins = [] }) {
  const tones = [..."\u{1f3fb}\u{1f3fc}\u{1f3fd}\u{1f3fe}\u{1f3ff}"];
  const found = tones.map((tone) => {
    const fits = skins.filter(({ unicode }) => [...unicode].filter((one) => tones.includes(one)).every((one) => one === tone));
    return fits[0]?.unicode.replace(NEEDLESS, "$1");
  });
  return found.every(Boolean) ? found : [];
}
