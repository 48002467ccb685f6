"""Owners, moderators and everybody else in a real browser: menus, dialogs, doorways, countdowns, links."""

import re
from typing import Any

from playwright.async_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.test_changes import press
from tests.browser.test_page import PHONE, enters
from tests.support.browser import Visitor
from tests.support.proxy import Proxy
from tests.support.talker import Talker

WORDS = "open sesame"


async def owns(visit: Visit, url: str, nickname: str = "alice", **options: Any) -> Visitor:
    """The first one in the lobby, to whom it belongs."""
    alice = await visit(url, nickname, **options)
    await alice.enters("lobby")
    await expect(alice.box).to_be_editable()
    if not options:
        await expect(row(alice, nickname).locator(".role-mark")).to_have_attribute("data-role", "owner")
    return alice


def row(visitor: Visitor, nickname: str) -> Locator:
    return visitor.people.filter(has_text=nickname)


def notice(visitor: Visitor, text: str) -> Locator:
    return visitor.page.locator(".notice", has_text=text)


def door(visitor: Visitor, title: str) -> Locator:
    return visitor.page.get_by_role("form", name=title)


def dialog(visitor: Visitor, title: str) -> Locator:
    return visitor.page.get_by_role("dialog", name=title)


async def does_to_person(visitor: Visitor, nickname: str, action: str) -> None:
    await row(visitor, nickname).hover()
    await visitor.page.get_by_role("button", name=f"Actions for {nickname}").click()
    await visitor.page.get_by_role("menuitem", name=action).click()


async def does_to_message(visitor: Visitor, text: str, action: str) -> None:
    await press(visitor, text, "More")
    await visitor.page.get_by_role("menuitem", name=action).click()


# --- what anybody can do ---


