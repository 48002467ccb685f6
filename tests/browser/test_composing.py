"""Writing: where keys go, what is pasted or dropped, what the button says, what is wanted in an empty field."""

from playwright.async_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.test_page import PHONE, another_room, enters
from tests.conftest import Start
from tests.support.browser import Visitor
from tests.support.proxy import Proxy
from tests.support.talker import Talker

NO_FILES = "Pictures and files cannot be sent here. A link to one can."
HAND_OVER = """({ type, target, file, text }) => {
  const data = new DataTransfer();
  if (file) data.items.add(new File(["..."], "cat.png", { type: "image/png" }));
  if (text) data.setData("text/plain", text);
  const given = type === "paste" ? { clipboardData: data } : { dataTransfer: data };
  const event = type === "paste" ? new ClipboardEvent(type, { ...given, bubbles: true, cancelable: true })
                                 : new DragEvent(type, { ...given, bubbles: true, cancelable: true });
  (document.querySelector(target) ?? document.body).dispatchEvent(event);
  return event.defaultPrevented;
}"""


async def hand_over(alice: Visitor, type: str, target: str, **what: object) -> bool:
    """Paste or drop a file or a text there. Did the page take it upon itself?"""
    return bool(await alice.page.evaluate(HAND_OVER, {"type": type, "target": target, **what}))


def sentence(alice: Visitor) -> Locator:
    return alice.page.locator("#composer-sentence")


