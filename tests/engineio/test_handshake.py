"""The first request: what it is told, and what is refused with which sentence."""

from typing import Any

import orjson
import pytest

from tests.support.mounted import Mount, Mounted, on_both, on_both_transports
from tests.support.raw import UPGRADE, Line

POLLING = "/socket.io/?EIO=4&transport=polling"
WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"


@on_both
async def test_fractions_of_a_second_are_announced(mount: Mount) -> None:
    mounted = await mount(ping_interval=0.3, ping_timeout=0.25, max_payload=12_345)
    async with mounted.polls() as polls:
        handshake = polls.handshake
    del handshake["sid"]
    assert handshake == {"upgrades": ["websocket"], "pingInterval": 300, "pingTimeout": 250, "maxPayload": 12_345}


async def test_a_websocket_is_offered_no_upgrade(mounted: Mounted) -> None:
    async with mounted.socket() as socket:
        assert socket.handshake["upgrades"] == []


@pytest.mark.parametrize(("transports", "upgrades"), [(["polling"], []), (["polling", "websocket"], ["websocket"])])
async def test_an_upgrade_is_offered_where_there_is_one(mount: Mount, transports: list[str], upgrades: Any) -> None:
    async with (await mount(transports=transports)).polls() as polls:
        assert polls.handshake["upgrades"] == upgrades


@on_both
async def test_a_request_that_names_no_transport_is_refused(mount: Mount) -> None:
    assert await refusal(await mount(), "GET", "/socket.io/?EIO=4") == (400, "Transport unknown")


@on_both
async def test_put_is_a_bad_request(mount: Mount) -> None:
    assert await refusal(await mount(), "PUT", POLLING) == (400, "Bad handshake method")


@on_both
async def test_jsonp_is_not_served(mount: Mount) -> None:
    assert await refusal(await mount(), "GET", POLLING + "&j=0") == (400, "JSONP is not served")


@pytest.mark.parametrize(
    ("method", "path", "sentence"),
    [
        ("POST", POLLING, "Bad handshake method"),
        ("DELETE", POLLING, "Bad handshake method"),
        ("GET", POLLING.replace("EIO=4&", ""), "Unsupported protocol version: this is Engine.IO 4"),
        ("GET", POLLING.replace("EIO=4", "EIO=3"), "Unsupported protocol version: this is Engine.IO 4"),
        ("GET", POLLING.replace("polling", "flash"), "Transport unknown"),
        ("GET", POLLING + "&sid=nobody", "Session ID unknown"),
        ("POST", POLLING + "&sid=nobody", "Session ID unknown"),
    ],
)
async def test_a_bad_request_is_refused_with_a_sentence(
    mounted: Mounted, method: str, path: str, sentence: str
) -> None:
    assert await refusal(mounted, method, path) == (400, sentence)
    assert mounted.left() == {}


@pytest.mark.parametrize(("on", "off"), [("websocket", "polling"), ("polling", "websocket")])
async def test_a_transport_that_is_off_is_named(mount: Mount, on: str, off: str) -> None:
    mounted = await mount(transports=[on])
    sentence = f"Transport {off} is switched off here; this server speaks {on}"
    assert await refusal(mounted, "GET", f"/socket.io/?EIO=4&transport={off}", **UPGRADE) == (400, sentence)
    async with mounted.over(on) as speech:
        await speech.send("2probe" if on == "websocket" else "3")


@on_both
@pytest.mark.parametrize("stripped", ["Connection", "Upgrade"])
async def test_a_half_stripped_upgrade_is_told_which_header_is_missing(mount: Mount, stripped: str) -> None:
    """What a proxy that speaks no WebSocket does. The stock server answers 500 and keeps a session, or does not say."""
    mounted = await mount()
    headers = {name: value for name, value in UPGRADE.items() if name != stripped}
    status, sentence = await refusal(mounted, "GET", WEBSOCKET, **headers)
    assert status == 400
    assert f"'{stripped}: " in sentence
    assert mounted.left() == {}


@pytest.mark.parametrize("wrong", [{"Sec-WebSocket-Key": "short"}, {"Sec-WebSocket-Version": "9"}])
async def test_a_broken_upgrade_leaves_nothing_behind(mounted: Mounted, wrong: dict[str, str]) -> None:
    async with await Line.to(mounted.url) as line:
        assert (await line.ask("GET", WEBSOCKET, **UPGRADE | wrong)).status == 400
    assert mounted.left() == {}


@on_both
async def test_answers_are_not_to_be_stored(mount: Mount) -> None:
    """CDNs have handed one session to many people."""
    mounted = await mount()
    async with await Line.to(mounted.url) as line:
        opened = await line.ask("GET", POLLING)
        sid = orjson.loads(opened.body[1:])["sid"]
        posted = await line.ask("POST", f"{POLLING}&sid={sid}", b"3")
        refused = await line.ask("GET", f"{POLLING}&sid=nobody")
    assert [one.headers.get("cache-control") for one in (opened, posted, refused)] == ["no-store"] * 3


@on_both
async def test_compression_is_not_negotiated(mount: Mount) -> None:
    """It costs 110 KB a connection, and some proxies drop the socket right after a 101 that agrees to it."""
    assert "sec-websocket-extensions" not in await upgrade_headers(await mount())


