// Work that is asked for many times and done once: with the next frame, or soon where the page is not painted.

const NOT_PAINTED = 200; // ms

/** A function that schedules `work`; its `now()` does at once what is due. */
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
    timer = setTimeout(now, NOT_PAINTED); // a hidden tab has no frames
  };
  return Object.assign(soon, { now });
}

/** What was due is drawn. */
export function nextFrame() {
  return new Promise((done) => requestAnimationFrame(done));
}
