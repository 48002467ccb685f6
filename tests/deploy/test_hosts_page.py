"""docs/hosts.md: what a person copies from it works. (Its nginx block is run by tests/doctor.)"""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from app.config import load
from app.store.address import parameters
from app.workers import how_many
from tests.support import PATIENCE
from tests.support.need import program
from tests.support.process import PROJECT, serving
from tests.support.talker import Talker

PAGE = (PROJECT / "docs" / "hosts.md").read_text(encoding="utf-8")
EXPOSURE = 25  # tenths; what systemd itself calls OK ends at 50


def block(language: str, holding: str = "") -> str:
    """The first block of code in that language that holds these words."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return next(one for one in blocks if holding in one)


def unit() -> list[tuple[str, str]]:
    return re.findall(r"(?m)^(\w+)=(.*)$", block("systemd"))


def environment() -> dict[str, str]:
    (line,) = [value for name, value in unit() if name == "Environment"]
    return dict(word.split("=", 1) for word in shlex.split(line))


def test_every_host_of_the_table_has_its_section() -> None:
    headings = {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in re.findall(r"(?m)^## (.+)$", PAGE)}
    linked = set(re.findall(r"(?m)^\| \[[^]]+\]\(#([^)]+)\)", PAGE))
    assert len(linked) == 8
    assert linked <= headings


def test_the_unit_sets_what_parlor_knows_and_nginx_expects() -> None:
    settings, _ = load({}, environment())
    assert f"proxy_pass http://{settings.host}:{settings.port};" in block("nginx")
    assert settings.trust_proxies == 1
    assert str(settings.data) == f"/var/lib/{dict(unit())['StateDirectory']}"


def test_two_workers_take_what_the_page_puts_beside_the_unit() -> None:
    values = dict(line.split("=", 1) for line in block("ini").splitlines())
    settings, _ = load({}, environment() | values)
    assert how_many(settings) == (2, "")
    assert settings.database == values["DATABASE_URL"]
    assert dict(unit())["EnvironmentFile"] == "-/etc/parlor.env"
    made = block("sh", "createdb")
    assert f"createuser --pwprompt {urlsplit(settings.database).username}\n" in made
    assert made.splitlines()[2].endswith(f" {urlsplit(settings.database).path[1:]}")


def test_what_azure_is_told_is_what_parlor_knows() -> None:
    told = block("sh", "az webapp config appsettings").replace("\\\n", "")
    words = [word.split("=", 1) for word in shlex.split(told[told.index("--settings") :])[1:]]
    given = {name: value for name, value in words if name != "SCM_DO_BUILD_DURING_DEPLOYMENT"}
    settings, _ = load({}, given)
    assert settings.trust_proxies == 1 and settings.force_https
    assert parameters(settings.database)["host"] == "$SERVER.postgres.database.azure.com"
    assert shlex.split(told)[shlex.split(told).index("--startup-file") + 1] == "exec python -m app"


def test_nginx_waits_longer_than_a_heartbeat_takes() -> None:
    settings, _ = load({}, environment())
    (seconds,) = re.findall(r"proxy_read_timeout (\d+)s;", block("nginx"))
    assert int(seconds) > settings.ping_interval + settings.ping_timeout


def test_systemd_has_nothing_against_the_unit(tmp_path: Path) -> None:
    analyze = program(["systemd-analyze"], "the unit of docs/hosts.md is not checked")
    installed = block("systemd").replace("/opt/parlor/.venv/bin/python", sys.executable)
    (file := tmp_path / "parlor.service").write_text(installed.replace("/opt/parlor", str(PROJECT)))
    for words in (["verify"], ["security", "--offline=true", f"--threshold={EXPOSURE}"]):
        done = subprocess.run([analyze, *words, str(file)], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr


async def test_a_backup_made_and_restored_as_the_page_says_brings_back_what_was_said(tmp_path: Path) -> None:
    """Restored over a database whose server was killed, and left its journal beside it."""
    program(["sqlite3"], "the backup of docs/hosts.md is not made")
    data = tmp_path / "data"
    async with serving(data) as server, Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        await alice.say("lobby", "before the backup")
        subprocess.run(["/bin/sh", "-c", block("sh", ".backup")], cwd=tmp_path, check=True, timeout=30)
        await alice.say("lobby", "after the backup")
        server.signal(signal.SIGKILL)
        await server.ended(PATIENCE)
    (tmp_path / "backup.db").replace(data / "parlor.db")
    for journal in re.findall(r"\*\*remove `(\S+)` and\s`(\S+)`\*\*", PAGE)[0]:
        (data / journal).unlink()
    async with serving(data) as server, Talker(server.url, "bob") as bob:
        assert [one["text"] for one in (await bob.join("lobby"))["messages"]] == ["before the backup"]
