"""On a phone: Back takes away what lies over the room before it leaves it."""

from playwright.async_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.test_page import PHONE, another_room, enters
from tests.support.browser import Visitor
from tests.support.talker import Talker


def drawer(alice: Visitor) -> Locator:
    return alice.page.get_by_role("button", name="Rooms and people")


async def in_two_rooms(visit: Visit, url: str) -> Visitor:
    """In the lobby, having come from the garden."""
    alice = await visit(url, "alice", **PHONE)
    await alice.enters("garden")
    await drawer(alice).click()
    await another_room(alice.page).fill("lobby")
    await another_room(alice.page).press("Enter")
    await expect(alice.page).to_have_url(f"{url}/r/lobby")
    await expect(drawer(alice)).to_have_attribute("aria-expanded", "false")
    await expect(alice.status).to_contain_text("Connected")
    return alice


async def stays(alice: Visitor, url: str) -> None:
    await expect(alice.page).to_have_url(f"{url}/r/lobby")
    await expect(alice.page.get_by_role("heading", level=1)).to_have_text("lobby")


async def test_back_closes_the_drawer_and_then_leaves_the_room(url: str, visit: Visit) -> None:
    alice = await in_two_rooms(visit, url)
    await drawer(alice).click()
    await expect(another_room(alice.page)).to_be_visible()
    await alice.page.go_back()
    await expect(drawer(alice)).to_have_attribute("aria-expanded", "false")
    await expect(another_room(alice.page)).to_be_hidden()
    await expect(drawer(alice)).to_be_focused()
    await stays(alice, url)
    await alice.page.go_back()
    await expect(alice.page).to_have_url(f"{url}/r/garden")
    await expect(alice.page.get_by_role("heading", level=1)).to_have_text("garden")


async def test_a_drawer_that_was_closed_otherwise_costs_no_press_of_back(url: str, visit: Visit) -> None:
    alice = await in_two_rooms(visit, url)
    for _ in range(3):
        await drawer(alice).click()
        await alice.page.keyboard.press("Escape")
        await expect(drawer(alice)).to_have_attribute("aria-expanded", "false")
    await alice.waits_for("() => !history.state?.overlay")
    await alice.page.go_back()
    await expect(alice.page).to_have_url(f"{url}/r/garden")


async def test_back_closes_the_box_for_the_nickname(url: str, visit: Visit) -> None:
    alice = await in_two_rooms(visit, url)
    await drawer(alice).click()
    await alice.page.get_by_role("button", name="Change nickname").click()
    await expect(alice.nickname_box).to_be_visible()
    await alice.page.go_back()
    await expect(alice.nickname_box).to_be_hidden()
    await expect(alice.box).to_be_editable()
    await stays(alice, url)
    for command in ("/reserve", "/identify bob"):
        await alice.types(command)
        await expect(alice.nickname_box).to_be_visible()
        await alice.page.go_back()
        await expect(alice.nickname_box).to_be_hidden()
        await stays(alice, url)


async def test_back_closes_the_choice_of_reactions(url: str, visit: Visit) -> None:
    alice = await in_two_rooms(visit, url)
    async with Talker(url, "bob") as bob:
        await bob.join("lobby")
        await bob.say("lobby", "how about it?")
    picker = alice.page.get_by_role("group", name="Reactions")
    await alice.said.first.tap()
    await alice.page.get_by_role("button", name="React", exact=True).tap()
    await expect(picker).to_be_visible()
    await alice.page.go_back()
    await expect(picker).to_be_hidden()
    await stays(alice, url)


async def test_loaded_again_under_the_drawer_back_still_leaves_the_room_at_once(url: str, visit: Visit) -> None:
    alice = await in_two_rooms(visit, url)
    await drawer(alice).click()
    await alice.waits_for("() => history.state?.overlay")
    await alice.page.reload()
    await alice.waits_for("() => !history.state?.overlay")
    await stays(alice, url)
    await alice.page.go_back()
    await expect(alice.page.get_by_role("heading", level=1)).to_have_text("garden")


async def test_on_a_wide_screen_back_leaves_the_room(url: str, visit: Visit) -> None:
    alice = await enters(visit, url)
    await another_room(alice.page).fill("garden")
    await another_room(alice.page).press("Enter")
    await expect(alice.page).to_have_url(f"{url}/r/garden")
    await alice.page.go_back()
    await expect(alice.page.get_by_role("heading", level=1)).to_have_text("lobby")
