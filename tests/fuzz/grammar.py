"""What stands on the wire, made from a Random: mostly right, sometimes wrong in one place, now and then nonsense.

A packet is str or bytes as a WebSocket carries it. `speech` makes them in groups, for a binary event is followed by its
attachments.
"""

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any

SEPARATOR = "\x1e"
Encoded = str | bytes
Ask = Callable[[Random], tuple[str, Any]]

CONTROLS = ["\0", "\x01", "\n", "\r", "\x1b", SEPARATOR, "\x7f", "\x85", "\u2028", "\ufeff"]
STRANGE = ["", "é", "日本", "😀", "👨‍👩‍👧", "٤", "a\u0301", "\u202e", "ﷺ", "İ", "ß", "Ω"]
BITS = [*CONTROLS, *STRANGE, '"', "\\", "[", "]", "{", "}", ",", "-", "/", "?", ":", "0", "9", "null", "NaN", "1e999"]
NUMBERS = [0, 1, -1, 2, 0.5, -0.0, 1e308, 2**31, 2**53, 2**53 + 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**30]
REFUSED = [  # JSON that is taken, or answered with a refusal
    "NaN", "-Infinity", "1e999", "-0",
    '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '{"a":1,"a":2}', '{"__proto__":{}}',
    '{"constructor":null}', "[" * 250 + "]" * 250, '{"a":' * 300 + "1" + "}" * 300, "9" * 400, '"' + "x" * 20_000 + '"',
]  # fmt: skip
RAW = [  # and what is none
    *REFUSED, "01", "1.", ".5", "+1", "0x10", "'a'", "[1,]", "{,}", "nul", '"\t"', "[" * 1_200 + "]" * 1_200,
    "1" * 5_000, "[" * 20_000, '{"a":' * 20_000, "]", "}", '"',
]  # fmt: skip
NAMESPACES = [
    "/other",
    "/",
    "/unknown",
    "/other?a=b",
    "/Other",
    "/other/",
    "//",
    "/é",
    "/\0",
    "/" + "n" * 300,
    "/refusing",
]
ENGINE_ODDITIES: list[Encoded] = [
    "", "0", "0{}", "1", "2", "2probe", "3probe", "5", "7", "8", "9x", "x", "4", "b", "bAAAA", "b!!!!", "bAAA",
    "b" + "A" * 4_000, "٤", "\0", SEPARATOR, f"4{SEPARATOR}4", "  ", "4 ", "40 ",
    b"", b"\0", b"4", b"2", b"\xff" * 200, "4" * 3_000, "\ufeff4",
]  # fmt: skip
RESERVED = ["connect", "disconnect", "connect_error", "disconnecting", "newListener", "removeListener"]
ROOMS = ["lobby", "garden", "cellar", "attic"]


def value(r: Random, depth: int = 0) -> Any:
    """Any JSON value."""
    kind = r.randrange(8 if depth < 4 else 5)
    if kind == 0:
        return r.choice([None, True, False])
    if kind in (1, 2):
        return r.choice(NUMBERS) if r.random() < 0.3 else r.randrange(1_000)
    if kind in (3, 4):
        return text(r)
    if kind == 5:
        return [value(r, depth + 1) for _ in range(r.randrange(4))]
    if kind == 6 and r.random() < 0.2:
        return {"_placeholder": r.choice([True, True, False, 1]), "num": r.choice([0, 1, 9, -1, 0.5, "0", None])}
    return {text(r): value(r, depth + 1) for _ in range(r.randrange(4))}


def text(r: Random) -> str:
    if r.random() < 0.01:
        return r.choice(BITS) * r.choice([100, 5_000])
    return "".join(r.choice(BITS) if r.random() < 0.2 else chr(97 + r.randrange(26)) for _ in range(r.randrange(9)))


