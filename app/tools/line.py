"""One connection, from its opening to its fall; the next one is another Line."""

import asyncio
import contextlib
import logging
from typing import Any
from urllib.parse import urlsplit

import socketio

from app.tools.room import Answer, Hearing

STANDS_WITHIN = 4.0  # seconds for a transport: a proxy may let a handshake hang for ever
WELCOME_WITHIN = 10.0  # seconds more for the server, which may have a crowd to welcome
PART_WITHIN = 1.0  # seconds to say goodbye in: over polling the library waits up to 30 s for its own GET

_silence = logging.getLogger("parlor.client")  # a line that falls is no news to log: we hear of it, and come back
_silence.setLevel(logging.CRITICAL)


class Line:
    """One python-socketio connection over one transport, which never comes back by itself."""

    def __init__(self, transport: str, hear: Hearing) -> None:
        self.transport = transport
        self._hear = hear
        loop = asyncio.get_running_loop()
        self._welcome: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._fallen: asyncio.Future[Any] = loop.create_future()
        self._socket = socketio.AsyncClient(
            reconnection=False, handle_sigint=False, logger=_silence, engineio_logger=_silence
        )
        self._socket.on("*", self._heard)
        for event in ("disconnect", "connect_error"):
            self._socket.on(event, self.fall)

    async def open(self, url: str, auth: dict[str, str]) -> dict[str, Any]:
        """The server's welcome. Raises ConnectionError."""
        try:
            async with asyncio.timeout(STANDS_WITHIN):
                path = f"{urlsplit(url).path.strip('/')}/socket.io"
                await self._socket.connect(url, auth=auth, transports=[self.transport], socketio_path=path, wait=False)
            for loop in (self._socket.eio.read_loop_task, self._socket.eio.write_loop_task):
                loop.add_done_callback(self._ended)
            both = self._welcome, self._fallen
            await asyncio.wait(both, timeout=WELCOME_WITHIN, return_when=asyncio.FIRST_COMPLETED)
            return self._welcome.result()
        except Exception as error:  # aiohttp's own errors come through the library as they are
            raise ConnectionError(f"no connection over {self.transport}: {error!r}") from error
        finally:
            if not self._welcome.done():
                self.fall()
                await self.close()

    async def ask(self, verb: str, payload: dict[str, Any], patience: float) -> Answer:
        """The ack. Raises ConnectionError where none comes: a line that does not answer has fallen."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.emit(verb, payload, callback=lambda ack: _settle(answer, ack))
        except socketio.exceptions.SocketIOError as error:
            raise ConnectionError(str(error)) from error
        await asyncio.wait([answer, self._fallen], timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            self.fall()
            raise ConnectionError(f"no answer to {verb}")
        ack: Answer = answer.result()
        return ack

    async def stands(self) -> None:
        """Raises ConnectionError the moment it does not any more."""
        await asyncio.wait([self._fallen])
        raise ConnectionError("the line fell")

    def fall(self, *_: object) -> None:
        _settle(self._fallen, None)

    def _ended(self, loop: asyncio.Task[None]) -> None:
        """A poll's answer that breaks off ends the library's loop with an error that it tells nobody."""
        if not loop.cancelled():
            loop.exception()
        self.fall()

    async def close(self) -> None:
        """With a goodbye where somebody may hear it; never longer than a moment."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(PART_WITHIN):
                if not self._fallen.done():
                    await self._socket.disconnect()
                elif self._socket.eio.http:
                    await self._socket.eio.http.close()
        self.fall()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(PART_WITHIN):
                await self._socket.eio.disconnect(abort=True)

    def _heard(self, event: str, payload: dict[str, Any]) -> None:
        if self._fallen.done():
            return
        if event == "welcome":
            _settle(self._welcome, payload)
        self._hear(event, payload)


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
