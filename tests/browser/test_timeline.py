"""The log as it is drawn: much of it, tall messages, days, directions, what is being edited."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from app.server import Running
from tests.browser.conftest import Visit
from tests.support.browser import Visitor
from tests.support.proxy import Proxy
from tests.support.talker import Talker, new_id
from tests.support.thorough import first

NODES = 15  # of a row at rest, texts included
ROWS = 500  # in the page, however much was said and read
COUNT = """(row) => {
  const all = document.createTreeWalker(row, NodeFilter.SHOW_ALL);
  let count = 1;
  while (all.nextNode()) count += 1;
  return count;
}"""
# Scrolls in the moment before the page is told of what contains these words: no frame comes in between.
SCROLLS_BEFORE = """
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      if (!window.scrollsBefore || !data.includes(window.scrollsBefore)) return;
      window.scrollsBefore = null;
      document.getElementById("messages").scrollTop = 200;
    });
  }
};
"""
JUMP = "(log, where) => { log.scrollTop = where < 0 ? log.scrollHeight : where; }"


def row(visitor: Visitor, text: str) -> Locator:
    rows = visitor.log.locator("#said > .message")
    return rows.filter(has=visitor.page.locator(".message-text", has_text=text)).last


async def alice_in(visit: Visit, url: str, **options: Any) -> Visitor:
    alice = await visit(url, "alice", **options)
    await alice.enters("lobby")
    await alice.is_in()
    return alice


async def talk(url: str, texts: list[str], room: str = "lobby") -> None:
    """Somebody says these, in this order."""
    async with Talker(url, "chatterbox") as talker:
        await talker.join(room)
        for start in range(0, len(texts), 100):
            await asyncio.gather(*(talker.say(room, text) for text in texts[start : start + 100]))


async def seqs(visitor: Visitor) -> list[int]:
    return await visitor.page.evaluate("Array.from(document.querySelectorAll('#said > li'), (row) => +row.dataset.seq)")


async def test_a_row_at_rest_has_few_nodes_and_its_controls_come_with_the_pointer(url: str, visit: Visit) -> None:
    await talk(url, ["one", "two"])
    alice = await alice_in(visit, url)
    await alice.says("mine")
    await alice.reads(["one", "two", "mine"])
    await row(alice, "one").hover()
    await row(alice, "one").get_by_role("button", name="Reply").click()
    await alice.says("an answer of mine")
    await alice.reads(["one", "two", "mine", "an answer of mine"])
    await alice.page.mouse.move(0, 0)
    await expect(alice.log.get_by_role("toolbar")).to_have_count(0)
    counts = [await one.evaluate(COUNT) for one in await alice.log.locator("#said > li").all()]
    assert max(counts) <= NODES, counts
    await row(alice, "two").hover()
    await expect(row(alice, "two").get_by_role("button", name="Reply")).to_be_visible()


async def test_reading_far_back_and_down_again_keeps_few_rows_and_misses_none(url: str, visit: Visit) -> None:
    await talk(url, [f"line {n}" for n in range(1_200)])
    alice = await alice_in(visit, url)
    seen = set(await seqs(alice))
    first = min(seen)
    while first > 1:
        await alice.log.evaluate(JUMP, 200)
        await alice.waits_for("(first) => +document.querySelector('#said > li').dataset.seq < first", first)
        rows = await seqs(alice)
        assert rows == list(range(rows[0], rows[-1] + 1)), "no holes, nothing twice"
        assert len(rows) <= ROWS
        first = rows[0]
        seen |= set(rows)
    assert seen == set(range(1, 1_201))
    await expect(alice.log).to_contain_text("This is the beginning of #lobby")
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await bob.say("lobby", "far below")
        latest = alice.page.get_by_role("button", name="Jump to latest")
        await expect(latest).to_contain_text("1 new")
        await expect(row(alice, "far below")).to_have_count(0)
        last = (await seqs(alice))[-1]
        while last < 1_201:
            await alice.log.evaluate(JUMP, -1)
            await alice.waits_for("(last) => +document.querySelector('#said > li:last-child').dataset.seq > last", last)
            rows = await seqs(alice)
            assert rows == list(range(rows[0], rows[-1] + 1))
            assert len(rows) <= ROWS
            last = rows[-1]
        await alice.log.evaluate(JUMP, -1)
        await expect(latest).to_be_hidden()
        await expect(row(alice, "far below")).to_be_in_viewport()
        await bob.say("lobby", "and now")
        await expect(row(alice, "and now")).to_be_in_viewport()


async def test_far_back_ones_own_words_lead_to_the_end_and_edits_still_show(url: str, visit: Visit) -> None:
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        said = [await bob.say("lobby", f"line {n}") for n in range(600)]
        alice = await alice_in(visit, url)
        while (await seqs(alice))[0] > 1:
            first = (await seqs(alice))[0]
            await alice.log.evaluate(JUMP, 200)
            await alice.waits_for("(first) => +document.querySelector('#said > li').dataset.seq < first", first)
        assert (await seqs(alice))[-1] < 600, "the newest rows are let go of"
        await bob.ask("edit", {"room": "lobby", "seq": said[1]["seq"], "text": "edited up here"})
        await bob.ask("edit", {"room": "lobby", "seq": said[-2]["seq"], "text": "edited down there"})
        await expect(row(alice, "edited up here")).to_have_count(1)
        await alice.types("back again")
        await expect(row(alice, "back again")).to_be_in_viewport()
        await expect(row(alice, "edited down there")).to_have_count(1)
        await expect(alice.said.last).to_have_text("back again")


async def test_going_to_another_room_and_back_finds_the_place_one_read(url: str, visit: Visit) -> None:
    await talk(url, [f"line {n}" for n in range(700)])
    alice = await alice_in(visit, url)
    while (await seqs(alice))[0] > 1:
        first = (await seqs(alice))[0]
        await alice.log.evaluate(JUMP, 200)
        await alice.waits_for("(first) => +document.querySelector('#said > li').dataset.seq < first", first)
    await row(alice, "line 20").scroll_into_view_if_needed()
    await alice.page.get_by_role("textbox", name="Room").fill("garden")
    await alice.page.get_by_role("textbox", name="Room").press("Enter")
    await expect(alice.said).to_have_count(0)
    await alice.room_entry("lobby").click()
    await expect(row(alice, "line 20")).to_be_in_viewport()
    assert len(await seqs(alice)) <= ROWS


async def test_a_room_that_was_read_to_its_end_is_there_again_below_its_welcome(url: str, visit: Visit) -> None:
    """The welcome text comes after the log is drawn, and makes it smaller."""
    alice = await alice_in(visit, url)
    for number in range(30):
        await alice.types(f"line {number}")
    await alice.types("/welcome " + "Be kind. " * 80)
    welcome = alice.page.locator("#room-welcome")
    await expect(welcome).to_be_visible()
    await alice.page.get_by_role("textbox", name="Room").fill("kitchen")
    await alice.page.get_by_role("textbox", name="Room").press("Enter")
    await expect(welcome).to_be_hidden()
    await alice.says("not empty either")
    await alice.room_entry("lobby").click()
    await expect(welcome).to_be_visible()
    await alice.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    await expect(row(alice, "line 29")).to_be_in_viewport(ratio=1)
    await expect(alice.page.get_by_role("button", name="Jump to latest")).to_be_hidden()


async def test_who_scrolls_up_while_somebody_arrives_stays_there(url: str, visit: Visit) -> None:
    await talk(url, [f"line {n}" for n in range(200)])
    alice = await visit(url, "alice")
    await alice.context.add_init_script(SCROLLS_BEFORE)
    await alice.enters("lobby")
    await alice.is_in("websocket")
    first = (await seqs(alice))[0]
    await alice.page.evaluate("window.scrollsBefore = '\"people\"'")
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await expect(alice.people.filter(has_text="bob")).to_have_count(1)
        await alice.waits_for("(first) => +document.querySelector('#said > li').dataset.seq < first", first)
    await expect(alice.page.get_by_role("button", name="Jump to latest")).to_be_visible()


async def test_a_full_outbox_goes_out_in_order_in_few_steps(url: str, proxy: Proxy, visit: Visit) -> None:
    """260 that were said without a connection: several in flight at once, one redraw a frame."""
    alice = await visit(proxy.url, "alice")
    alice.forgives_network = True
    await alice.enters("lobby")
    await alice.is_in()
    await proxy.refuse()
    await expect(alice.status).not_to_contain_text("Connected")
    texts = [f"said {n}" for n in range(260)]
    await alice.page.evaluate(
        """(texts) => {
          const box = document.getElementById("message");
          for (const text of texts) {
            box.value = text;
            box.form.requestSubmit();
          }
        }""",
        texts,
    )
    await expect(alice.pending).to_have_count(260)
    await proxy.accept()
    await alice.page.reload()
    await expect(alice.pending).to_have_count(0)
    async with Talker(url, "bob") as bob:
        last = await bob.join("lobby")
        before = await bob.ask("history", {"room": "lobby", "before": last["messages"][0]["seq"]})
        oldest = await bob.ask("history", {"room": "lobby", "before": before["messages"][0]["seq"]})
    pages = (oldest, before, last)
    assert [one["text"] for page in pages for one in page["messages"]] == texts


async def test_what_comes_in_one_burst_is_drawn_with_few_redraws(url: str, visit: Visit) -> None:
    """The log is touched once a frame at most: a draw is a batch of changes between two frames."""
    alice = await alice_in(visit, url)
    await alice.page.evaluate("""() => {
      let mark = 0;
      const frame = () => { mark += 1; requestAnimationFrame(frame); };
      requestAnimationFrame(frame);
      window.batches = new Map();
      new MutationObserver(() => window.batches.set(mark, (window.batches.get(mark) ?? 0) + 1)).observe(
        document.getElementById("said"), { childList: true });
    }""")
    await talk(url, [f"line {n}" for n in range(300)])
    await expect(alice.said.last).to_have_text("line 299")
    batches = await alice.page.evaluate("[...window.batches.values()]")
    assert max(batches) <= 2, "a draw, and what is let go of"
    assert sum(batches) < 150, "300 messages are not 300 draws"


async def test_nothing_that_is_said_is_taller_than_the_window(url: str, visit: Visit) -> None:
    texts = [
        "\n".join(["a"] * 1_500),
        "word " * 780 + "end",
        "x" * 3_900,
        "a" + "\n" * 3_000 + "b",
        "a" + "\n\u3000\u200b\u2800" * 900 + "\nb",
    ]
    alice = await alice_in(visit, url)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        assert [(await bob.say("lobby", text))["text"] for text in texts] == texts
    await expect(alice.said).to_have_count(len(texts))
    for said in await alice.said.all():
        assert (await said.bounding_box() or {})["height"] < 400


async def test_a_tall_message_unfolds_and_folds_by_keyboard(url: str, visit: Visit) -> None:
    await talk(url, ["\n".join(f"verse {n}" for n in range(200)), "short"])
    alice = await alice_in(visit, url)
    more = row(alice, "verse 199").get_by_role("button", name="Show more")
    await expect(more).to_have_attribute("aria-expanded", "false")
    await expect(row(alice, "short").get_by_role("button", name="Show more")).to_have_count(0)
    await more.focus()
    await alice.page.keyboard.press("Enter")
    less = row(alice, "verse 199").get_by_role("button", name="Show less")
    await expect(less).to_be_focused()
    await expect(less).to_have_attribute("aria-expanded", "true")
    assert (await row(alice, "verse 199").bounding_box() or {})["height"] > 3_000
    await alice.page.keyboard.press("Space")
    await expect(more).to_be_focused()
    await expect(more).to_be_in_viewport()
    assert (await row(alice, "verse 199").bounding_box() or {})["height"] < 500


async def test_what_a_link_in_the_folded_part_has_is_shown_when_the_keyboard_gets_there(url: str, visit: Visit) -> None:
    await talk(url, ["\n".join([*(f"verse {n}" for n in range(60)), "https://example.org/end"])])
    alice = await alice_in(visit, url)
    await expect(alice.log.get_by_role("button", name="Show more")).to_be_visible()
    await alice.log.get_by_role("link").focus()
    await expect(alice.log.get_by_role("button", name="Show less")).to_be_visible()
    await expect(alice.log.get_by_role("link")).to_be_in_viewport()


async def test_an_answer_leads_to_a_folded_message_and_unfolds_it(url: str, visit: Visit) -> None:
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        poem = await bob.say("lobby", "\n".join(f"verse {n}" for n in range(50)))
        answer = {"room": "lobby", "text": "lovely", "id": new_id(), "reply_to": poem["seq"]}
        assert (await bob.ask("send", answer))["ok"]
    alice = await alice_in(visit, url)
    await row(alice, "lovely").locator(".message-quote").click()
    await expect(row(alice, "verse 49").get_by_role("button", name="Show less")).to_be_attached()
    await expect(row(alice, "verse 49")).to_be_focused()


async def test_at_most_two_empty_lines_are_drawn_and_all_are_stored(url: str, visit: Visit) -> None:
    text = "above" + "\n" * 40 + "below"
    await talk(url, [text])
    alice = await alice_in(visit, url)
    assert await alice.said.first.evaluate("(text) => text.textContent") == "above\n\n\nbelow"
    await talk(url, ["one\n\n\ntwo"])
    await expect(alice.said).to_have_count(2)
    assert await alice.said.last.evaluate("(text) => text.textContent") == "one\n\n\ntwo"


DAYS = "Array.from(document.querySelectorAll('.message-day'), (day) => day.textContent)"


async def test_yesterdays_words_are_named_so_after_midnight(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    await alice.page.clock.install(time=datetime.now(UTC))
    await alice.enters("lobby")
    await alice.is_in()
    await alice.says("before midnight")
    await alice.reads(["before midnight"])
    assert await alice.page.evaluate(DAYS) == ["Today"]
    await alice.page.clock.set_system_time(datetime.now(UTC) + timedelta(days=1))
    await alice.page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
    await alice.waits_for(f"JSON.stringify({DAYS}) === '[\"Yesterday\"]'")


async def test_midnight_comes_without_anybody_doing_anything(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    alice.forgives_network = True
    await alice.page.clock.install(time=datetime.now(UTC))
    await alice.enters("lobby")
    await alice.is_in()
    await alice.says("before midnight")
    await alice.reads(["before midnight"])
    await alice.goes_offline()
    await alice.page.clock.fast_forward(timedelta(days=1) // timedelta(milliseconds=1))
    await alice.waits_for(f"JSON.stringify({DAYS}) === '[\"Yesterday\"]'")
    await alice.is_online_again()


@pytest.mark.parametrize("days", first([-1, 1, 400], 400), ids=["a-day-behind", "a-day-ahead", "a-year-ahead"])
async def test_a_wrong_clock_does_not_move_ones_own_words_to_another_day(
    url: str, proxy: Proxy, visit: Visit, days: int
) -> None:
    alice = await visit(proxy.url, "alice")
    alice.forgives_network = True
    await alice.page.clock.install(time=datetime.now(UTC) + timedelta(days=days))
    await alice.enters("lobby")
    await alice.is_in()
    await alice.says("one")
    await alice.reads(["one"])
    await alice.waits_for(f"JSON.stringify({DAYS}) === '[\"Today\"]'")
    await proxy.refuse()
    await expect(alice.status).not_to_contain_text("Connected")
    await alice.types("two")
    await expect(alice.pending).to_have_text(["two"])
    assert await alice.page.evaluate(DAYS) == ["Today"], "what waits stands under the same day"
    await proxy.accept()
    await alice.reads(["one", "two"])
    assert await alice.page.evaluate(DAYS) == ["Today"]


async def test_a_double_click_on_the_smiley_opens_the_picker_and_adds_nothing(url: str, visit: Visit) -> None:
    alice = await alice_in(visit, url)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        said = await bob.say("lobby", "double click me")
        await row(alice, "double click me").hover()
        await row(alice, "double click me").get_by_role("button", name="React").dblclick()
        picker = row(alice, "double click me").get_by_role("group", name="Reactions")
        await expect(picker).to_be_visible()
        await picker.get_by_role("button", name="🎉").click()
        await expect(row(alice, "double click me").locator(".reaction")).to_have_text(["🎉 1"])
        page = await bob.ask("history", {"room": "lobby"})
        assert page["messages"][0]["reactions"] == {"🎉": ["alice"]}
        assert said["seq"] == 1


@pytest.mark.parametrize(
    ("text", "width"),
    [("ok", 1_280), ("a longer text that goes on and on " * 4, 1_280), ("ok", 390)],
    ids=["short", "long", "short-on-a-phone"],
)
async def test_who_is_quoted_can_be_read(url: str, visit: Visit, text: str, width: int) -> None:
    name = "Maximiliana Schwarzenbergerova"
    async with Talker(url, name) as long_name, Talker(url, "bob") as bob:
        for one in (long_name, bob):
            await one.join("lobby")
        said = await long_name.say("lobby", text)
        answer = {"room": "lobby", "text": "yes", "id": new_id(), "reply_to": said["seq"]}
        assert (await bob.ask("send", answer))["ok"]
    alice = await visit(url, "alice", viewport={"width": width, "height": 800})
    await alice.enters("lobby")
    author = row(alice, "yes").locator(".message-quote-author")
    await expect(author).to_have_text(name)
    assert await author.evaluate("(author) => author.scrollWidth <= author.clientWidth"), "not a letter is cut"


async def test_a_deleted_message_has_no_tick(url: str, visit: Visit) -> None:
    alice = await alice_in(visit, url)
    await alice.says("oops")
    await alice.reads(["oops"])
    await expect(alice.log.get_by_role("img", name="Sent")).to_have_count(1)
    await row(alice, "oops").hover()
    await row(alice, "oops").get_by_role("button", name="Delete", exact=True).click()
    await row(alice, "oops").get_by_role("button", name="Delete?", exact=True).click()
    await alice.reads(["This message was deleted"])
    await expect(alice.log.get_by_role("img", name="Sent")).to_have_count(0)


async def test_the_message_that_is_edited_is_marked_until_it_is_saved_or_left(url: str, visit: Visit) -> None:
    alice = await alice_in(visit, url)
    for text in ("one", "two"):
        await alice.says(text)
    await alice.reads(["one", "two"])
    marked = alice.log.locator(".is-being-edited .message-text")
    await expect(marked).to_have_count(0)
    await alice.box.press("ArrowUp")
    await expect(marked).to_have_text(["two"])
    await alice.page.reload()
    await expect(marked).to_have_text(["two"])
    await alice.box.press("Escape")
    await expect(marked).to_have_count(0)
    await alice.box.press("ArrowUp")
    await alice.says("three")
    await alice.reads(["one", "three"])
    await expect(marked).to_have_count(0)


async def test_controls_are_seen_and_what_turns_text_around_stays_in_its_message(url: str, visit: Visit) -> None:
    alice = await alice_in(visit, url)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        said = await bob.say("lobby", "red \x1b[31malert\x07 and \u202eevil")
        await bob.ask("edit", {"room": "lobby", "seq": said["seq"], "text": "red \x1b[31malert\x07 \u202eevil"})
        await bob.say("lobby", "/me \u202ewaves")
        answer = {"room": "lobby", "text": "yes", "id": new_id(), "reply_to": said["seq"]}
        assert (await bob.ask("send", answer))["ok"]
    await expect(alice.said).to_have_count(3)
    await expect(alice.said.first).to_contain_text("red ␛[31malert␇")
    await expect(alice.log.locator(".message-quote")).to_contain_text("red ␛[31malert␇")
    for place in (
        alice.said.first.locator("bdi"),
        alice.said.nth(1).locator("bdi"),
        alice.log.locator(".message-quote-text"),
    ):
        await expect(place).to_have_css("unicode-bidi", "isolate")
    bob_is_left_of_waves = """(text) => {
      const [bob, waves] = ["b", "bdi"].map((name) => text.querySelector(name).getBoundingClientRect());
      return bob.right <= waves.left + 1;
    }"""
    assert await alice.said.nth(1).evaluate(bob_is_left_of_waves)


async def test_each_text_of_the_log_has_its_own_direction(url: str, visit: Visit) -> None:
    alice = await alice_in(visit, url)
    async with Talker(url, "משה") as moshe:
        await moshe.join("lobby")
        said = await moshe.say("lobby", "שלום לכולם\nand in English")
        answer = {"room": "lobby", "text": "/me אומר שלום", "id": new_id(), "reply_to": said["seq"]}
        assert (await moshe.ask("send", answer))["ok"]
    await expect(alice.said).to_have_count(2)
    for part in ("#said .message-text", ".message-quote-text", ".message-author"):
        for one in await alice.log.locator(part).all():
            assert await one.get_attribute("dir") == "auto", part
    await expect(alice.said.first).to_have_css("direction", "rtl")
    await expect(alice.said.first).to_have_css("unicode-bidi", "plaintext")
    await expect(alice.log.locator(".message-quote-text")).to_have_css("direction", "rtl")


async def test_too_fast_keeps_the_order_and_loses_nothing(start_server: Any, visit: Visit) -> None:
    server: Running = await start_server(rate_limit=10)
    alice = await alice_in(visit, server.url)
    texts = [f"said {n}" for n in range(130)]
    await alice.page.evaluate(
        """(texts) => {
          const box = document.getElementById("message");
          for (const text of texts) {
            box.value = text;
            box.form.requestSubmit();
          }
        }""",
        texts,
    )
    await expect(alice.pending).to_have_count(0)
    await alice.reads(texts)
