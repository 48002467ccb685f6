"""What the head of a request says, as far as the short way of polls has to know (RFC 9112)."""

import re

END = b"\r\n\r\n"
LOST = None  # where in a request the connection is, we cannot tell

_SID = re.compile(rb"[?&]sid=([A-Za-z0-9_-]{1,64})(?=[& ])")
_BUSTER = re.compile(rb"(?<=[?&]t=)[A-Za-z0-9_.-]{1,32}(?=[& ])")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*(?=\r\n)")
_SIZE = re.compile(rb"(?<=\r\ncontent-length: )\d{1,4}(?=\r\n)", re.IGNORECASE)
_NOT_PLAIN = (b"\r\ntransfer-encoding:", b"\r\nexpect:", b"\r\nupgrade:")
_METHODS = (b"GET ", b"POST ")  # after a CONNECT, what looks like its body is the next request


def body_of(head: bytes) -> int | None:
    """Bytes of the body that a head, up to its empty line, announces; LOST where it does so in another way than by a
    length."""
    folded = head.lower()
    lengths = _LENGTH.findall(folded)
    plain = folded.count(b"\n") == folded.count(b"\r\n") and not any(name in folded for name in _NOT_PLAIN)
    if (
        not plain
        or not head.startswith(_METHODS)
        or len(lengths) > 1
        or len(lengths) != folded.count(b"content-length")
    ):
        return LOST
    return int(lengths[0]) if lengths else 0


def sid_of(head: bytes) -> str:
    """The session that is asked for, or nothing."""
    found = _SID.search(head, 0, head.find(b"\r\n"))
    return found[1].decode() if found else ""


def buster_in(head: bytes) -> tuple[int, int] | None:
    """Where the value of the address's cache-busting `t` begins and ends."""
    found = _BUSTER.search(head, 0, head.find(b"\r\n"))
    return found.span() if found else None


def form_of(head: bytes) -> tuple[bytes, int]:
    """What a request has in common with its like: its head without the value of `t`, and without the length of its
    body where it is a POST. And that length."""
    rest, size = head, None
    if head.startswith(b"POST ") and (size := _SIZE.search(head)):
        rest = head[: size.start()] + head[size.end() :]
    if span := buster_in(rest):
        rest = rest[: span[0]] + rest[span[1] :]
    return rest, int(size[0]) if size else 0
