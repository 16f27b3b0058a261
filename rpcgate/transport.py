"""rpyc 6.0.2 cut down to a pipe: one request `call(bytes) -> bytes`, bounded frames, no object ever referred to.

What is overridden, and what breaks without it:
- `Channel.recv` allocates and unpacks whatever length and zip bomb a peer announces, before anyone is asked who it is.
- `SocketStream.read` ignores timeouts, so that half a frame holds a thread for ever.
- `Connection._dispatch` serves attribute access, inspection and calls on any object the peer can name, builds proxies
  (netrefs) for the peer's objects, and sends exceptions with their texts. Here it takes one shape of request and one of
  reply; everything else closes the connection.
- `Connection.close` asks the peer and waits up to 30 s for its answer.
"""

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from rpyc.core import brine, consts
from rpyc.core.channel import Channel
from rpyc.core.protocol import Connection
from rpyc.core.service import VoidService
from rpyc.core.stream import SocketStream

MAX_FRAME = 2 << 20  # bytes
IDLE = 120.0  # seconds without a request, after which a master lets go of a connection
FRAME_TIME = 20.0  # seconds within which a frame that has begun must be whole

Answer = Callable[[bytes], bytes]


class PeerError(Exception):
    """The peer does not keep to the protocol. Drop the connection; `reason` is for counting."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TimedStream(SocketStream):  # type: ignore[misc]  # rpyc is untyped
    """A TLS socket whose frames come and go within `frame_time` seconds, or EOFError closes it."""

    __slots__ = ("_frame_time",)

    def __init__(self, sock: ssl.SSLSocket, frame_time: float) -> None:
        super().__init__(sock)
        self._frame_time = frame_time
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def poll(self, timeout: Any) -> bool:  # noqa: ANN401  # rpyc's Timeout or seconds
        """Wait for something to read; TLS may hold bytes that the socket no longer shows."""
        return bool(self.sock.pending()) or bool(super().poll(timeout))

    def read(self, count: int) -> bytes:
        """Read exactly `count` bytes."""
        deadline, parts = time.monotonic() + self._frame_time, []
        while count:
            part = self._within(deadline, self.sock.recv, min(count, self.MAX_IO_CHUNK))
            if not part:
                self.close()
                raise EOFError("the peer closed the connection")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def write(self, data: bytes) -> None:
        """Write all of `data`."""
        deadline, rest = time.monotonic() + self._frame_time, memoryview(data)
        while rest:
            sent = self._within(deadline, self.sock.send, rest[: self.MAX_IO_CHUNK])
            rest = rest[sent:]

    def _within(self, deadline: float, move: Callable[[Any], Any], what: object) -> Any:  # noqa: ANN401  # bytes or a count
        try:
            self.sock.settimeout(max(deadline - time.monotonic(), 0.001))
            return move(what)
        except OSError as error:
            self.close()
            raise EOFError(str(error)) from error


class BoundedChannel(Channel):  # type: ignore[misc]  # rpyc is untyped
    """Frames of at most MAX_FRAME bytes, never compressed, judged by their header before anything is allocated."""

    def __init__(self, stream: TimedStream) -> None:
        super().__init__(stream, compress=False)

    def recv(self) -> bytes:
        """Read one frame; PeerError when it is too large or compressed."""
        length, compressed = self.FRAME_HEADER.unpack(self.stream.read(self.FRAME_HEADER.size))
        if compressed:
            raise PeerError("compressed_frame")
        if length > MAX_FRAME:
            raise PeerError("oversized_frame")
        return bytes(self.stream.read(length + len(self.FLUSHER))[:length])


class Pipe(Connection):  # type: ignore[misc]  # rpyc is untyped
    """One end of the pipe. With `answer` it serves requests, without it asks; never both."""

    def __init__(self, sock: ssl.SSLSocket, answer: Answer | None = None, frame_time: float = FRAME_TIME) -> None:
        self._answer = answer
        super().__init__(VoidService(), BoundedChannel(TimedStream(sock, frame_time)))

    def call(self, data: bytes, timeout: float) -> bytes:
        """Ask the other end and wait `timeout` seconds; after any exception the connection is of no use.

        TimeoutError, EOFError (closed), PeerError (an answer that is none).
        """
        return bytes(self.async_request(consts.HANDLE_CALL, data, timeout=timeout).value)

    def serve_all(self) -> None:
        """Answer until the peer goes, stays silent for IDLE seconds, or breaks the rules (PeerError)."""
        try:
            while not self.closed and self.serve(IDLE):
                pass
        except (EOFError, OSError):
            return
        finally:
            self.close()

    @property
    def stale(self) -> bool:
        """Say whether a resting connection is of no use: something to read can only be its end."""
        return self.closed or self._channel.closed or bool(self._channel.poll(0))

    def close(self) -> None:
        """Close at once, without a word to the peer; may be repeated."""
        if not self._closed:
            self._cleanup()

    def _request_handlers(self) -> dict[int, Any]:
        return {}  # _dispatch answers by itself: there is nothing to look up

    def _dispatch(self, data: bytes) -> None:
        """Answer a request or pass a reply on. serve() has taken _recvlock and leaves it to this method to release."""
        try:
            kind, (seq, payload) = data[0], _load(data)
            if self._answer is None:
                self._reply(kind, seq, payload)
                return
        finally:
            self._recvlock.release()
        self._request(self._answer, kind, seq, payload)

    def _request(self, answer: Answer, kind: int, seq: int, payload: Any) -> None:  # noqa: ANN401  # brine
        match (kind, payload):
            case (consts.MSG_REQUEST, (consts.HANDLE_CALL, (consts.LABEL_VALUE, (bytes(asked),)))):
                self._send(consts.MSG_REPLY, seq, (consts.LABEL_VALUE, answer(asked)))
            case _:
                raise PeerError("not_a_call")

    def _reply(self, kind: int, seq: int, payload: Any) -> None:  # noqa: ANN401  # brine
        match (kind, payload):
            case (consts.MSG_REPLY, (consts.LABEL_VALUE, bytes(answered))):
                self._seq_request_callback(kind, seq, False, answered)
            case _:
                raise PeerError("not_an_answer")


def _load(data: bytes) -> tuple[int, Any]:
    """Read what follows a frame's first byte; brine raises nearly anything on bytes that are none of its own."""
    try:
        seq, payload = brine.load(data[1:])
    except Exception:  # noqa: BLE001  # see above
        raise PeerError("malformed_frame") from None
    if type(seq) is not int:
        raise PeerError("malformed_frame")
    return seq, payload
