"""Pictures and files, as two people with real browsers send and see them."""

import asyncio
import base64
import io
import wave
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from app.server import Running
from tests.browser.conftest import Visit
from tests.conftest import Start
from tests.support.browser import Visitor
from tests.support.thorough import first
from tests.support.uploads import animation, photo, picture

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

Payload = dict[str, Any]


def chosen(name: str, content: bytes, kind: str = "image/jpeg") -> Payload:
    """A file as Playwright chooses it."""
    return {"name": name, "mimeType": kind, "buffer": content}


async def attach(who: Visitor, *files: Payload) -> None:
    await who.page.locator("#attach-files").set_input_files(list(files))


def chips(who: Visitor) -> Any:
    return who.page.get_by_role("list", name="Files to send").get_by_role("listitem")


def pictures(who: Visitor) -> Any:
    return who.log.locator("#said img")


async def is_drawn(image: Any) -> None:
    """The browser has loaded and decoded it."""
    await expect(image).to_have_js_property("complete", True)
    assert await image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0


async def transfer(page: Page, kind: str, selector: str, *files: Payload) -> None:
    """Paste or drop files, as the browser hands them to the page."""
    given = [
        {"name": one["name"], "type": one["mimeType"], "data": base64.b64encode(one["buffer"]).decode()}
        for one in files
    ]
    await page.evaluate(
        """([kind, selector, given]) => {
          const transfer = new DataTransfer();
          for (const { name, type, data } of given) {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            transfer.items.add(new File([bytes], name, { type }));
          }
          const how = { bubbles: true, cancelable: true };
          const event = kind === "paste" ? new ClipboardEvent("paste", { ...how, clipboardData: transfer })
            : new DragEvent(kind, { ...how, dataTransfer: transfer });
          document.querySelector(selector).dispatchEvent(event);
        }""",
        [kind, selector, given],
    )


@pytest.mark.parametrize("transport", first(["websocket", "polling"], "polling"))
async def test_two_people_send_each_other_pictures_and_files(start_server: Start, visit: Visit, transport: str) -> None:
    server = await start_server(transports=transport)
    ann = await visit(server.url, "Ann", bypass_csp=True)
    bob = await visit(server.url, "Bob", color_scheme="dark", bypass_csp=True, **PHONE)
    await ann.enters("den")
    await bob.enters("den")
    await transfer(ann.page, "paste", "#message", chosen("sea.jpg", photo((1_600, 900))))
    await transfer(ann.page, "dragover", "#messages", chosen("x.pdf", b"%PDF-1.7", "application/pdf"))
    await expect(ann.page.get_by_text("Drop files to send them to this room")).to_be_visible()
    await transfer(ann.page, "drop", "#messages", chosen("tables.pdf", b"%PDF-1.7", "application/pdf"))
    await expect(ann.page.get_by_text("Drop files to send them to this room")).to_be_hidden()
    await attach(ann, chosen("sky.png", picture("PNG", (500, 900)), "image/png"), chosen("oops.png", b"", "image/png"))
    await expect(chips(ann)).to_have_count(4)
    await expect(chips(ann).nth(3)).to_contain_text("oops.png is empty.")
    await chips(ann).get_by_role("button", name="Remove oops.png").press("Enter")
    await expect(chips(ann)).to_have_count(3)
    await expect(chips(ann).get_by_role("button", name="Remove sky.png")).to_be_focused()
    await ann.box.fill("The sea, and the tables")
    await ann.box.press("Enter")
    await expect(ann.page.get_by_role("list", name="Files to send")).to_be_hidden()
    for who in (ann, bob):
        await expect(pictures(who)).to_have_count(2)
        sea, sky = pictures(who).nth(0), pictures(who).nth(1)
        await is_drawn(sea)
        await is_drawn(sky)
        await expect(sea).to_have_attribute("alt", "The sea, and the tables")
        await expect(sky).to_have_attribute("alt", "sky.png")
        box = await sea.bounding_box()
        assert box and abs(box["width"] / box["height"] - 16 / 9) < 0.03
        await expect(who.log.get_by_role("link", name="tables.pdf")).to_contain_text("8 B")
        await expect(who.pending).to_have_count(0)
    async with bob.page.expect_download() as download:
        await bob.log.get_by_role("link", name="tables.pdf").click()
    assert (await download.value).suggested_filename == "tables.pdf"
    await looks_at_pictures(ann)
    await ann.log.locator("#said .message").first.hover()
    for _ in range(2):
        await ann.page.get_by_role("toolbar", name="Actions").locator("[data-do=delete]").click()
    for who in (ann, bob):
        await expect(pictures(who)).to_have_count(1)


async def looks_at_pictures(who: Visitor) -> None:
    """By keyboard alone."""
    link = who.log.locator("a.message-picture").first
    await link.focus()
    await who.page.keyboard.press("Enter")
    viewer = who.page.get_by_role("dialog", name="Picture")
    await is_drawn(viewer.get_by_role("img", name="The sea, and the tables"))
    await expect(viewer.get_by_role("button", name="Close")).to_be_focused()
    await who.page.keyboard.press("ArrowRight")
    await is_drawn(viewer.get_by_role("img", name="sky.png"))
    await expect(viewer.get_by_text("2 of 2")).to_be_visible()
    await expect(viewer.get_by_role("link", name="Download")).to_have_attribute("download", "sky.png")
    for _ in range(6):  # round and round
        await who.page.keyboard.press("Tab")
        assert await viewer.evaluate("(dialog) => dialog.contains(document.activeElement)")
    await who.page.keyboard.press("Escape")
    await expect(viewer).to_have_count(0)
    await expect(link).to_be_focused()


