"""What one does at one process is told to one's tabs at another, and so is what somebody says to one alone: at once
over Redis, within a look or two at the database without it."""

from tests.live.test_bans import ROOM, Pair, pair  # noqa: F401 - a fixture


async def test_who_is_written_to_alone_and_what_was_read_is_told_at_the_other_process(pair: Pair) -> None:  # noqa: F811
    alice, here, there = pair.alice, pair.here, pair.there
    said = await alice.say(ROOM, "read this")
    await there.hears_texts(ROOM, 1)
    assert (await here.ask("seen", {"room": ROOM, "seq": said["seq"]}))["ok"]
    assert (await there.hears("seen"))["seq"] == said["seq"]
    assert (await pair.carol.ask("open", {"person": alice.me["id"]}))["ok"]
    await pair.carol.say(f"@{alice.me['id']}", "between us")
    opened = await alice.hears("opened")
    assert (opened["room"], opened["person"]["nickname"]) == (f"@{pair.carol.me['id']}", "carol")
