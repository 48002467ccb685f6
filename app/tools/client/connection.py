"""One connection of the client, from its opening to its end. A reconnect is a new Connection."""

import asyncio
import contextlib
import logging
from typing import Any
from urllib.parse import urlsplit

import socketio

from app.tools.client.shapes import Answer, EventHandler, refusal

TRANSPORT_TIMEOUT_S = 4.0  # a proxy may let a handshake hang for ever
WELCOME_TIMEOUT_S = 10.0  # more, for the server: after a restart all clients come at once
CLOSE_TIMEOUT_S = 1.0  # over polling the library waits up to 30 s for its own GET

_quiet = logging.getLogger("parlor.client.socketio")  # a lost connection is handled by the client, so it is not logged
_quiet.setLevel(logging.CRITICAL)


class NotConnected(ConnectionError):
    """retry_after: seconds before which the server does not want to be asked again."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Connection:
    """One python-socketio connection over one transport; it does not reconnect by itself."""

    def __init__(self, transport: str, on_event: EventHandler) -> None:
        self.transport = transport
        self._on_event = on_event
        loop = asyncio.get_running_loop()
        self._welcome: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._lost: asyncio.Future[Any] = loop.create_future()
        self._socket = socketio.AsyncClient(
            reconnection=False, handle_sigint=False, logger=_quiet, engineio_logger=_quiet
        )
        self._socket.on("*", self._received)
        self._refused: dict[str, Any] = {}
        self._socket.on("disconnect", self.lose)
        self._socket.on("connect_error", self._on_refused)

    async def open(self, url: str, auth: dict[str, str]) -> dict[str, Any]:
        """Connect, and return the server's welcome. Raises ConnectionError; Refused where the token is none."""
        try:
            async with asyncio.timeout(TRANSPORT_TIMEOUT_S):
                path = f"{urlsplit(url).path.strip('/')}/socket.io"
                await self._socket.connect(url, auth=auth, transports=[self.transport], socketio_path=path, wait=False)
            for loop in (self._socket.eio.read_loop_task, self._socket.eio.write_loop_task):
                loop.add_done_callback(self._ended)
            both = self._welcome, self._lost
            await asyncio.wait(both, timeout=WELCOME_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
            return self._welcome.result()
        except Exception as error:  # aiohttp's own errors come through the library as they are
            if self._refused.get("error") == "bad_token":
                raise refusal(self._refused) from None
            if self._refused:
                raise NotConnected(self._refused["text"], self._refused.get("retry_after", 0.0)) from error
            raise NotConnected(_why(error)) from error
        finally:
            if not self._welcome.done():
                self.lose()
                await self.close()

    async def ask(self, verb: str, payload: dict[str, Any], seconds: float) -> Answer:
        """The ack. Raises ConnectionError where none comes in time; the connection then counts as lost."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.emit(verb, payload, callback=lambda ack: _settle(answer, ack))
        except socketio.exceptions.SocketIOError as error:
            self.lose()
            raise ConnectionError(str(error)) from error
        await asyncio.wait([answer, self._lost], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            self.lose()
            raise ConnectionError(f"no answer to {verb}")
        ack: Answer = answer.result()
        return ack

    async def wait_lost(self) -> None:
        """Raises ConnectionError as soon as the connection is lost."""
        await asyncio.wait([self._lost])
        raise ConnectionError("the connection was lost")

    def lose(self, *_: object) -> None:
        _settle(self._lost, None)

    def _on_refused(self, told: Any = None, *_: object) -> None:
        """The server has answered CONNECT with a refusal."""
        data = told.get("data") if isinstance(told, dict) else None
        if isinstance(data, dict) and isinstance(data.get("text"), str):
            self._refused = data
        self.lose()

    def _ended(self, loop: asyncio.Task[None]) -> None:
        """A poll's answer that breaks off ends the library's loop with an error that nothing else reports."""
        if not loop.cancelled():
            loop.exception()
        self.lose()

    async def close(self) -> None:
        """Disconnect, with a DISCONNECT packet where the connection is still up. Takes two seconds at most."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                if not self._lost.done():
                    await self._socket.disconnect()
                elif self._socket.eio.http:
                    await self._socket.eio.http.close()
        self.lose()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._socket.eio.disconnect(abort=True)

    def _received(self, event: str, payload: dict[str, Any]) -> None:
        if self._lost.done():
            return
        if event == "welcome":
            _settle(self._welcome, payload)
        self._on_event(event, payload)


def _why(error: Exception) -> str:
    """Why there is no connection, as far as the libraries say it."""
    if isinstance(error, TimeoutError | asyncio.InvalidStateError):
        return "the server does not answer"
    return str(error).rstrip(".") or type(error).__name__


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
