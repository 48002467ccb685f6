"""`chat`, typed into and read in a real terminal, with a partner by the library."""

from pathlib import Path

import pytest

from app.tools.client import Client
from app.tools.terminal.completion import suggestions
from app.tools.terminal.screen import PlainScreen
from app.tools.terminal.shown import harmless, size_of
from tests.support import PATIENCE
from tests.support.proxy import Proxy
from tests.support.talker import until
from tests.support.uploads import picture
from tests.tools.pty_terminal import CTRL_C, CTRL_D, ENTER, ESCAPE, TAB, UP, Pty, pasted
from tests.tools.terminal import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


async def test_two_people_talk_and_all_that_can_be_typed_does_what_it_says(url: str, shell: Shell) -> None:
    async with Client(url, "alice") as alice, Client(url, "carol") as carol:
        lobby = await alice.enter("lobby")
        await lobby.say("before \x1b]0;owned\x07")
        await (await carol.enter("ops")).say("in ops")
        async with Pty(shell, "chat", url, "-r", "lobby", "--nickname", "bob", "--bell") as bob:
            await bob.shows("2 here: alice, bob")
            assert "before <U+001B>]0;owned<U+0007>" in bob.text and b"\x1b]0;owned" not in bob.raw
            bob.types("hello all" + ENTER)
            await bob.shows("[2]")
            await until(lambda: lobby.messages[-1]["text"] == "hello all")

            rung = bob.raw.count(b"\a")
            bob.types("unfinis")
            await lobby.say("@bob, tea?")
            await bob.shows("alice: @bob, tea?")
            await until(lambda: bob.raw.count(b"\a") > rung)
            bob.types("hed" + ENTER)
            await bob.shows("bob: unfinished")

            bob.resize(20, 60)
            bob.types(pasted("three\r\nlines\r\nat once"))
            bob.types(ENTER)
            await bob.shows("    at once")
            await until(lambda: lobby.messages[-1]["text"] == "three\nlines\nat once")

            bob.types("/repl" + TAB)
            await bob.shows("/reply", after="at once")
            bob.types("3 with milk" + ENTER)
            await bob.shows("(to [3]) bob: with milk")
            bob.types("/edit with lemon" + ENTER)
            await bob.shows("(edited) (to [3]) bob: with lemon")
            bob.types("/react 3 👍" + ENTER)
            await bob.shows("[3] 👍 1")
            bob.types("/react 3 👍" + ENTER)
            await bob.shows("no reactions any more")
            bob.types("/delete" + ENTER)
            await bob.shows("bob took a message back")
            (shell.folder / "my tea.png").write_bytes(picture())
            bob.types("/file my tea.png for you" + ENTER)
            await bob.shows("bob: [my tea.png, image/png, ")
            await bob.shows("    for you")
            bob.types("/file nothing" + ENTER)
            await bob.shows("There is no file nothing.")
            bob.types(CTRL_C + "/me waves" + ENTER)
            await bob.shows("* bob waves")
            bob.types("//topic is a command" + ENTER)
            await bob.shows("bob: /topic is a command")
            bob.types("/topic Tea" + ENTER)
            await bob.shows("topic: Tea")
            await lobby.do("appoint", person=lobby.messages[-1]["author"], role="moderator")
            await bob.shows("you are moderator")
            bob.types("/nick robert" + ENTER)
            await bob.shows("you are called robert now")
            bob.types("/people" + ENTER)
            await bob.shows("-- robert, moderator")
            bob.types("/topik" + ENTER)
            await bob.shows("There is no command /topik")
            await bob.shows("#lobby> /topik")
            bob.types(CTRL_C + "/rooms" + ENTER)
            await bob.shows("#ops, 1 there")

            bob.types("/join ops" + ENTER)
            await bob.shows("carol: in ops")
            bob.types("here as well" + ENTER)
            await bob.shows("robert: here as well")
            await lobby.say("@robert, where are you?")
            await bob.shows("alice calls you in #lobby")
            assert "where are you?" not in bob.text
            bob.types(ESCAPE + "1")
            await bob.shows("alice: @robert, where are you?")
            bob.types(UP)
            await bob.shows("here as well", after="where are you?")
            bob.types(CTRL_C)
            await bob.shows("Ctrl+C once more leaves", after="where are you?")
            bob.types(CTRL_C)
            assert await bob.ended() == 0
            assert "Traceback" not in bob.text
        said = [one["text"] for one in lobby.messages if one["nickname"] in ("bob", "robert") and one["text"]]
        assert said == ["hello all", "unfinished", "three\nlines\nat once", "for you", "waves", "/topic is a command"]


async def test_what_is_typed_while_the_connection_is_lost_is_said_once_it_is_back(url: str, shell: Shell) -> None:
    async with Client(url, "alice") as alice, Proxy(url) as proxy:
        lobby = await alice.enter("lobby")
        async with Pty(shell, "chat", proxy.url, "-r", "lobby", "--nickname", "bob") as bob:
            await bob.shows("2 here")
            bob.types("half a ")
            await proxy.refuse()
            await bob.shows("not connected: ")
            bob.types("thought" + ENTER)
            await bob.shows("not sent yet, there is no connection: half a thought")
            await bob.shows("1 not sent yet")
            await lobby.say("are you there?")
            await proxy.accept()
            await bob.shows("bob: half a thought")
            assert bob.text.index("alice: are you there?") < bob.text.index("bob: half a thought")
            bob.types("second" + ENTER)
            await bob.shows("bob: second")
            await proxy.refuse()
            await bob.shows("not connected: ", after="bob: second")
            bob.types("never" + ENTER + CTRL_D)
            await bob.shows("not sent to #lobby: never")
            assert await bob.ended() == 0
        assert [one["text"] for one in lobby.messages] == ["are you there?", "half a thought", "second"]


