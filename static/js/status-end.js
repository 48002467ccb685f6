// When a status ends. Pure.

const MINUTE_MS = 60_000;

/** choice: "" for good, "today", a number of minutes, or a time in ISO 8601 that was set before; now: the server's time, in ms. */
export function statusEnd(choice, now) {
  if (choice === "") return null;
  if (choice === "today") return endOfDay(now);
  if (/^\d+$/.test(choice)) return new Date(now + Number(choice) * MINUTE_MS).toISOString();
  return Date.parse(choice) > now ? choice : null;
}

function endOfDay(now) {
  const end = new Date(now);
  end.setHours(24, 0, 0, 0);
  return end.toISOString();
}