async def test_one_websocket_too_many_is_told_so(mount: Mount) -> None:
    mounted = await mount(max_websockets=1)
    async with mounted.socket():
        status, sentence = await refusal(mounted, "GET", WEBSOCKET, **UPGRADE)
        assert (status, "PARLOR_MAX_WEBSOCKETS" in sentence) == (503, True)
        async with mounted.polls() as polls:
            assert polls.sid, "polling is always there"
    async with mounted.socket() as next_one:
        assert next_one.sid


# --- origins ---


@on_both_transports
async def test_a_foreign_origin_is_refused_with_a_sentence(mounted: Mounted, transport: str) -> None:
    path = f"/socket.io/?EIO=4&transport={transport}"
    status, sentence = await refusal(mounted, "GET", path, **UPGRADE, Origin="https://evil.example")
    assert (status, sentence.startswith("https://evil.example is not an accepted origin")) == (403, True)
    assert all(name in sentence for name in ("PARLOR_ORIGINS", "PARLOR_TRUST_PROXIES", "parlor.test"))
    assert mounted.left() == {}


@pytest.mark.parametrize("origin", ["null", "https://", "http://parlor.test.evil.example", "http://xparlor.test", ""])
async def test_an_origin_that_only_looks_like_ours_is_refused(mounted: Mounted, origin: str) -> None:
    async with await Line.to(mounted.url) as line:
        assert (await line.ask("GET", POLLING, Origin=origin)).status == 403


@on_both_transports
@pytest.mark.parametrize("origin", ["https://friend.example", "http://parlor.test", "https://parlor.test", None])
async def test_our_own_host_and_listed_origins_are_accepted(mount: Mount, transport: str, origin: str | None) -> None:
    mounted = await mount(origins=["https://friend.example"])
    async with await Line.to(mounted.url) as line:
        headers = UPGRADE if transport == "websocket" else {}
        named = {"Origin": origin} if origin else {}
        answer = await line.ask("GET", f"/socket.io/?EIO=4&transport={transport}", **headers, **named)
    assert answer.status == (101 if transport == "websocket" else 200)
    if origin and transport == "polling":
        assert answer.headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://parlor.test.", "parlor.test"),
        ("https://parlor.test", "parlor.test."),
        ("https://parlor.test.:8443", "parlor.test:8443"),
        ("HTTPS://Parlor.Test.", "parlor.test.:443"),
        ("http://[2001:db8::1]:8000", "[2001:db8::1]:8000"),
        ("http://[2001:db8::1]", "[2001:db8::1]:80"),
        ("https://friend.example.", "parlor.test"),
    ],
)
async def test_the_dot_of_the_root_makes_no_other_origin(mount: Mount, origin: str, host: str) -> None:
    """Some proxies take it away from the host; what the browser says of the page keeps it."""
    mounted = await mount(origins=["https://friend.example"])
    async with await Line.to(mounted.url) as line:
        assert (await line.ask("GET", POLLING, Host=host, Origin=origin)).status == 200
        assert (await line.ask("GET", POLLING, Host=host, Origin=f"{origin}.example")).status == 403


async def test_a_star_lets_every_page_in(mount: Mount) -> None:
    mounted = await mount(origins=["*"])
    async with await Line.to(mounted.url) as line:
        assert (await line.ask("GET", POLLING, Origin="https://anybody.example")).status == 200


async def test_a_preflight_is_answered_for_accepted_origins_alone(mount: Mount) -> None:
    mounted = await mount(origins=["https://friend.example"])
    async with await Line.to(mounted.url) as line:
        friend = await line.ask("OPTIONS", POLLING, Origin="https://friend.example")
        stranger = await line.ask("OPTIONS", POLLING, Origin="https://evil.example")
    assert (friend.status, stranger.status) == (200, 403)
    assert "POST" in friend.headers["access-control-allow-methods"]
    assert "access-control-allow-origin" not in stranger.headers


@on_both
async def test_the_page_behind_tls_is_at_home(mount: Mount) -> None:
    """The proxy ends TLS and does not say so: to the stock server `https://chat.example` is then a foreign origin."""
    assert await status_behind_tls(await mount()) == 200


@pytest.mark.parametrize("scheme", ["https", "https, http", "http"])
async def test_the_page_behind_tls_is_at_home_whatever_proxies_say(mounted: Mounted, scheme: str) -> None:
    assert await status_behind_tls(mounted, X_Forwarded_Proto=scheme) == 200


async def status_behind_tls(mounted: Mounted, **told: str) -> int:
    async with await Line.to(mounted.url) as line:
        told |= {"Host": "chat.example", "Origin": "https://chat.example"}
        return (await line.ask("GET", POLLING, **told)).status


async def refusal(mounted: Mounted, method: str, path: str, **headers: str) -> tuple[int, str]:
    """Status and sentence."""
    async with await Line.to(mounted.url) as line:
        answer = await line.ask(method, path, **headers)
    try:
        said: Any = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return answer.status, answer.body.decode()
    return answer.status, said["message"] if isinstance(said, dict) else said


async def upgrade_headers(mounted: Mounted) -> dict[str, str]:
    async with await Line.to(mounted.url) as line:
        answer = await line.ask("GET", WEBSOCKET, **UPGRADE, Sec_WebSocket_Extensions="permessage-deflate")
    assert answer.status == 101
    return answer.headers
