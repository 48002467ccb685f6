"""The process and its machine: standard streams of every sad kind, addresses, descriptors, as real processes."""

import asyncio
import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app import process
from tests.support.process import PROJECT, STARTS_WITHIN, Process, free_port, serving
from tests.support.raw import Line
from tests.support.talker import Talker

WITHIN = 15.0


async def answers(url: str) -> None:
    """Wait until it serves: its greeting may have gone nowhere."""
    async with asyncio.timeout(STARTS_WITHIN), aiohttp.ClientSession() as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)


async def shell(words: str, folder: Path, **environment: str) -> tuple[asyncio.subprocess.Process, str]:
    """A server begun by a shell, in whose words `serve` is the command, with the address where it is to be."""
    port = free_port()
    serve = f"{sys.executable} -m app serve --host 127.0.0.1 --port {port} --data '{folder}'"
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PARLOR_")}
    begun = await asyncio.create_subprocess_shell(
        words.replace("serve", f"exec {serve}"), cwd=PROJECT, env=ours | environment, start_new_session=True
    )
    return begun, f"http://127.0.0.1:{port}"


STREAMS = {
    "full": "serve >/dev/full 2>/dev/full",
    "closed": "serve <&- >&- 2>&-",
    "only output closed": "serve >&- 2>/dev/null",
    "only input closed": "serve <&- >/dev/null 2>/dev/null",
    "errors closed": "serve >/dev/null 2>&-",
}


@pytest.mark.parametrize("streams", STREAMS)
async def test_streams_that_take_nothing_do_not_keep_it_from_serving(tmp_path: Path, streams: str) -> None:
    begun, url = await shell(STREAMS[streams], tmp_path / "data", PARLOR_ACCESS_LOG="true")
    try:
        await answers(url)
        async with Talker(url, "alice") as alice:
            await alice.join("lobby")
            assert (await alice.say("lobby", "hello"))["text"] == "hello"
        kinds = [str(Path(f"/proc/{begun.pid}/fd/{number}").readlink()).partition(":")[0] for number in range(3)]
        assert "socket" not in kinds, "a socket in the place of a standard stream"
        begun.terminate()
        assert await asyncio.wait_for(begun.wait(), WITHIN) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            begun.kill()


@pytest.mark.parametrize(("encoding", "folder"), [("ascii", "data"), ("cp1252", "Бесѣда"), ("ascii:strict", "Бесѣда")])
async def test_a_greeting_that_cannot_be_encoded_is_written_out(tmp_path: Path, encoding: str, folder: str) -> None:
    async with serving(tmp_path / folder, PYTHONIOENCODING=encoding, PARLOR_SITE="Бесѣда") as server:
        assert (tmp_path / folder / "parlor.db").exists()
        await answers(server.url)


@pytest.mark.parametrize("reader", ["gone", "asleep"])
async def test_a_pipe_that_nobody_reads_does_not_stop_it(tmp_path: Path, reader: str) -> None:
    """Requests are logged, more than any pipe holds."""
    reading, writing = os.pipe()
    port = free_port()
    flags = ["--host", "127.0.0.1", "--port", str(port), "--data", str(tmp_path), "--access-log", "true"]
    begun = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", *flags], stdout=writing, stderr=writing, cwd=PROJECT
    )
    try:
        os.close(writing)
        if reader == "gone":
            os.close(reading)
        url = f"http://127.0.0.1:{port}"
        await answers(url)
        async with aiohttp.ClientSession(url) as http:
            for _ in range(20):
                for answer in await asyncio.gather(*(http.get(f"/ws/echo/{'y' * 190}") for _ in range(30))):
                    assert answer.status == 404
        begun.terminate()
        assert await asyncio.to_thread(begun.wait, WITHIN) == 0
    finally:
        begun.kill()
        if reader != "gone":
            os.close(reading)


@pytest.mark.parametrize("full", [True, False])
def test_other_commands_say_that_they_could_not_write(full: bool) -> None:
    command = [sys.executable, "-m", "app", "check-config"]
    with contextlib.ExitStack() as stack:
        if full:
            out: Any = stack.enter_context(Path("/dev/full").open("w"))
        else:
            reading, out = os.pipe()
            os.close(reading)
            stack.callback(os.close, out)
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, cwd=PROJECT, timeout=60, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"\n") <= 1


