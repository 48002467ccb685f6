"""Whose nickname it is: reserved with a passphrase, one person on two devices, a rename that no old wish undoes."""

import asyncio
import re
from pathlib import Path

from playwright.async_api import expect

from tests.browser.conftest import Start, Visit
from tests.support.browser import Visitor
from tests.support.talker import Talker

PASSPHRASE = "correct horse battery"
STORED = "JSON.stringify([{ ...localStorage }, { ...sessionStorage }])"


async def enters(visit: Visit, url: str, nickname: str) -> Visitor:
    visitor = await visit(url, nickname)
    await visitor.enters("lobby")
    await visitor.is_in()
    return visitor


async def reserves(visitor: Visitor, passphrase: str = PASSPHRASE) -> None:
    await visitor.types("/reserve")
    await expect(visitor.passphrase_box).to_be_focused()
    await visitor.passphrase_box.fill(passphrase)
    await visitor.passphrase_box.press("Enter")
    await expect(visitor.self_mark).to_be_visible()


async def comes_from_another_device(visit: Visit, url: str, nickname: str) -> Visitor:
    """In a browser that has never been here: the dialog says that the nickname is somebody's."""
    visitor = await visit(url, nickname)
    await visitor.page.goto(f"{url}/r/lobby")
    await expect(visitor.passphrase_box).to_be_hidden()
    await visitor.nickname_box.fill(nickname)
    await visitor.nickname_box.press("Enter")
    await expect(visitor.passphrase_box).to_be_focused()
    await expect(visitor.passphrase_box).to_have_accessible_description("If it is yours, type its passphrase.")
    return visitor


async def renames(visitor: Visitor, nickname: str) -> None:
    await visitor.page.get_by_role("button", name="Change nickname").click()
    await visitor.nickname_box.fill(nickname)
    await visitor.nickname_box.press("Enter")
    await expect(visitor.nickname_box).to_be_hidden()


async def is_called(*visitors: Visitor, nickname: str) -> None:
    for one in visitors:
        await expect(one.page.locator("#self-nickname")).to_have_text(nickname)
        await expect(one.people.filter(has_text=nickname)).to_have_class(re.compile("is-me"))


async def test_with_the_passphrase_one_is_the_same_person_on_another_device(url: str, visit: Visit) -> None:
    phone, bob = await asyncio.gather(enters(visit, url, "alice"), enters(visit, url, "bob"))
    await phone.says("from the phone")
    await expect(phone.self_mark).to_be_hidden()
    await reserves(phone)
    laptop = await comes_from_another_device(visit, url, "alice")
    await laptop.passphrase_box.fill("wrong horse battery")
    await laptop.passphrase_box.press("Enter")
    await expect(laptop.page.get_by_text("not the passphrase")).to_be_visible()
    await expect(laptop.passphrase_box).to_have_value("wrong horse battery")
    await expect(laptop.nickname_box).to_have_value("alice")
    await laptop.passphrase_box.fill(PASSPHRASE)
    await laptop.passphrase_box.press("Enter")
    await laptop.is_in()
    await expect(laptop.self_mark).to_be_visible()
    await expect(bob.people).to_have_text(["alice", "bob"])
    await laptop.says("from the laptop")
    for device in (phone, laptop):
        await device.reads(["from the phone", "from the laptop"])
        await expect(device.log.locator(".is-mine")).to_have_count(2)
    for device in (phone, laptop):
        assert PASSPHRASE not in await device.page.evaluate(STORED), "a passphrase is kept nowhere"
    await laptop.page.reload()
    await laptop.is_in()
    await is_called(laptop, nickname="alice")


async def test_a_rename_shows_at_once_in_every_tab_and_device_and_no_old_wish_undoes_it(url: str, visit: Visit) -> None:
    phone = await enters(visit, url, "alice")
    tab = await phone.another_tab("lobby")
    await reserves(phone)
    await expect(tab.self_mark).to_be_visible()
    laptop = await comes_from_another_device(visit, url, "alice")
    await laptop.passphrase_box.fill(PASSPHRASE)
    await laptop.passphrase_box.press("Enter")
    await laptop.is_in()
    await renames(phone, "Alicia")
    await is_called(phone, tab, laptop, nickname="Alicia")
    await laptop.page.goto(f"{url}/echo")
    await expect(phone.people).to_have_text(["Alicia"])
    await renames(phone, "Allie")
    await laptop.page.goto(url)
    await expect(laptop.nickname_box).to_have_value("Alicia"), "all that this browser knows"
    await laptop.page.get_by_role("textbox", name="Room").fill("lobby")
    await laptop.page.get_by_role("textbox", name="Room").press("Enter")
    await is_called(laptop, phone, tab, nickname="Allie")
    await laptop.page.goto(url)
    await expect(laptop.nickname_box).to_have_value("Allie")
    await laptop.nickname_box.fill("Alix")
    await laptop.page.get_by_role("textbox", name="Room").fill("lobby")
    await laptop.page.get_by_role("textbox", name="Room").press("Enter")
    await is_called(laptop, phone, tab, nickname="Alix")


