// How the browser tells: a notification of the system, a sound, a mark on the tab's icon and on the installed app's.

const NOTE_S = 0.14;
const NOTES = [[660, 0], [880, 0.11]]; // Hz, and the seconds after which it begins
const VOLUME = 0.08;

export class BrowserNotices {
  /** icons: {plain, news}; clicked(room, seq). */
  constructor({ icons, clicked }) {
    Object.assign(this, { icons, clicked });
    this.link = document.querySelector("link[rel=icon]");
    navigator.serviceWorker?.addEventListener("message", ({ data }) => data?.type === "open" && this.open(data.room, data.seq));
  }

  /** "granted", "denied", "default" (nobody was asked), or "missing" where the browser has no notifications. */
  get permission() {
    return globalThis.Notification?.permission ?? "missing";
  }

  /** To be called where somebody has just asked for it, never by itself. Answers whether it is granted. */
  async askPermission() {
    if (this.permission === "default") await Notification.requestPermission();
    return this.permission === "granted";
  }

  async show({ title, text, room, seq, tag }) {
    if (this.permission !== "granted") return;
    const options = { body: text, tag: `parlor:${tag}`, icon: this.icons.plain, silent: true, data: { room, seq } };
    try {
      const shown = new Notification(title, options);
      shown.addEventListener("click", () => {
        shown.close();
        this.open(room, seq);
      });
    } catch {
      // Android has them by a service worker alone.
      const registration = await navigator.serviceWorker?.getRegistration();
      await registration?.showNotification(title, options);
    }
  }

  open(room, seq) {
    window.focus();
    this.clicked(room, seq);
  }

  /** Two soft notes. A browser that wants a click before the first sound keeps silent until then. */
  play() {
    try {
      this.audio ??= new AudioContext();
      if (this.audio.state === "suspended") this.audio.resume().catch(() => null);
      for (const [frequency, after] of NOTES) this.playNote(frequency, this.audio.currentTime + after);
    } catch {
      // no sound here
    }
  }

  playNote(frequency, at) {
    const { audio } = this;
    const note = new OscillatorNode(audio, { frequency, type: "sine" });
    const gain = new GainNode(audio, { gain: 0 });
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(VOLUME, at + 0.015);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + NOTE_S);
    note.connect(gain).connect(audio.destination);
    note.start(at);
    note.stop(at + NOTE_S);
  }

  /** How many messages wait that are worth telling. */
  mark(count) {
    if (count === this.count) return;
    this.count = count;
    this.link.href = count > 0 ? this.icons.news : this.icons.plain;
    if (count > 0) navigator.setAppBadge?.(count)?.catch(() => null);
    else navigator.clearAppBadge?.()?.catch(() => null);
  }
}