async def test_what_is_refused_is_there_to_be_typed_on_and_who_is_sent_out_is_told(url: str, shell: Shell) -> None:
    async with Client(url, "alice") as alice:
        lobby = await alice.enter("lobby")
        await (await alice.enter("den")).do("settings", passphrase="open sesame")
        async with Pty(shell, "chat", url, "-r", "den", "--nickname", "alice") as bob:
            await bob.shows("Passphrase of #den:")
            bob.types("open sesame" + ENTER)
            await bob.shows("for now you have a guest's")
            await bob.shows("2 here")
            assert "open sesame" not in bob.text
            bob.types("/join lobby" + ENTER)
            await bob.shows("2 here", after="-- #lobby")
            guest = next(one for one in await lobby.people() if one["nickname"] != "alice")
            await lobby.do("mute", person=guest["id"], reason="too loud")
            await bob.shows("and muted")
            bob.types("hm" + ENTER)
            await bob.shows("not sent: hm")
            await bob.shows("too loud")
            await bob.shows("#lobby> hm", after="too loud")
            await lobby.do("ban", person=guest["id"], reason="enough")
            await bob.shows("enough")
            await bob.shows("-- #den", after="enough")
            bob.types(CTRL_C)
            await bob.shows("#den>", after="once more")
            bob.types(CTRL_D)
            assert await bob.ended() == 0
            assert "Traceback" not in bob.text


@pytest.mark.parametrize("kind", ["plain", "dumb", "pipe"])
async def test_a_plain_terminal_gets_lines_and_no_cursor_is_moved(url: str, shell: Shell, kind: str) -> None:
    """As a screen reader wants it: one's own words are not said again."""
    async with Client(url, "alice") as alice:
        lobby = await alice.enter("lobby")
        await lobby.say("before")
        arguments = (
            "chat",
            url,
            "-r",
            "lobby",
            "--nickname",
            "bob",
            "--bell",
            *(["--plain"] if kind == "plain" else []),
        )
        if kind == "pipe":
            async with shell.begin(*arguments) as process:
                assert process.stdin and process.stdout
                process.stdin.write(b"hello all\n/me waves\n")
                await until(lambda: len(lobby.messages) == 3, PATIENCE * 3)
                process.stdin.close()
                out = (await process.stdout.read()).decode()
                assert await process.wait() == 0
        else:
            async with Pty(shell, *arguments, TERM="dumb" if kind == "dumb" else "xterm") as bob:
                await bob.shows("2 here")
                bob.types("hello all\n/me waves\n")
                await until(lambda: len(lobby.messages) == 3)
                await lobby.say("@bob, bye")
                await bob.shows("alice: @bob, bye")
                bob.types(CTRL_C)
                await bob.shows("Ctrl+C once more leaves")
                bob.types(CTRL_C)
                assert await bob.ended() == 0
                out = bob.raw.decode()
                assert out.count("\a") == 1
        assert "alice: before" in out
        assert "\x1b" not in out and "bob: hello all" not in out
        assert [one["text"] for one in lobby.messages[1:3]] == ["hello all", "waves"]


def test_completion_knows_commands_people_rooms_and_emoji() -> None:
    commands, rooms = [("me", "do"), ("mute", "them")], [("lobby", "Tea"), ("ops", "")]

    def of(before: str) -> list[tuple[str, int]]:
        return [(one.text, one.replaces) for one in suggestions(before, commands, ["Ann", "Ann Lee", "Bob"], rooms)]

    assert of("/m") == [("/me ", 2), ("/mute ", 2)]
    assert of("/mu") == [("/mute ", 3)]
    assert of("hello @an") == [("@Ann ", 3), ("@Ann Lee ", 3)]
    assert of("see #l") == of("#l") == [("#lobby ", 2)]
    assert of("/join o") == [("ops ", 1)]
    assert of("a@an") == of("plain") == of("10:30") == of(":") == []
    assert ("😀", 5) in of(":grin")
    assert ("☕", 9) in of("nice :hot_beve")


def test_the_plain_screen_writes_no_more_than_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    PlainScreen().show([("bold", "a"), ("", "b")], [("", "c")])
    assert capsys.readouterr().out == "ab\nc\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ärger, 日本, 👩‍👩‍👧, עברית", "plain, ärger, 日本, 👩‍👩‍👧, עברית"),
        ("a\tb", "a b"),
        ("\x1b[2J", "<U+001B>[2J"),
        ("\x9b31m\x7f", "<U+009B>31m<U+007F>"),
        ("\u202e\u2066\u200f", "<U+202E><U+2066><U+200F>"),
        ("\ud800", "<U+D800>"),
        ("\U000e0041", "<U+E0041>"),
    ],
    ids=["words", "tab", "escape", "c1", "bidi", "surrogate", "tag"],
)
def test_what_a_terminal_would_act_upon_is_shown_by_its_number(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_sizes_are_told_in_words() -> None:
    assert [size_of(one) for one in (12, 2_048, 5 << 20)] == ["12 bytes", "2.0 KB", "5.0 MB"]