async def is_red(part: Locator) -> None:
    red, green, blue = await part.evaluate(
        "(one) => getComputedStyle(one).color.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    assert red > 1.5 * max(green, blue), (red, green, blue)


async def test_what_is_typed_while_the_log_has_the_focus_is_written(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    keys = alice.page.keyboard
    await alice.log.focus()
    await keys.type("hello there")
    await expect(alice.box).to_be_focused()
    await expect(alice.box).to_have_value("hello there")
    await keys.press("Enter")
    await alice.reads(["hello there"])
    await alice.page.evaluate("document.activeElement.blur()")
    await keys.type("~")
    await expect(alice.box).to_have_value("~")
    await alice.room_entry("lobby").focus()
    await keys.type("!")
    await expect(alice.box).to_have_value("~!")


async def test_keys_that_mean_something_elsewhere_stay_there(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    keys = alice.page.keyboard
    await alice.log.focus()
    for key in ("Control+a", "Control+c", "Alt+x", "Meta+j", "ArrowUp", "PageUp", "Home", "Escape", "F2", "Shift", " "):
        await keys.press(key)
        await expect(alice.log).to_be_focused()
    await expect(alice.box).to_have_value("")
    await another_room(alice.page).press_sequentially("gar den")
    await expect(another_room(alice.page)).to_have_value("gar den")
    await alice.page.get_by_role("button", name="Change nickname").focus()
    await keys.press(" ")
    await expect(alice.nickname_box).to_be_focused()
    await alice.nickname_box.fill("")
    await keys.type("alicia")
    await expect(alice.nickname_box).to_have_value("alicia")
    await alice.page.get_by_role("button", name="Cancel").focus()
    await keys.type("x")
    await expect(alice.box).to_have_value(""), "the box in which one writes is out of reach"


async def test_text_pasted_into_the_log_is_written(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    await alice.box.fill("say: ")
    assert await hand_over(alice, "paste", "#messages", text="hello\nthere")
    await expect(alice.box).to_be_focused()
    await expect(alice.box).to_have_value("say: hello\nthere")
    await alice.page.reload()
    await expect(alice.box).to_have_value("say: hello\nthere"), "it is a draft like any other"


async def test_where_none_can_be_sent_a_picture_that_is_pasted_or_dropped_is_met_with_a_sentence(
    start_server: Start, visit: Visit
) -> None:
    alice = await enters(visit, (await start_server(files="off")).url)
    await alice.box.fill("look at this")
    for type, target in (("paste", "#message"), ("paste", "#messages"), ("drop", "#message"), ("drop", "#rooms")):
        assert await hand_over(alice, type, target, file=True), "or the browser would open it in place of the room"
        await expect(sentence(alice)).to_have_text(NO_FILES)
        await is_red(sentence(alice))
        await expect(alice.box).to_have_value("look at this")
        await alice.box.press("End")
        await alice.box.press_sequentially("!")
        await expect(sentence(alice)).to_be_hidden()
        await alice.box.fill("look at this")
    assert await hand_over(alice, "dragover", "#messages", file=True), "or nothing could be dropped"


async def test_text_that_is_pasted_or_dropped_is_the_browser_s_to_insert(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    assert not await hand_over(alice, "paste", "#message", text="words")
    assert not await hand_over(alice, "paste", "#message", text="cells of a table", file=True), (
        "its picture comes along"
    )
    assert not await hand_over(alice, "drop", "#message", text="words")
    assert not await hand_over(alice, "dragover", "#message", text="words")
    await expect(sentence(alice)).to_be_hidden()


async def test_while_editing_the_button_saves(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    save, send = (alice.page.get_by_role("button", name=name, exact=True) for name in ("Save", "Send"))
    await alice.says("a typo")
    await alice.reads(["a typo"])
    await expect(save).to_have_count(0)
    await alice.box.press("ArrowUp")
    await expect(send).to_have_count(0)
    await expect(alice.box).to_have_attribute("enterkeyhint", "done")
    await alice.box.fill("no typo")
    await save.click()
    await alice.reads(["no typo"])
    await expect(send).to_be_visible()
    await alice.box.press("ArrowUp")
    await expect(save).to_be_enabled()
    await alice.page.reload()
    await expect(save).to_be_visible()
    await alice.box.press("Escape")
    await expect(send).to_be_visible()


async def test_on_a_phone_the_button_is_named_and_drawn_for_what_it_does(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice", **PHONE)
    await alice.enters("lobby")
    await alice.says("a typo")
    await alice.reads(["a typo"])
    await expect(alice.page.locator(".send-mark")).to_be_visible()
    await alice.box.press("ArrowUp")
    await expect(alice.page.get_by_role("button", name="Save", exact=True)).to_be_visible()
    await expect(alice.page.locator(".save-mark")).to_be_visible()
    await expect(alice.page.locator(".send-mark")).to_be_hidden()


async def test_what_must_be_filled_in_says_so_in_red(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    page = alice.page
    needed = page.get_by_text("A nickname is needed, any name will do.")
    for path in ("/", "/r/lobby"):
        await page.goto(url + path)
        for text in ("", "   ", "\u200b\u2800"):
            await alice.nickname_box.fill(text)
            await page.get_by_role("button", name="Join").click()
            await expect(needed).to_be_visible()
            await is_red(needed)
            await expect(alice.nickname_box).to_be_focused()
            await expect(alice.nickname_box).to_have_attribute("aria-invalid", "true")
            await expect(alice.nickname_box).to_have_accessible_description("A nickname is needed, any name will do.")
    await alice.enters("lobby")
    room = another_room(page)
    await room.press("Enter")
    told = page.get_by_text("A room's name has letters")
    await expect(told).to_be_visible()
    await is_red(told)
    await expect(room).to_be_focused()
    await page.get_by_role("button", name="Change nickname").click()
    await alice.nickname_box.fill("")
    await page.get_by_role("button", name="Save").click()
    await expect(needed).to_be_visible()
    await is_red(needed)
    await alice.nickname_box.press("Escape")
    await alice.types("/identify bob")
    await alice.passphrase_box.press("Enter")
    wanted = page.get_by_text("Its passphrase is needed. Or choose another nickname.")
    await expect(wanted).to_be_visible()
    await is_red(wanted)
    await expect(alice.passphrase_box).to_be_focused()


async def test_the_rooms_at_the_side_stand_in_the_order_of_joining_also_after_a_reload(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    entries = alice.page.get_by_role("list", name="Rooms").get_by_role("link")
    for room in ("zoo", "attic", "mill"):
        await another_room(alice.page).fill(room)
        await another_room(alice.page).press("Enter")
        await expect(alice.page).to_have_url(f"{url}/r/{room}")
    order = ["lobby", "zoo", "attic", "mill"]
    await expect(entries.locator(".room-entry-name")).to_have_text(order)
    for room in ("mill", "attic", "lobby"):
        await alice.page.goto(f"{url}/r/{room}")
        await expect(entries.locator(".room-entry-name")).to_have_text(order)
        await expect(alice.room_entry(room)).to_have_attribute("aria-current", "page")
    await alice.page.goto(f"{url}/r/new")
    await expect(entries.locator(".room-entry-name")).to_have_text([*order, "new"])


async def test_on_a_phone_a_connection_that_is_lost_is_told_in_words(proxy: Proxy, visit: Visit) -> None:
    alice = await visit(proxy.url, "alice", **PHONE)
    alice.forgives_network = True
    await alice.enters("lobby")
    await expect(alice.status).to_contain_text("websocket")
    await alice.page.clock.install()
    await alice.page.clock.pause_at(await alice.page.evaluate("Date.now() + 1000"))  # no timer dials from here on
    await proxy.refuse()
    word, detail = alice.page.locator(".chip-word"), alice.page.locator("#chip-detail")
    await expect(word).to_have_text("Reconnecting")
    await expect(detail).to_contain_text(" s")
    boxes = [await part.bounding_box() for part in (word, detail)]
    assert all(box and box["width"] > 10 and box["height"] > 8 for box in boxes), boxes
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"] + 1, "one reads: Reconnecting in 2 s"


async def test_space_in_the_choice_of_reactions_chooses_and_writes_nothing(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await bob.say("lobby", "well?")
    await alice.said.first.hover()
    await alice.page.get_by_role("button", name="React", exact=True).click()
    picker = alice.page.get_by_role("group", name="Reactions")
    await expect(picker.get_by_role("button").first).to_be_focused()
    await alice.page.keyboard.press(" ")
    await expect(alice.log.locator(".reaction")).to_have_count(1)
    await expect(alice.box).to_have_value("")


async def test_typing_much_leaves_the_log_where_it_is(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    await alice.enters("lobby")
    for number in range(40):
        await alice.types(f"line {number}")
    last = alice.said.filter(has_text="line 39")
    await alice.box.fill("a long draft\n" * 7)
    await expect(last).to_be_in_viewport(ratio=1)
    await alice.box.press("End")
    for key in "xyz":
        await alice.box.press(key)
        await alice.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
    await expect(last).to_be_in_viewport(ratio=1)
    await expect(alice.page.get_by_role("button", name="Jump to latest")).to_be_hidden()