def written(r: Random, what: Any, pieces: list[str]) -> str:
    """As JSON; now and then with one of `pieces` at the end, or in the place of a value."""
    out = json.dumps(what, ensure_ascii=r.random() < 0.5, separators=(",", ":"), allow_nan=False)
    if r.random() < 0.03:
        out = out.replace(json.dumps(r.choice(ROOMS)), r.choice(pieces), 1)
    if r.random() < 0.02 and out.endswith("]") and len(out) > 2:
        out = f"{out[:-1]},{r.choice(pieces)}]"
    return out


# --- what is asked ---


def _maybe(r: Random, **fields: Callable[[], Any]) -> dict[str, Any]:
    return {name: make() for name, make in fields.items() if r.random() < 0.5}


def verb(r: Random) -> tuple[str, Any]:
    """One of the chat's verbs with a payload that mostly fits."""
    room = {"room": r.choice(ROOMS) if r.random() < 0.97 else f"room-{r.randrange(50)}"}
    number, some = (lambda: r.choice([0, 1, 5, 100, 2**53 - 1])), (lambda: r.choice([1, 2, 50, 1_000]))
    name: str = r.choice(["join", "join", "send", "send", "send", "leave", "typing", "sync", "history", "people"])
    if r.random() < 0.25:
        name = r.choice(["rooms", "topic", "rename", "echo"])
    payload: Any = {
        "join": lambda: room | _maybe(r, after=number, nickname=lambda: text(r)),
        "leave": lambda: room,
        "send": lambda: room | {"text": text(r) or "hi", "id": f"{r.getrandbits(64):016x}"} | _maybe(r, reply_to=some),
        "typing": lambda: room,
        "sync": lambda: room | {"after": number()} | _maybe(r, limit=some),
        "history": lambda: room | _maybe(r, before=some, limit=some),
        "people": lambda: room | _maybe(r, after=lambda: text(r), limit=some),
        "rooms": dict,
        "topic": lambda: room | {"topic": text(r)},
        "rename": lambda: {"nickname": text(r)},
        "echo": lambda: {"x": value(r)},
    }[name]()
    if r.random() < 0.2:
        payload = _bent(r, payload)
    return name, payload


def _bent(r: Random, payload: dict[str, Any]) -> Any:
    """A field less, a field more, another value, or no object at all."""
    kind = r.randrange(4)
    if kind == 0 and payload:
        payload.pop(r.choice(list(payload)))
    elif kind == 1:
        payload[text(r)] = value(r)
    elif kind == 2 and payload:
        payload[r.choice(list(payload))] = value(r)
    elif kind == 3:
        return value(r)
    return payload


def plain(r: Random) -> tuple[str, Any]:
    """One of the events that the mounted server listens to."""
    return r.choice(["echo", "none", "pair", "back", "seat", "ask", "all", "nobody-listens"]), value(r)


# --- packets ---


def speech(r: Random, ask: Ask, wild: float) -> list[Encoded]:
    """A packet, with the attachments that belong to it. `wild` is how often it is one that ends a session."""
    if r.random() < wild:
        return r.choice([_wild_event, _wild_event, _wild_binary, _wild_other, _wild_other, _oddity, _bent_speech])(
            r, ask
        )
    chance = r.random()
    if chance < 0.88:
        return _event(r, ask)
    if chance < 0.97:
        return _binary(r, ask)
    return r.choice([["3"], ["6"], [f"43{r.randrange(40)}[]"], ["40/unknown,"], ["40/refusing,{}"]])


def _event(r: Random, ask: Ask) -> list[Encoded]:
    name, payload = ask(r)
    values = [name, payload] if r.random() < 0.95 else [name, *(value(r) for _ in range(r.randrange(3)))]
    return [f"42{_place(r)}{_id(r)}{written(r, values, REFUSED)}"]


def _binary(r: Random, ask: Ask) -> list[Encoded]:
    name, payload = ask(r)
    count = r.choice([1, 1, 2, 3, 10])
    holes = [{"_placeholder": True, "num": n} for n in range(count)]
    packet = f"45{count}-{_place(r)}{_id(r)}{json.dumps([name, without_holes(payload), *holes])}"
    return [packet, *(r.randbytes(r.choice([0, 1, 10, 2_000])) for _ in range(count))]


