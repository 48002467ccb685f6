// What a message's row shows of its file: a picture in the space that it will take, or a card with name, size and a way to
// download it. Of a message that is still on its way: how far it is.

import { sizeOf } from "./file-size.js";
import { sitePath } from "./base.js";
import { t } from "./language.js";
import { media } from "./media.js";
import { part } from "./message-parts.js";
import { visible } from "./visible-text.js";

const MAX_WIDTH = 400; // CSS pixels
const MAX_HEIGHT = 300;
const MIN_SIDE = 48;
const RETRY_MS = [2_000, 10_000, 60_000]; // a picture that could not be loaded
const isStill = media("(prefers-reduced-motion: reduce)");

/** How long a sound or a film is, is asked when it comes into sight. */
const whenInSight = globalThis.IntersectionObserver && new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    target.preload = "metadata";
    whenInSight.unobserve(target);
  }
});

/** Hooks of files-wiring.js: preview(file) is the address of a picture that this browser holds itself; load(image, url) where a
 * cookie does not open it. */
export const hooks = { preview: () => "", load: () => false };

/** The address of a file, or of its thumbnail. */
export function addressOf({ id, name }, isThumbnail = false) {
  return sitePath(`/files/${id}/${isThumbnail ? "thumbnail/" : ""}${encodeURIComponent(name)}`);
}

export function isPicture({ type, width, height }) {
  return /^image\/(jpeg|png|gif|webp)$/.test(type) && width > 0 && height > 0;
}

/** For people: PDF, ZIP; the ending of the name, where it has one. */
export function kindOf({ name, type }) {
  const ending = /\.([\p{L}\p{N}]{1,5})$/u.exec(name)?.[1];
  return (ending ?? (type?.split("/")[1] || t("file")).replace(/^x-/, "").slice(0, 5)).toUpperCase();
}

export function fillFile(row, { file, text, deleted, state }) {
  const isWanted = Boolean(file) && !deleted;
  const box = part(row, "message-file", isWanted);
  row.classList.toggle("has-file", isWanted);
  row.classList.toggle("is-wordless", isWanted && text.trim() === "");
  if (!isWanted) return;
  const isPending = Boolean(state);
  const drawn = JSON.stringify([file.id ?? file.key, isPending, isPending && Boolean(file.width)]);
  if (box.dataset.drawn !== drawn) {
    box.dataset.drawn = drawn;
    box.replaceChildren(...partsOf(file, isPending));
  }
  const image = box.querySelector("img");
  if (image) image.alt = altOf(text, file);
  drawProgress(box, isPending && file.progress < 1 && state !== "failed" ? file : null);
}

function partsOf(file, isPending) {
  if (isPicture(file)) return [picture(file, isPending)];
  const kind = /^(audio|video)\//.exec(file.type)?.[1];
  return kind && !isPending ? [player(kind, file), card(file)] : [card(file, isPending)];
}

/** What the browser cannot play is a card alone. */
function player(kind, file) {
  const element = document.createElement(kind);
  if (!element.canPlayType(file.type)) return "";
  Object.assign(element, { className: `file-${kind}`, controls: true, preload: "none", src: addressOf(file) });
  element.setAttribute("aria-label", visible(file.name));
  element.addEventListener("error", () => element.remove());
  whenInSight?.observe(element);
  return element;
}

/** A caption says what it shows; else the name does. */
function altOf(text, { name }) {
  return visible(text.trim() || name);
}

function picture(file, isPending) {
  const frame = document.createElement(isPending ? "span" : "a");
  frame.className = "message-picture";
  const { width, height } = shownSize(file);
  const image = Object.assign(new Image(width, height), { loading: "lazy", decoding: "async" });
  frame.style.setProperty("--width", `${width}px`);
  frame.style.setProperty("--ratio", `${width} / ${height}`);
  const own = hooks.preview(file);
  const url = file.id && addressOf(file, file.thumbnail && (!file.animated || isStill.matches));
  if (!isPending) Object.assign(frame, { href: addressOf(file), target: "_blank", rel: "noopener" });
  listen(frame, image, url);
  image.src = own || url;
  frame.append(image);
  return frame;
}

function listen(frame, image, url) {
  let tries = 0;
  image.addEventListener("load", () => frame.classList.remove("is-missing"));
  image.addEventListener("error", () => {
    frame.classList.add("is-missing");
    if (!url || hooks.load(image, url) || tries >= RETRY_MS.length) return;
    setTimeout(() => (image.src = url), RETRY_MS[tries]);
    tries += 1;
  });
}

/** As large as it is, within bounds, and never so narrow that it cannot be seen. */
export function shownSize({ width, height }) {
  const scale = Math.min(1, MAX_WIDTH / width, MAX_HEIGHT / height);
  return { width: Math.max(MIN_SIDE, Math.round(width * scale)), height: Math.max(MIN_SIDE, Math.round(height * scale)) };
}

function card(file, isPending) {
  const frame = document.createElement(isPending ? "span" : "a");
  frame.className = "file-card";
  if (!isPending) Object.assign(frame, { href: addressOf(file), download: file.name });
  frame.append(
    textIn("span", "file-kind", kindOf(file)),
    textIn("bdi", "file-name", visible(file.name)),
    textIn("span", "file-about", sizeOf(file.bytes)),
  );
  frame.firstElementChild.setAttribute("aria-hidden", "true");
  frame.lastElementChild.dataset.download = t("download"); // drawn by the stylesheet
  return frame;
}

function textIn(tag, name, text) {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

function drawProgress(box, file) {
  const known = box.querySelector(".file-progress");
  if (!file) {
    known?.remove();
    return;
  }
  const line = known ?? box.appendChild(document.getElementById("file-progress-template").content.firstElementChild.cloneNode(true));
  const bar = line.querySelector("progress");
  bar.value = file.progress ?? 0;
  bar.setAttribute("aria-label", t("Uploading {name}", { name: visible(file.name) }));
}
