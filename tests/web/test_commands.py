"""The page's slash commands (static/js/commands.js) are about verbs that there are; no verb of moderation lacks one."""

import re
from pathlib import Path

from app.chat.verbs import VERBS
from app.model import Moderator

COMMANDS = Path(__file__).parents[2] / "static/js/commands.js"
BY_MENU = {"sanctions", "bot", "hook", "hooks"}  # a list within /moderation, and a dialog


def _named() -> set[str]:
    found = set(re.findall(r'\{ name: "\w+".* verb: "(\w+)"', COMMANDS.read_text(encoding="utf-8")))
    assert len(found) > 10
    return found


def test_every_command_is_about_a_verb() -> None:
    assert _named() <= set(VERBS)


def test_every_verb_of_moderators_and_owners_has_a_command() -> None:
    graver = {name for name, verb in VERBS.items() if issubclass(verb.right, Moderator)}
    assert {"ban", "kick", "mute", "audit"} <= graver
    assert graver - BY_MENU <= _named()
    assert {"ignore", "report", "settings", "invite", "claim"} <= _named()
