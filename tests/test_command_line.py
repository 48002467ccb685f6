"""The command line, as a shell runs it. What stops a start is in test_stopping.py."""

import os
import subprocess
import sys

import pytest


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | environment,
        check=False,
    )


def test_check_config_prints_every_setting_and_where_it_came_from() -> None:
    done = run("check-config", "--site", "Club", PARLOR_TRANSPORTS="polling", PARLOR_SECRET="hunter2", PORT="7000")
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert lines["site"].split() == ["site", "Club", "--site"]
    assert lines["transports"].split() == ["transports", "polling", "PARLOR_TRANSPORTS"]
    assert lines["port"].split() == ["port", "7000", "PORT"]
    assert lines["host"].split() == ["host", "0.0.0.0", "default"]
    assert "(hidden)" in lines["secret"]
    assert "hunter2" not in done.stdout


@pytest.mark.parametrize(
    "url", ["postgres://me:hunter2@db/x", "postgresql://db/x?user=me&password=hunter2&sslmode=allow"]
)
def test_check_config_shows_a_database_without_its_password(url: str) -> None:
    done = run("check-config", DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert url.replace("hunter2", "***") in done.stdout
    assert "hunter2" not in done.stdout


def test_a_flag_may_stand_before_the_command_or_behind_it() -> None:
    assert "Club" in run("--site", "Club", "check-config").stdout
    assert "Tea" in run("--site", "Club", "check-config", "--site", "Tea").stdout


@pytest.mark.parametrize("arguments", [("--help",), ("serve", "--help"), ("check-config", "--help")])
def test_help_names_the_one_flag(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 0
    assert "--transports" in done.stdout and "PARLOR_TRANSPORTS" in done.stdout


def test_an_unknown_flag_is_a_sentence() -> None:
    done = run("serve", "--transport", "polling")
    assert done.returncode == 2
    assert "--transport" in done.stderr and "Traceback" not in done.stderr
