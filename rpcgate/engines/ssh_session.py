"""One process on one SSH connection, as asyncssh reports it."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import asyncssh

from rpcgate.engines.conversation import Conversation

PIECE = 256 << 10  # bytes of input that are handed over at once


class NotOpenedError(Exception):
    """The connection opened no session; nothing was sent over it. Another connection may be tried."""


class Session(asyncssh.SSHClientSession[bytes]):
    """Tell a Conversation what the remote process says."""

    def __init__(self, said: Conversation, stdin: tuple[bytes, ...] | None, opened: "asyncio.Future[None]") -> None:
        self._said = said
        self._stdin = None if stdin is None else _cut(stdin)
        self._paused = False
        self._opened = opened
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    def connection_made(self, chan: "asyncssh.SSHClientChannel[bytes]") -> None:
        """Know that the server has opened the session: asyncssh sends the command next, without waiting."""
        self._channel = chan
        self._said.sent = True
        if not self._opened.done():
            self._opened.set_result(None)

    def session_started(self) -> None:
        """Send what the process reads, unless it has ended already: an error here would throw its output away."""
        self._feed()

    def pause_writing(self) -> None:
        """Wait with further input: what the line does not take yet is held in memory."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on with it."""
        self._paused = False
        self._feed()

    def _feed(self) -> None:
        """Send input as fast as the line takes it, then its end."""
        while self._channel and self._stdin is not None and not self._paused:
            piece = next(self._stdin, None)
            with suppress(OSError):
                if piece is not None:
                    self._channel.write(piece)
                    continue
                self._channel.write_eof()
            self._stdin = None

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Take a piece of output."""
        self._said.heard("stderr" if datatype == asyncssh.EXTENDED_DATA_STDERR else "stdout", data)

    def exit_status_received(self, status: int) -> None:
        """Take the exit status."""
        self._said.exited(status)

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002  # asyncssh's signature
        """Take the end by a signal as a shell shows it."""
        self._said.exited(128 + _number(signal))

    def connection_lost(self, exc: Exception | None) -> None:
        """Know that the session, or the whole connection, is over."""
        self._said.closed(str(exc) if exc else "")

    def close(self) -> None:
        """Let go of the session."""
        if self._channel:
            with suppress(OSError):
                self._channel.close()


async def open_session(
    connection: asyncssh.SSHClientConnection,
    line: str,
    stdin: tuple[bytes, ...] | None,
    said: Conversation,
    patience: float,
) -> Session:
    """Ask the server to run a line. NotOpenedError while nothing was sent; after that `said` knows all."""
    opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    session = Session(said, stdin, opened)
    asking = asyncio.create_task(connection.create_session(lambda: session, line, encoding=None))
    try:
        either: set[asyncio.Future[Any]] = {opened, asking}
        await asyncio.wait(either, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not said.sent:
            asking.cancel()
    if not said.sent:
        await asyncio.wait({asking})
        error = None if asking.cancelled() else asking.exception()
        raise NotOpenedError(str(error) if error else f"no answer within {patience:g} s") from error
    asking.add_done_callback(lambda task: _asked(task, said))
    return session


def _asked(asking: "asyncio.Task[object]", said: Conversation) -> None:
    """Know what came of the request, once it was sent."""
    if not asking.cancelled() and (error := asking.exception()):
        said.closed(f"the server did not start the command ({error})")


def _cut(pieces: tuple[bytes, ...]) -> Iterator[bytes]:
    for piece in pieces:
        for at in range(0, len(piece), PIECE):
            yield piece[at : at + PIECE]


def _number(name: str) -> int:
    try:
        return signal.Signals[f"SIG{name}"].value
    except KeyError:
        return 0
