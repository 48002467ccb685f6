// Addresses of pictures that this browser holds itself, so that one's own picture is there at once. Only kinds that a browser
// shows without running anything.

const SHOWN = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;
const MAX_KEPT = 60; // sent ones

export class Previews {
  constructor() {
    this.byKey = new Map();
    this.byId = new Map();
  }

  /** Of something in `attachments`; empty where it is no picture. */
  of({ key, blob, type }) {
    if (!blob || !SHOWN.test(type)) return "";
    if (!this.byKey.has(key)) this.byKey.set(key, URL.createObjectURL(blob));
    return this.byKey.get(key);
  }

  /** Of a message's file. */
  find({ key, id }) {
    return this.byKey.get(key) ?? this.byId.get(id) ?? "";
  }

  /** It was sent: from now on it is known by the server's id. */
  sent(key, { id, animated }) {
    const url = this.byKey.get(key);
    if (!url) return;
    this.byKey.delete(key);
    if (animated) URL.revokeObjectURL(url); // it may have to stand still
    else this.byId.set(id, url);
    const [oldest] = this.byId.keys();
    if (this.byId.size > MAX_KEPT) {
      URL.revokeObjectURL(this.byId.get(oldest));
      this.byId.delete(oldest);
    }
  }

  forget(key) {
    const url = this.byKey.get(key);
    if (url) URL.revokeObjectURL(url);
    this.byKey.delete(key);
  }
}
