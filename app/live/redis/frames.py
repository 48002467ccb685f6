"""What one process tells others, as Redis carries it: a version, the process, a kind, when it left, a checksum, a body.

The checksum is keyed by the history's name and the operator's secret: what was damaged, or written by another program
or another Parlor, is told apart from news.
"""

import re
import struct
from hashlib import blake2b
from typing import NamedTuple

VERSION = 1
DIGEST = 8  # bytes of the checksum

_HEAD = struct.Struct(">B8scQ")
_SIZE = _HEAD.size + DIGEST
_PROCESS = re.compile(rb"[a-z0-9]{8}")
_KIND = re.compile(rb"[a-z]")


class BadFrame(ValueError):
    """Not from a process of this Parlor, or damaged on the way."""


class Frame(NamedTuple):
    """process: the id of the one that sent it. kind: one letter. sent: microseconds by the sender's own clock."""

    process: str
    kind: bytes
    sent: int
    body: bytes


class Seal:
    """Makes and opens the frames of one process. process: 8 characters of [a-z0-9]."""

    def __init__(self, process: str, epoch: str, secret: str = "") -> None:
        self.process, self._process = process, process.encode()
        key = blake2b(f"{secret}\n{epoch}".encode()).digest()
        self._keyed = blake2b(key=key, digest_size=DIGEST)

    def close(self, kind: bytes, sent: int, body: bytes) -> bytes:
        head = _HEAD.pack(VERSION, self._process, kind, sent)
        return b"".join((head, self._digest(head, body), body))

    def open(self, data: bytes) -> Frame:
        """Raises BadFrame with the reason."""
        if len(data) < _SIZE:
            raise BadFrame("too short")
        version, process, kind, sent = _HEAD.unpack_from(data)
        if version != VERSION:
            raise BadFrame(f"of version {version}, not {VERSION}")
        if not _PROCESS.fullmatch(process) or not _KIND.fullmatch(kind):
            raise BadFrame("not one of ours")
        body = data[_SIZE:]
        if process != self._process and self._digest(data[: _HEAD.size], body) != data[_HEAD.size : _SIZE]:
            raise BadFrame("damaged, or sealed with another PARLOR_SECRET")
        return Frame(process.decode(), kind, sent, body)

    def _digest(self, head: bytes, body: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(head)
        keyed.update(body)
        return keyed.digest()