async def test_who_is_in_already_becomes_the_owner_of_the_name_in_every_tab(url: str, visit: Visit) -> None:
    alice = await enters(visit, url, "alice")
    await alice.says("mine")
    await reserves(alice)
    guest = await enters(visit, url, "somebody")
    tab = await guest.another_tab("lobby")
    await guest.says("said before")
    await guest.types("/nick alice")
    await expect(guest.page.locator("#composer-sentence")).to_contain_text("/identify alice")
    await guest.box.fill("a draft")
    await guest.box.fill("/identify alice")
    await guest.box.press("Enter")
    await expect(guest.passphrase_box).to_be_focused()
    await expect(guest.passphrase_box).to_have_attribute("autocomplete", "current-password")
    await expect(guest.nickname_box).to_have_attribute("autocomplete", "username")
    await guest.passphrase_box.fill(PASSPHRASE)
    await guest.passphrase_box.press("Enter")
    await is_called(guest, tab, nickname="alice")
    await expect(alice.people).to_have_text(["alice"])
    for one in (guest, tab):
        await expect(one.people).to_have_text(["alice"])
        await expect(one.page.locator("#news")).to_be_hidden()
        await expect(one.log.locator("#said > .is-mine .message-text")).to_have_text(["mine"])
    await guest.page.reload()
    await is_called(guest, nickname="alice")


async def test_a_refused_name_leaves_what_was_typed_and_its_passphrase_opens_it_at_once(url: str, visit: Visit) -> None:
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await reserves(await enters(visit, url, "alice"))
        cleo = await enters(visit, url, "cleo")
        await cleo.page.get_by_role("button", name="Change nickname").click()
        await expect(cleo.passphrase_box).to_have_attribute("autocomplete", "new-password")
        await cleo.nickname_box.fill("bob")
        await cleo.passphrase_box.fill("short")
        await cleo.passphrase_box.press("Enter")
        await expect(cleo.passphrase_box).to_have_accessible_description(re.compile("8 to 200"))
        await cleo.passphrase_box.fill(PASSPHRASE)
        await cleo.passphrase_box.press("Enter")
        await expect(cleo.page.locator("#door-sentence")).to_contain_text("bob")
        await expect(cleo.nickname_box).to_have_value("bob")
        await expect(cleo.passphrase_box).to_have_value(PASSPHRASE)
        await cleo.nickname_box.fill("alice")
        await cleo.passphrase_box.fill("no horse battery")
        await cleo.passphrase_box.press("Enter")
        await expect(cleo.passphrase_box).to_have_accessible_description(re.compile("not the passphrase"))
        await cleo.page.get_by_role("button", name="Be alice2 instead").click()
        await expect(cleo.people).to_have_text(["alice", "alice2", "bob"])
        await expect(cleo.self_mark).to_be_visible(), "with the passphrase that stood there"


async def test_a_reservation_can_be_given_up(url: str, visit: Visit) -> None:
    alice = await enters(visit, url, "alice")
    await reserves(alice)
    await alice.page.get_by_role("button", name="Change nickname").click()
    await expect(alice.passphrase_box).to_have_accessible_description(re.compile("is reserved for you"))
    await alice.page.get_by_role("button", name="Give the reservation up").click()
    await expect(alice.page.locator("#door-sentence")).to_have_text("“alice” is no longer reserved.")
    await expect(alice.page.get_by_role("button", name="Give the reservation up")).to_be_hidden()
    await alice.page.keyboard.press("Escape")
    await expect(alice.self_mark).to_be_hidden()
    await alice.types("/help")
    await expect(alice.page.get_by_text("/reserve")).to_be_visible()


async def test_after_the_loss_of_the_database_everybody_has_their_name_again(
    start_server: Start, visit: Visit, tmp_path: Path
) -> None:
    server = await start_server()
    alice, bob = await asyncio.gather(enters(visit, server.url, "alice"), enters(visit, server.url, "bob"))
    alice.forgives_network = bob.forgives_network = True
    await renames(alice, "Alicia")
    await alice.says("in the old days")
    await bob.reads(["in the old days"])
    await server.stop()
    await start_server(port=int(server.url.rpartition(":")[2]), data=tmp_path / "anew")
    for one in (alice, bob):
        await expect(one.people).to_have_text(["Alicia", "bob"])
        await one.reads([])
    await is_called(alice, nickname="Alicia")
    await alice.says("a new age")
    await asyncio.gather(alice.reads(["a new age"]), bob.reads(["a new age"]))
