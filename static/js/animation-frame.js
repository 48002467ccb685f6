// Work that is requested many times and done once: in the next animation frame, or soon where the page is not painted.

const HIDDEN_DELAY_MS = 200;

/** A function that schedules `work`; its `now()` does at once what is scheduled. */
export function oncePerFrame(work) {
  let frame = null;
  let timer = null;
  const now = () => {
    if (timer === null) return;
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    timer = null;
    work();
  };
  const soon = () => {
    if (timer !== null) return;
    frame = requestAnimationFrame(now);
    timer = setTimeout(now, HIDDEN_DELAY_MS); // a hidden tab has no frames
  };
  return Object.assign(soon, { now });
}

/** Resolves in the next frame, after what was scheduled before it. */
export function nextFrame() {
  return new Promise((done) => requestAnimationFrame(done));
}
