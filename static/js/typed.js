// What is typed and not sent outlasts a page in another language: in this tab, once. A passphrase is never among it.

import { readJson, texts } from "./storage-readers.js";

const ROW = "typed"; // door.js knows it, too

export class Typed {
  /** boxes: {name: input}. What was typed into one since the page is here stays. */
  constructor({ session, boxes }) {
    Object.assign(this, { session, boxes: Object.entries(boxes) });
    const kept = readJson(session, ROW, texts) ?? {};
    session.remove(ROW);
    for (const [name, box] of this.boxes) {
      if (box.type !== "checkbox") box.value ||= kept[name] ?? "";
      else if (name in kept) box.checked = kept[name] === "on";
    }
  }

  keep() {
    const now = this.boxes.map(([name, box]) => [name, box.type !== "checkbox" || box.checked ? box.value : ""]);
    this.session.set(ROW, JSON.stringify(Object.fromEntries(now)));
  }
}