async def test_the_words_of_ignored_people_fold_to_a_line_that_opens(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    async with Talker(url, "bob") as bob, Talker(url, "carol") as carol:
        for one in (bob, carol):
            await one.join("lobby")
        await carol.say("lobby", "hello")
        await bob.say("lobby", "buy this")
        await bob.say("lobby", "and that")
        await alice.reads(["hello", "buy this", "and that"])
        await does_to_message(alice, "buy this", "Ignore")
        line = alice.log.get_by_role("button", name="2 messages of bob, whom you ignore")
        await expect(line).to_have_attribute("aria-expanded", "false")
        await expect(alice.said.filter(has_text="buy this")).to_be_hidden()
        await expect(alice.said.filter(has_text="hello")).to_be_visible()
        await expect(row(alice, "bob")).to_contain_text("ignored")
        await line.press("Enter")
        await expect(alice.said.filter(has_text="and that")).to_be_visible()
        await line.press("Enter")
        await expect(alice.said.filter(has_text="and that")).to_be_hidden()
        await bob.say("lobby", "third")
        await expect(alice.log.get_by_role("button", name="3 messages of bob")).to_be_visible()
        tab = await alice.another_tab("lobby")
        await expect(tab.log.get_by_role("button", name="3 messages of bob")).to_be_visible()
        await tab.types("/unignore bob")
        await expect(alice.said.filter(has_text="third")).to_be_visible()


async def test_ignored_people_make_no_mark_of_unread(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    async with Talker(url, "bob") as bob, Talker(url, "carol") as carol:
        for one in (bob, carol):
            await one.join("lobby")
        await expect(alice.people).to_have_count(3)
        await alice.types("/ignore bob")
        await expect(row(alice, "bob")).to_contain_text("ignored")
        await alice.types("/join garden")
        await expect(alice.page).to_have_url(f"{url}/r/garden")
        await bob.say("lobby", "buy this")
        await carol.say("lobby", "hello")
        await expect(alice.page.get_by_label("1 unread")).to_be_visible()
        await expect(alice.page).to_have_title(re.compile(r"^\(1\) "))


async def test_undo_takes_ignoring_back_and_its_notice_goes_when_that_is_done(
    url: str, proxy: Proxy, visit: Visit
) -> None:
    alice = await enters(visit, proxy.url)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await does_to_person(alice, "bob", "Ignore")
        undo = notice(alice, "You ignore bob").get_by_role("button", name="Undo")
        await expect(undo).to_be_visible()
        proxy.stall()
        await undo.click()
        await expect(undo).to_be_disabled()
        await expect(row(alice, "bob")).to_contain_text("ignored")
        proxy.flow()
        await expect(undo).to_have_count(0)
        await expect(row(alice, "bob")).not_to_contain_text("ignored")


async def test_a_report_reaches_the_moderators_and_leads_to_the_message(url: str, visit: Visit) -> None:
    alice = await owns(visit, url)
    async with Talker(url, "eve") as eve:
        await eve.join("lobby")
        await eve.say("lobby", "buy this")
        bob = await visit(url, "bob")
        await bob.enters("lobby")
        await does_to_message(bob, "buy this", "Report message…")
        await dialog(bob, "Report this message").get_by_label("What is wrong with it?").fill("advertising")
        await bob.page.keyboard.press("Enter")
        await expect(notice(bob, "The moderators of this room can see your report")).to_be_visible()
        told = notice(alice, "bob reported a message in #lobby: advertising")
        await told.get_by_role("button", name="Show").click()
        await expect(alice.log.locator(".message:focus")).to_contain_text("buy this")
        await alice.types("/moderation")
        await expect(dialog(alice, "Moderation of #lobby")).to_contain_text("bob reported a message of eve")
        assert "report" not in [event for event, _ in eve.heard]


# --- what moderators do ---


async def test_a_muted_person_sees_for_how_long_and_why_and_keeps_what_they_typed(url: str, visit: Visit) -> None:
    alice, bob = await owns(visit, url), await enters(visit, url, "bob")
    await bob.box.fill("what I meant to say")
    await does_to_person(alice, "bob", "Mute…")
    await dialog(alice, "Mute bob").get_by_label("Reason").fill("calm down")
    await dialog(alice, "Mute bob").get_by_role("button", name="Mute").click()
    timer = bob.page.get_by_role("timer")
    await expect(timer).to_have_text(re.compile(r"Reason: “calm down”\. You can speak again in (10:00|9:\d\d)\."))
    await expect(bob.page.get_by_role("button", name="Send")).to_be_disabled()
    await bob.box.press("Enter")
    await expect(bob.box).to_have_value("what I meant to say")
    await notice(alice, "bob is muted for 10 min.").get_by_role("button", name="Undo").click()
    await expect(timer).to_be_hidden()
    await bob.box.press("Enter")
    await alice.reads(["what I meant to say"])


async def test_a_kicked_person_comes_back_by_their_own_wish_alone(url: str, visit: Visit) -> None:
    alice, bob = await owns(visit, url), await enters(visit, url, "bob")
    await bob.says("hello")
    await alice.reads(["hello"])
    await bob.box.fill("still typing")
    await does_to_person(alice, "bob", "Remove from the room…")
    await dialog(alice, "Remove bob from the room").get_by_label("Reason").fill("enough")
    await alice.page.keyboard.press("Enter")
    closed = door(bob, "You were removed from this room")
    await expect(closed).to_contain_text("Reason: enough")
    await expect(bob.said).to_have_text(["hello"])
    await expect(bob.box).to_be_hidden()
    await bob.goes_offline()
    await bob.is_online_again()
    await expect(bob.status).to_contain_text("Connected")
    await expect(closed).to_be_visible()
    await expect(alice.people).to_have_count(1)
    await closed.get_by_role("button", name="Try to come in").click()
    await expect(bob.box).to_be_editable()
    await expect(bob.box).to_have_value("still typing")


async def test_a_banned_person_is_told_until_when_and_an_undo_lets_them_in(url: str, visit: Visit) -> None:
    alice, bob = await owns(visit, url), await enters(visit, url, "bob")
    await does_to_person(alice, "bob", "Ban…")
    await dialog(alice, "Ban bob").get_by_label("For how long").select_option("another length …")
    await dialog(alice, "Ban bob").get_by_label("Minutes").fill("90")
    await dialog(alice, "Ban bob").get_by_role("button", name="Ban").click()
    closed = door(bob, "You are banned from this room")
    await expect(closed).to_contain_text(re.compile(r"until .*: 1\sh\s(30|29)\smin left"))
    await bob.page.reload()
    await expect(closed).to_contain_text("left.")
    await closed.get_by_role("button", name="Try to come in").click()
    await expect(closed).to_be_visible()
    await notice(alice, "bob is banned").get_by_role("button", name="Undo").click()
    await expect(notice(alice, "bob is banned")).to_have_count(0)
    await closed.get_by_role("button", name="Try to come in").click()
    await expect(bob.box).to_be_editable()


async def test_bans_are_listed_lifted_and_stand_in_the_log(url: str, visit: Visit) -> None:
    alice = await owns(visit, url)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await expect(alice.people).to_have_count(2)
        await alice.types("/ban bob 2h spam")
        await bob.hears("removed")
        await alice.types("/moderation")
        held = dialog(alice, "Moderation of #lobby")
        await held.get_by_role("tab", name="Banned and muted").click()
        await expect(held.get_by_role("listitem")).to_contain_text("bob is banned until")
        await held.get_by_role("button", name="Lift the ban").click()
        await expect(held).to_contain_text("Nobody is banned or muted.")
        await held.get_by_role("tab", name="Banned and muted").press("ArrowRight")
        await expect(held.get_by_role("listitem")).to_contain_text(["alice lifted the ban of bob", "alice banned bob"])
        await alice.page.keyboard.press("Escape")
        await expect(held).to_be_hidden()
        await expect(alice.box).to_be_focused()
        await bob.join("lobby")


async def test_a_moderator_deletes_by_the_menu_and_puts_it_back(url: str, visit: Visit) -> None:
    alice = await owns(visit, url)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await bob.say("lobby", "buy this")
        await does_to_message(alice, "buy this", "Delete message")
        await alice.reads(["Removed by a moderator"])
        await notice(alice, "The message of bob is deleted.").get_by_role("button", name="Undo").click()
        await alice.reads(["buy this"])


async def test_roles_show_beside_names_and_follow_who_is_appointed(url: str, visit: Visit) -> None:
    alice, bob = await owns(visit, url), await enters(visit, url, "bob")
    await bob.says("hello")
    await does_to_person(alice, "bob", "Make a moderator")
    await expect(notice(bob, "You are a moderator of #lobby now.")).to_be_visible()
    for one in (alice, bob):
        await expect(row(one, "bob").locator(".role-mark")).to_have_attribute("data-role", "moderator")
        await expect(one.log.locator("#said .role-mark")).to_have_attribute("data-role", "moderator")
    await bob.page.get_by_role("button", name="Room menu").click()
    items = bob.page.get_by_role("menuitem")
    await expect(items.filter(has_text="Reports and moderation…")).to_have_count(1)
    await expect(items.filter(has_text="Room settings…")).to_have_count(0)
    await bob.page.keyboard.press("Escape")
    await does_to_person(alice, "bob", "No longer a moderator")
    await expect(row(bob, "bob").locator(".role-mark")).to_have_count(0)
    await expect(bob.log.locator("#said .role-mark")).to_have_count(0)


async def test_an_open_menu_shows_what_one_may_do_now_and_nothing_moves_under_a_press(url: str, visit: Visit) -> None:
    alice, bob, carol = await owns(visit, url), await enters(visit, url, "bob"), await enters(visit, url, "carol")
    await carol.says("hello")
    await bob.reads(["hello"])
    items = bob.page.get_by_role("menuitem")

    async def places() -> dict[str, float]:
        """How far down each stands: the menu may become wider."""
        return {await one.inner_text(): (await one.bounding_box() or {})["y"] for one in await items.all()}

    async def grows(opened: str, role: str, new: str) -> None:
        before = await places()
        assert opened in before
        await does_to_person(alice, "bob", role)
        await expect(items.filter(has_text=new)).to_have_attribute("role", "menuitem")
        after = await places()
        assert {name: after[name] for name in before} == before
        assert list(after)[: len(before)] == list(before), "what is new comes at the end"

    async def shrinks(gone: str) -> None:
        before = await places()
        await does_to_person(alice, "bob", "No longer a moderator")
        await expect(items.filter(has_text=gone)).to_have_attribute("aria-disabled", "true")
        assert await places() == before
        await items.filter(has_text=gone).click(force=True)
        await expect(items.filter(has_text=gone)).to_be_visible()
        await bob.page.keyboard.press("Escape")
        await expect(items).to_have_count(0)

    await bob.page.get_by_role("button", name="Room menu").click()
    await grows("Leave the room", "Make a moderator", "Reports and moderation…")
    await shrinks("Reports and moderation…")
    await row(bob, "carol").hover()
    await bob.page.get_by_role("button", name="Actions for carol").click()
    await grows("Ignore", "Make a moderator", "Ban…")
    await shrinks("Ban…")
    await press(bob, "hello", "More")
    await grows("Copy text", "Make a moderator", "Delete message")
    await shrinks("Delete message")
    await bob.page.get_by_role("button", name="Room menu").click()
    await expect(items.filter(has_text="Reports and moderation…")).to_have_count(0)


# --- what owners do ---


async def test_an_owner_sets_the_room_up_in_one_dialog(url: str, visit: Visit) -> None:
    alice, bob = await owns(visit, url), await enters(visit, url, "bob")
    await expect(alice.passphrase_box).to_have_count(1)  # that of the nickname; a closed dialog is not in the page
    await alice.page.get_by_role("button", name="Room menu").press("Enter")
    await expect(alice.page.get_by_role("menuitem").first).to_be_focused()
    await alice.page.get_by_role("menuitem", name="Room settings…").press("Enter")
    settings = dialog(alice, "Settings of #lobby")
    await settings.get_by_role("textbox", name="Topic").fill("Tides")
    await settings.get_by_label("Only owners change the topic").check()
    await settings.get_by_label("Welcome text").fill(
        "Be **kind**.\n<b>Please</b>\n- https://rules.example\n- in #kitchen"
    )
    await settings.get_by_label("Slow mode").select_option("one message every 30 s")
    await settings.get_by_label("Listed for everybody on the first page").uncheck()
    await settings.get_by_role("button", name="Save").click()
    await expect(settings).to_be_hidden()
    await expect(bob.page.locator("#room-topic")).to_have_text("Tides")
    await expect(bob.page.locator("#room-marks")).to_have_text("unlisted")
    welcome = bob.page.get_by_role("region", name="Welcome")
    await expect(welcome).to_contain_text("<b>Please</b>")
    await expect(welcome.locator("strong")).to_have_text("kind")
    await expect(welcome.get_by_role("listitem")).to_have_text(["https://rules.example", "in #kitchen"])
    await expect(welcome.get_by_role("link", name="rules.example")).to_have_attribute("rel", re.compile("noopener"))
    await welcome.get_by_role("button", name="Dismiss").click()
    await bob.types("/topic Mine")
    await expect(bob.page.locator("#composer-sentence")).to_contain_text("owns the room")
    await bob.page.reload()
    await bob.is_in()
    await expect(welcome).to_be_hidden()
    await bob.says("one")
    await alice.reads(["one"])
    await expect(bob.page.get_by_role("timer")).to_have_text(re.compile(r"The next one in 0:(30|2\d)\."))
    await bob.box.fill("two")
    await expect(bob.page.get_by_role("button", name="Send")).to_be_disabled()
    await alice.types("/slow 0")
    await expect(bob.page.get_by_role("timer")).to_be_hidden()
    await bob.box.press("Enter")
    await alice.reads(["one", "two"])


async def test_an_owner_says_how_long_messages_are_kept(url: str, visit: Visit) -> None:
    alice = await owns(visit, url)
    settings, kept = dialog(alice, "Settings of #lobby"), alice.page.locator("#room-keep")
    for before, chosen, said in (("", "for 7 days", "Kept 7 days"), ("7", "as long as the site keeps them", "")):
        await alice.page.get_by_role("button", name="Room menu").click()
        await alice.page.get_by_role("menuitem", name="Room settings…").click()
        await expect(settings.get_by_label("Messages are kept")).to_have_value(before)
        await settings.get_by_label("Messages are kept").select_option(chosen)
        await settings.get_by_role("button", name="Save").click()
        await expect(settings).to_be_hidden()
        await expect(kept).to_have_text(said)


async def test_a_room_with_a_passphrase_asks_at_its_door(url: str, visit: Visit) -> None:
    alice = await owns(visit, url)
    await alice.types(f"/passphrase {WORDS}")
    await expect(alice.page.locator("#room-marks")).to_have_text("passphrase")
    bob = await visit(url, "bob")
    await bob.page.goto(f"{url}/r/lobby")
    await bob.nickname_box.fill("bob")
    await bob.nickname_box.press("Enter")
    closed = door(bob, "This room has a passphrase")
    box = closed.get_by_label("Passphrase")
    await expect(box).to_be_focused()
    await box.fill("open barley")
    await box.press("Enter")
    await expect(closed).to_contain_text("This is not the passphrase of the room.")
    await box.fill(WORDS)
    await box.press("Enter")
    await expect(bob.box).to_be_editable()
    await bob.page.reload()
    await bob.is_in()


async def test_a_locked_room_lets_whoever_was_there_back_in_and_nobody_new(url: str, visit: Visit) -> None:
    alice, bob = await owns(visit, url), await enters(visit, url, "bob")
    await expect(alice.people).to_have_count(2)
    await alice.types("/lock")
    await expect(bob.page.locator("#room-marks")).to_have_text("locked")
    await bob.page.reload()
    await bob.is_in()
    eve = await visit(url, "eve")
    await eve.page.goto(f"{url}/r/lobby")
    await eve.nickname_box.fill("eve")
    await eve.nickname_box.press("Enter")
    closed = door(eve, "This room is locked")
    await expect(closed).to_be_visible()
    await alice.types("/unlock")
    await expect(alice.page.locator("#room-marks")).to_be_hidden()
    await closed.get_by_role("button", name="Try to come in").click()
    await expect(eve.box).to_be_editable()


async def makes_link(owner: Visitor, command: str, title: str, button: str) -> str:
    await owner.types(command)
    shown = dialog(owner, title)
    await shown.get_by_role("button", name=button).click()
    await expect(shown.get_by_label("Link")).not_to_have_value("")
    link = await shown.get_by_label("Link").input_value()
    await owner.waits_for("() => document.querySelector('[data-part=code]').naturalWidth > 50")
    assert await shown.get_by_role("img", name="QR code of the link").get_attribute("src")
    await owner.page.keyboard.press("Escape")
    return link


async def test_an_invite_opens_a_locked_room_and_leaves_the_address_bar(url: str, visit: Visit) -> None:
    alice = await owns(visit, url)
    await alice.types("/lock")
    await expect(alice.page.locator("#room-marks")).to_have_text("locked")
    link = await makes_link(alice, "/invite", "Invite people to #lobby", "Make a link")
    assert "#invite=" in link
    bob = await visit(url, "bob")
    await bob.page.goto(link)
    await expect(bob.page).to_have_url(f"{url}/r/lobby")
    await bob.nickname_box.fill("bob")
    await bob.nickname_box.press("Enter")
    await bob.is_in()


async def test_an_owner_key_makes_an_owner_on_another_device(url: str, visit: Visit) -> None:
    alice = await owns(visit, url)
    await alice.types("/lock")
    link = await makes_link(alice, "/key", "Owner key of #lobby", "Make a new key")
    phone = await visit(url, "alice-phone", **PHONE)
    await phone.page.goto(link)
    await expect(phone.page).to_have_url(f"{url}/r/lobby")
    await phone.nickname_box.fill("alice-phone")
    await phone.nickname_box.press("Enter")
    await expect(notice(phone, "You own #lobby now.")).to_be_visible()
    await expect(phone.box).to_be_editable()
    await expect(row(alice, "alice-phone").locator(".role-mark")).to_have_attribute("data-role", "owner")


async def test_a_link_that_is_opened_in_an_open_tab_works_as_well(url: str, visit: Visit) -> None:
    alice = await owns(visit, url)
    link = await makes_link(alice, "/key", "Owner key of #lobby", "Make a new key")
    bob = await enters(visit, url, "bob")
    await bob.page.goto(link)
    await expect(notice(bob, "You own #lobby now.")).to_be_visible()
    await expect(bob.page).to_have_url(f"{url}/r/lobby")


async def test_a_new_room_can_be_in_no_list_from_its_first_moment(url: str, visit: Visit) -> None:
    alice = await visit(url, "alice")
    await alice.page.goto(url)
    await alice.nickname_box.fill("alice")
    await alice.page.get_by_role("textbox", name="Room").fill("den")
    await alice.page.get_by_label("List it publicly").uncheck()
    await alice.page.get_by_role("button", name="Join").click()
    await expect(alice.page).to_have_url(re.compile(r"/r/den-[a-z0-9]{10}$"))
    await alice.is_in()
    await expect(alice.page.locator("#room-marks")).to_have_text("unlisted")
    await alice.says("hello")
    await alice.types("/new nook")
    await expect(alice.page).to_have_url(re.compile(r"/r/nook-[a-z0-9]{10}$"))
    async with Talker(url, "bob") as bob:
        assert (await bob.ask("rooms"))["rooms"] == []


async def test_help_shows_what_ones_role_can_do(url: str, visit: Visit) -> None:
    alice, bob = await owns(visit, url), await enters(visit, url, "bob")
    for one in (alice, bob):
        await one.types("/help")
    await expect(notice(alice, "/slow 30:")).to_be_visible()
    await expect(notice(bob, "/ignore NAME:")).not_to_contain_text("/ban")


# --- for everybody ---


async def test_back_closes_menus_and_dialogs_on_a_phone(url: str, visit: Visit) -> None:
    alice = await owns(visit, url, **PHONE)
    await alice.page.get_by_role("button", name="Room menu").click()
    menu = alice.page.get_by_role("menu")
    await expect(menu).to_be_visible()
    await alice.page.go_back()
    await expect(menu).to_be_hidden()
    await alice.page.get_by_role("button", name="Room menu").click()
    await alice.page.get_by_role("menuitem", name="Room settings…").click()
    await expect(dialog(alice, "Settings of #lobby")).to_be_visible()
    await alice.page.go_back()
    await expect(dialog(alice, "Settings of #lobby")).to_be_hidden()
    await expect(alice.page).to_have_url(f"{url}/r/lobby")
    await expect(alice.page.get_by_role("button", name="Room menu")).to_be_focused()


async def test_the_keyboard_reaches_every_action(url: str, visit: Visit) -> None:
    alice = await owns(visit, url)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await bob.say("lobby", "hello")
        await alice.reads(["hello"])
        await alice.box.press("Shift+Tab")
        more = alice.log.get_by_role("button", name="More")
        for _ in range(5):
            if await more.evaluate("(button) => button === document.activeElement"):
                break
            await alice.page.keyboard.press("Tab")
        await alice.page.keyboard.press("Enter")
        items = alice.page.get_by_role("menuitem")
        await expect(items.first).to_be_focused()
        await alice.page.keyboard.press("ArrowUp")
        await expect(items.last).to_be_focused()
        await alice.page.keyboard.press("Home")
        await alice.page.keyboard.press("ArrowDown")
        await expect(items.nth(1)).to_be_focused()
        await alice.page.keyboard.press("Escape")
        await expect(more).to_be_focused()
        await alice.page.keyboard.press("Enter")
        ignore = alice.page.get_by_role("menuitem", name="Ignore")
        for _ in range(await items.count()):
            if await ignore.evaluate("(item) => item === document.activeElement"):
                break
            await alice.page.keyboard.press("ArrowDown")
        await alice.page.keyboard.press("Enter")
        await expect(row(alice, "bob")).to_contain_text("ignored")
        await expect(alice.box).to_be_focused()
        button = alice.page.get_by_role("button", name="Actions for bob")
        await button.press("Enter")
        await expect(items.first).to_be_focused()
        await alice.page.keyboard.press("Escape")
        await expect(button).to_be_focused()
