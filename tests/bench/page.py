"""How the page bears much: `python -m tests.bench.page`. A real server, a real browser, three goals of their own.

An outbox of 260 drained, a switch to a room of which 5,000 messages were read, the heap while one scrolls 20,000 back.
The times are for a machine that has nothing else to do.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from playwright.async_api import CDPSession, Page, expect

from app.config import Settings
from app.server import Running, start
from tests.support.browser import Visitor, chromium
from tests.support.proxy import Proxy
from tests.support.talker import Talker

WAITING, READ, SCROLLED = 260, 5_000, 20_000  # messages
DRAINED_S, SWITCHED_MS, NODES, GROWN = 2.0, 100, 15, 1.3
SAY_ALL = """(count) => {
  const box = document.getElementById("message");
  for (let nth = 0; nth < count; nth += 1) {
    box.value = `said ${nth}`;
    box.form.requestSubmit();
  }
}"""
DRAIN = """() => new Promise((done) => {
  const [pending, status] = [document.getElementById("pending"), document.getElementById("connection")];
  let began = null;
  const look = () => {
    if (began === null && status.textContent.includes("Connected")) began = performance.now();
    if (began !== null && pending.children.length === 0) done((performance.now() - began) / 1000);
    else requestAnimationFrame(look);
  };
  look();
})"""
SWITCH = """(room) => new Promise((done) => {
  const began = performance.now();
  document.querySelector(`.room-entry[data-room="${room}"] a`).click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
})"""
READ_BACK = """(until) => new Promise((done) => {
  const log = document.getElementById("messages");
  const step = () => {
    const first = +document.querySelector("#said > li").dataset.seq;
    if (first <= until) return done(document.querySelectorAll("#said > li").length);
    log.scrollTop = 200;
    requestAnimationFrame(step);
  };
  step();
})"""
PER_ROW = """() => {
  const said = document.getElementById("said");
  const all = document.createTreeWalker(said, NodeFilter.SHOW_ALL);
  let count = 0;
  while (all.nextNode()) count += 1;
  return count / said.children.length;
}"""


async def main() -> None:
    """Exit code 1 where a goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(host="127.0.0.1", port=0, data=Path(folder), rate_limit="off")  # type: ignore[call-arg]
        server = await start(settings)
        async with chromium() as browser, Proxy(server.url) as proxy:
            alice = await Visitor.arrive(browser, proxy.url, "alice")
            reached = [await drained(alice, proxy), *await much_read(alice, server)]
        await server.stop()
    sys.exit(0 if all(reached) else 1)


async def drained(alice: Visitor, proxy: Proxy) -> bool:
    await alice.enters("outbox")
    await alice.is_in()
    await proxy.refuse()
    await expect(alice.status).not_to_contain_text("Connected")
    await alice.page.evaluate(SAY_ALL, WAITING)
    await expect(alice.pending).to_have_count(WAITING)
    await proxy.accept()
    took = await alice.page.evaluate(DRAIN)
    return told(f"{WAITING} that waited were sent in", took, "s", DRAINED_S)


async def much_read(alice: Visitor, server: Running) -> list[bool]:
    await fill(server.url, "long", SCROLLED)
    await alice.page.goto(f"{alice.url}/r/long")
    await alice.is_in()
    devtools = await alice.context.new_cdp_session(alice.page)
    await alice.page.evaluate(READ_BACK, SCROLLED - READ)
    per_row = await alice.page.evaluate(PER_ROW)
    await alice.page.evaluate(SWITCH, "outbox")
    switched = min([await switch(alice.page) for _ in range(3)])
    await alice.page.evaluate(SWITCH, "long")
    early = await heap(devtools)
    began = time.monotonic()
    rows = await alice.page.evaluate(READ_BACK, 1)
    print(f"{SCROLLED - READ} more were scrolled through in {time.monotonic() - began:.1f} s; {rows} rows stand")
    return [
        told("nodes a row", per_row, "", NODES),
        told(f"a switch to a room of which {READ} were read took", switched, "ms", SWITCHED_MS),
        told(f"the heap after {SCROLLED} is that after {READ} times", await heap(devtools) / early, "", GROWN),
    ]


async def switch(page: Page) -> float:
    took = await page.evaluate(SWITCH, "long")
    await page.evaluate(SWITCH, "outbox")
    return float(took)


async def heap(devtools: CDPSession) -> int:
    await devtools.send("HeapProfiler.collectGarbage")
    return int((await devtools.send("Runtime.getHeapUsage"))["usedSize"])


async def fill(url: str, room: str, count: int) -> None:
    async with Talker(url, "chatterbox") as talker:
        await talker.join(room)
        for begin in range(0, count, 500):
            await asyncio.gather(*(talker.say(room, f"line {nth}") for nth in range(begin, begin + 500)))


def told(what: str, measured: float, unit: str, most: float) -> bool:
    print(f"{'ok  ' if measured <= most else 'OVER'} {what} {measured:.2f} {unit} (goal: {most:g})")
    return measured <= most


if __name__ == "__main__":
    asyncio.run(main())
