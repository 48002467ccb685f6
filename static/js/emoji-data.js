// The emoji, from the files of emojibase (static/vendor/emojibase-data), which app/chat/emoji.py reads as well; and how other
// languages call them, from those of Unicode's CLDR (static/vendor/cldr-annotations-full). Loaded when they are first wanted.

import { folded } from "./completion-query.js";
import { language, regionNames, sequence } from "./language.js";
import { once } from "./once.js";

const FILES = ["compact", "emojibase", "github"].map((name) => `emojibase-data/${name}`);
const GROUPS = ["Smileys", "People", null, "Animals and nature", "Food and drink", "Travel and places", "Activities", "Objects", "Symbols", "Flags"];
const NEEDLESS = /(\p{Emoji_Presentation})\ufe0f/gu; // keyboards do not type it behind what is a picture anyway
const MAX_RECENT = 24;
const NOTHING = { label: "", words: [] };

/** Promise of the Emoji. storage: for the skin tone and the recent ones. */
export const loadEmoji = once(async (storage) => {
  const [own, ...files] = await Promise.all([language === "en" ? null : fetched(`cldr-annotations-full/${language}`).catch(() => null), ...FILES.map(fetched)]);
  const emoji = new Emoji(storage, ...files);
  if (own) emoji.translate(own, regionNames());
  return emoji;
});

async function fetched(name) {
  const answer = await fetch(new URL(`../vendor/${name}.json`, import.meta.url));
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

  /** From here on they are called, and found, in the reader's language as well. countries: Intl.DisplayNames, for flags. */
  translate({ annotations: { annotations } }, countries) {
    for (const one of this.all) {
      const known = annotations[one.emoji.replaceAll("\ufe0f", "")];
      const label = known?.tts?.[0] ?? (countryOf(one.emoji, countries) || partsOf(one.emoji, annotations));
      if (!label) continue;
      one.own = { label: folded(label), words: wordsOf([label, ...(known?.default ?? [])]) };
      one.english = one.label;
      one.label = label;
    }
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

function rankOf({ names, label, english = label, tags, own = NOTHING }, words) {
  const joined = words.join("_");
  const called = words.join(" ");
  if (names.includes(joined) || own.label === called) return 0;
  const beginning = [...names.filter((name) => name.startsWith(joined)), ...(own.label.startsWith(called) ? [own.label] : [])];
  if (beginning.length > 0) return 1 + Math.min(...beginning.map(({ length }) => length)) / 100;
  const named = [...names.flatMap((name) => name.split("_")), ...wordsOf([english]), ...own.label.split(/[\s-]+/)];
  const all = [...named, ...tags, ...own.words];
  const fits = (known, word) => known.some((one) => one.startsWith(word));
  if (words.every((word) => fits(named, word))) return 3;
  return words.every((word) => fits(all, word)) ? 4 : Infinity;
}

function wordsOf(texts) {
  return texts.flatMap((text) => folded(text).split(/[\s-]+/));
}

/** Of a flag, the country: two letters of its code. */
function countryOf(emoji, countries) {
  const letters = [...emoji].map((one) => one.codePointAt(0) - 0x1f1e6);
  const isFlag = letters.length === 2 && letters.every((letter) => letter >= 0 && letter < 26);
  return isFlag ? countries?.of(String.fromCharCode(...letters.map((letter) => letter + 65))) : "";
}

/** What it is made of: "man, woman, girl"; empty where that is not known. */
function partsOf(emoji, annotations) {
  const parts = emoji.replaceAll("\ufe0f", "").split(/[\u200d\u20e3]/u).filter(Boolean);
  const labels = parts.map((part) => annotations[part]?.tts?.[0]);
  return labels.every(Boolean) ? sequence(labels) : "";
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