def _wild_event(r: Random, ask: Ask) -> list[Encoded]:
    """With a name, an id, a namespace or JSON that cannot be."""
    name, payload = ask(r)
    values: Any = r.choice([[], [r.choice(RESERVED)], [1], [None], [[]], [text(r)], {}, "x", [name, payload]])
    id = r.choice(["-1", "1.5", "٣", "9" * 20, "9" * 21, "9" * 4_400, "00", " 1", "7", ""])
    return [f"42{_wild_place(r)}{id}{written(r, values, RAW)}{r.choice(['', '', '', *RAW])}"]


def _wild_binary(r: Random, ask: Ask) -> list[Encoded]:
    """With attachments too few, too many or of another kind."""
    packet, *attachments = _binary(r, ask)
    assert isinstance(packet, str)
    if r.random() < 0.5:
        _, dash, rest = packet.partition("-")
        packet = f"4{r.choice('56')}{r.choice([0, 1, 2, 11, 99, -1, 9_999_999_999, '', '٣'])}{dash}{rest}"
    more: list[list[Encoded]] = [[], [b"x"], ["3"], ['42["echo",1]'], ["40"], ["1"], ["41"]]
    return [packet, *attachments[: r.randrange(len(attachments) + 1)], *r.choice(more)]


def _wild_other(r: Random, _ask: Ask) -> list[Encoded]:
    """CONNECT, DISCONNECT, ACK, CONNECT_ERROR, where and as they do not belong."""
    kind = r.choice("0000113347")
    data = r.choice(
        ["", "{}", '{"nickname":"x"}', '{"token":1}', '"x"', "[]", "1[]", "1{}", written(r, [value(r)], RAW)]
    )
    return [f"4{kind}{_wild_place(r)}{data}"]


def _oddity(r: Random, _ask: Ask) -> list[Encoded]:
    return [r.choice(ENGINE_ODDITIES)]


def _bent_speech(r: Random, ask: Ask) -> list[Encoded]:
    packets = speech(r, ask, 0)
    at = r.randrange(len(packets))
    packets[at] = bend(r, packets[at])
    return packets


def without_holes(what: Any) -> Any:
    """The value without anything that looks like a placeholder."""
    if isinstance(what, dict):
        return {name: without_holes(one) for name, one in what.items() if name != "_placeholder"}
    return [without_holes(one) for one in what] if isinstance(what, list) else what


def _place(r: Random) -> str:
    return r.choice(["", "", "", "/,", "/?a=b,"]) if r.random() < 0.1 else ""


def _wild_place(r: Random) -> str:
    name = r.choice(["", "", "", "/other", *NAMESPACES])
    return f"{name}," if name and r.random() < 0.9 else name


def _id(r: Random) -> str:
    return str(r.randrange(100)) if r.random() < 0.7 else ""


def bend(r: Random, packet: Encoded) -> Encoded:
    """One change somewhere: a piece out, in, doubled, exchanged, or the other kind of frame."""
    if isinstance(packet, bytes):
        return r.choice([packet[:-1], packet * 2, packet + b"\xff", packet.decode("latin-1")])
    at = r.randrange(len(packet) + 1)
    return r.choice(
        [
            lambda: packet[:at],
            lambda: packet[at:],
            lambda: packet[:at] + r.choice(BITS) + packet[at:],
            lambda: packet[:at] + r.choice(BITS) + packet[at + 1 :],
            lambda: packet[: at + 1] + packet[at:],
            lambda: packet.encode(),
            lambda: packet + packet,
        ]
    )()


def in_payload(packet: Encoded) -> str:
    """As a POST carries it."""
    return packet if isinstance(packet, str) else "b" + base64.b64encode(packet).decode()