class Gate:
    """Holds a page's uploads back until it is opened."""

    def __init__(self) -> None:
        self.opened, self.held = asyncio.Event(), asyncio.Event()

    async def pass_on(self, route: Route) -> None:
        self.held.set()
        await self.opened.wait()
        await route.continue_()


async def test_a_reload_in_the_middle_of_an_upload_loses_nothing(server: Running, visit: Visit) -> None:
    ann, bob = await visit(server.url, "Ann"), await visit(server.url, "Bob")
    ann.forgives_network = True
    gate = Gate()
    await ann.page.route("**/files", gate.pass_on)
    await ann.enters("den")
    await bob.enters("den")
    await attach(ann, chosen("sea.jpg", photo((900, 600))))
    await gate.held.wait()
    await ann.types("The sea")
    await ann.types("and on")
    await attach(ann, chosen("sky.jpg", photo((300, 200))))
    await expect(ann.pending).to_have_text(["The sea", "and on"])
    await expect(ann.log.get_by_role("progressbar", name="Uploading sea.jpg")).to_be_visible()
    gate.held.clear()
    await ann.page.reload()
    await expect(chips(ann)).to_have_count(1)
    await expect(chips(ann)).to_contain_text("sky.jpg")
    await expect(ann.pending).to_have_text(["The sea", "and on"])
    await gate.held.wait()
    gate.opened.set()
    await expect(ann.pending).to_have_count(0)
    await expect(bob.said).to_have_text(["The sea", "and on"])
    await is_drawn(pictures(bob).first)
    await ann.box.press("Enter")
    await expect(pictures(bob)).to_have_count(2)


async def test_offline_a_picture_waits_and_goes_by_itself_and_an_upload_can_be_cancelled(
    server: Running, visit: Visit
) -> None:
    ann, bob = await visit(server.url, "Ann"), await visit(server.url, "Bob")
    await ann.enters("den")
    await bob.enters("den")
    await ann.goes_offline()
    await attach(ann, chosen("sea.jpg", photo((900, 600))), chosen("sky.gif", animation("GIF"), "image/gif"))
    await ann.types("The sea")
    await expect(ann.log.locator("#pending .message")).to_have_count(2)
    await ann.log.locator("#pending .message").nth(1).get_by_role("button", name="Cancel").click()
    await expect(ann.log.locator("#pending .message")).to_have_count(1)
    await ann.is_online_again()
    await expect(bob.said).to_have_text(["The sea"])
    await is_drawn(pictures(bob).first)


async def test_a_picture_takes_its_space_before_it_is_there_and_a_sound_can_be_heard(
    server: Running, visit: Visit
) -> None:
    ann, bob = await visit(server.url, "Ann"), await visit(server.url, "Bob")
    gate = Gate()
    await bob.page.route("**/files/**", gate.pass_on)
    await ann.enters("den")
    await bob.enters("den")
    await attach(ann, chosen("sea.jpg", photo((1_600, 900))), chosen("sea.wav", sound(), "audio/wav"))
    await ann.says("The sea")
    await expect(bob.log.locator("#said .message")).to_have_count(2)
    await gate.held.wait()
    await expect(pictures(bob)).to_have_js_property("naturalWidth", 0)
    before = await pictures(bob).bounding_box()
    gate.opened.set()
    await is_drawn(pictures(bob))
    assert await pictures(bob).bounding_box() == before
    await bob.waits_for("() => document.querySelector('#said audio').readyState > 0")
    assert await bob.log.locator("#said audio").evaluate("(audio) => audio.duration") == 1


def sound() -> bytes:
    """A second of silence."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8_000)
        file.writeframes(b"\x80" * 8_000)
    return made.getvalue()


async def test_where_nothing_can_be_stored_files_go_all_the_same_and_the_person_is_told(
    server: Running, visit: Visit
) -> None:
    ann = await visit(server.url, "Ann")
    await ann.page.add_init_script(
        "Object.defineProperty(window, 'indexedDB', { get() { throw new Error('blocked'); } })"
    )
    await ann.enters("den")
    await attach(ann, chosen("sea.jpg", photo()))
    await expect(ann.page.get_by_role("alert")).to_contain_text("This browser cannot keep files over a reload")
    await ann.box.press("Enter")
    await is_drawn(pictures(ann).first)


async def test_where_the_operator_wants_none_nothing_is_offered(start_server: Start, visit: Visit) -> None:
    server = await start_server(files="off")
    ann = await visit(server.url, "Ann")
    await ann.enters("den")
    await expect(ann.page.get_by_role("button", name="Attach files")).to_have_count(0)
    await transfer(ann.page, "paste", "#message", chosen("sea.jpg", photo()))
    await expect(ann.page.get_by_text("Pictures and files cannot be sent here.")).to_be_visible()