def test_check_config_shows_what_the_terminal_cannot_encode() -> None:
    command = [sys.executable, "-m", "app", "check-config", "--site", "Бесѣда"]
    environment = os.environ | {"PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, capture_output=True, cwd=PROJECT, env=environment, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


async def test_what_kubernetes_injects_is_passed_over_with_one_line(tmp_path: Path) -> None:
    injected = {
        "PARLOR_SERVICE_HOST": "10.0.0.7",
        "PARLOR_PORT": "tcp://10.0.0.7:80",
        "PARLOR_PORT_80_TCP_ADDR": "10.0.0.7",
    }
    async with serving(tmp_path, **injected) as server:
        server.signal(signal.SIGTERM)
        code, errors = await server.ended(WITHIN)
    assert code == 0
    lines = [line for line in errors.splitlines() if "passed over" in line]
    assert len(lines) == 1
    assert all(name in lines[0] for name in injected)


async def test_sighup_ends_it_as_sigterm_does(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, Talker(server.url, "alice"):
        server.signal(signal.SIGHUP)
        code, errors = await server.ended(WITHIN)
    assert code == 0
    assert "Traceback" not in errors


async def test_under_nohup_it_outlives_its_terminal(tmp_path: Path) -> None:
    begun, url = await shell("trap '' HUP; serve >/dev/null 2>&1", tmp_path)
    try:
        await answers(url)
        begun.send_signal(signal.SIGHUP)
        await answers(url)
        begun.terminate()
        assert await asyncio.wait_for(begun.wait(), WITHIN) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            begun.kill()


@pytest.mark.parametrize("name", ["50%", "what?", "a#b", "two words", "Бесѣда", "100%25", "a&b=c;d"])
async def test_the_data_folder_may_be_called_anything(tmp_path: Path, name: str) -> None:
    async with serving(tmp_path / name, makes_all=True) as server, Talker(server.url, "alice") as alice:
        await alice.join("lobby")
        await alice.say("lobby", "kept here")
    assert (tmp_path / name / "parlor.db").stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == [name]


# --- addresses ---


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as one:
        one.bind(("::1", 0))
        return True
    return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")


@needs_ipv6
@pytest.mark.parametrize("host", ["::", "[::]", "127.0.0.1,::1", "0.0.0.0, ::", "localhost,::1,127.0.0.1"])
async def test_it_listens_on_ipv4_and_ipv6_with_one_port(tmp_path: Path, host: str) -> None:
    async with serving(tmp_path, "--host", host) as server, aiohttp.ClientSession() as http:
        for address in ("127.0.0.1", "[::1]"):
            async with http.get(f"http://{address}:{server.port}/diagnostics/seen") as answer:
                assert (await answer.json())["from"] == address.strip("[]")
        assert server.greeting.count("http://") == 1


def test_a_family_that_this_machine_lacks_is_left_out_unless_it_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """192.0.2.1 (RFC 5737) is nobody's, so that it cannot be listened on, as `::1` where there is no IPv6."""
    found = [(socket.AF_INET, ("192.0.2.1", 0)), (socket.AF_INET, ("127.0.0.1", 0))]
    monkeypatch.setattr(process, "_resolve", lambda _: found)
    (one,) = process.bind(("localhost",), 0)
    with one:
        assert one.getsockname()[0] == "127.0.0.1"
    monkeypatch.setattr(process, "_resolve", lambda _: found[:1])
    with pytest.raises(OSError, match="assign"):
        process.bind(("localhost",), 0)


def test_a_taken_port_leaves_no_socket_behind() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            process.bind(("127.0.0.2", "127.0.0.1"), port)
        with socket.socket() as again:
            again.bind(("127.0.0.2", port))


# --- descriptors ---

FEW = 100


async def few_descriptors(folder: Path, loop: str, log: Path) -> asyncio.subprocess.Process:
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (FEW, FEW))
    flags = ["--host", "127.0.0.1", "--port", "0", "--data", str(folder), "--loop", loop]
    with log.open("wb") as errors:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "serve", *flags),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=PROJECT,
            preexec_fn=limit,
        )


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_out_of_descriptors_it_says_so_once_and_goes_on_when_there_are_some(tmp_path: Path, loop: str) -> None:
    log = tmp_path / "log"
    begun = await few_descriptors(tmp_path / "data", loop, log)
    try:
        assert begun.stdout
        server = Process(begun, (await asyncio.wait_for(begun.stdout.readline(), STARTS_WITHIN)).decode())
        async with await Line.to(server.url) as line, contextlib.AsyncExitStack() as crowd:
            assert (await line.ask("GET", "/readyz")).status == 200
            for _ in range(2 * FEW):
                one = crowd.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", server.port))
            await until_status(line, 503)
            said = (await line.ask("GET", "/readyz")).body.decode()
            assert str(FEW) in said and "LimitNOFILE" in said
            assert (await line.ask("GET", "/static/any/js/main.js")).status == 200, "a page can still be loaded"
            await crowd.aclose()
            await until_status(line, 200)
        await answers(server.url)
        begun.terminate()
        assert await asyncio.wait_for(begun.wait(), WITHIN) == 0
        lines = log.read_text().splitlines()
        assert sum("LimitNOFILE" in one for one in lines) == 1, lines
        assert len(lines) < 10
        assert "Traceback" not in log.read_text()
    finally:
        if begun.returncode is None:
            begun.kill()
            await begun.wait()


async def until_status(line: Line, status: int) -> None:
    async with asyncio.timeout(WITHIN):
        while (await line.ask("GET", "/readyz")).status != status:
            await asyncio.sleep(0.05)


async def test_the_limit_of_descriptors_is_raised_to_the_hard_one(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 4_096 if hard == resource.RLIM_INFINITY else min(4_096, hard)
    begun, url = await shell(f"ulimit -Sn 256; ulimit -Hn {wanted}; serve >/dev/null 2>&1", tmp_path)
    try:
        await answers(url)
        limits = Path(f"/proc/{begun.pid}/limits").read_text()
        found = re.search(r"Max open files\s+(\d+)\s+(\d+)", limits)
        assert found and found.groups() == (str(wanted), str(wanted))
    finally:
        begun.kill()
        await begun.wait()


def test_every_start_has_an_id_of_its_own_of_eight_letters_and_digits() -> None:
    ids = {process.new_process_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[a-z0-9]{8}", one) for one in ids)
