"""What processes tell each other of requests that they relay: the kinds of frames, their form, how long they wait."""

import struct

TICK_S = 1.0  # between two lists of what is open
SILENCE_S = 3.5  # without a word from the other process, after which it is dead
ON_ITS_WAY_S = 2.0  # that an answer may take; then it is lost
MAX_BYTES = 4_000_000  # of POSTs on their way

# Kinds of frames: to the owner, ...
ASK_GET, ASK_POST, BROKEN, LOST, RELEASE, OPEN = b"g", b"p", b"b", b"l", b"r", b"o"
# ... and back.
ANSWERED, CUT, HERE = b"a", b"c", b"h"

ID = struct.Struct(">Q")  # of a request, by the process that asks
GET = struct.Struct(">Qi")  # id, milliseconds to hold or -1; then the sid
POST = struct.Struct(">QB")  # id, length of the sid; then the sid and the body
ANSWER = struct.Struct(">QHB")  # id, status, Engine.IO's code; then the body or the sentence
COUNT = struct.Struct(">I")


def ids_of(body: bytes) -> list[int]:
    return [id for (id,) in ID.iter_unpack(body)]


def packed(ids: list[int]) -> bytes:
    return b"".join(map(ID.pack, ids))
