"""Serve a gate: let only the enrolled web tier in, open what it sends, answer, seal the answer.

Everything that is refused is counted by a word and logged with that word and the peer's address, never with content.
"""

import socket
import ssl
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from logging import getLogger
from typing import Any, Protocol

from rpyc.utils.server import ThreadedServer

from rpcgate.envelope import EnvelopeError, FirstSeen, Opened, open_request, refusal, seal_reply
from rpcgate.protocol import MAX_MESSAGE, Message, Poll, ProtocolError, Refusal, Refused, decode, encode
from rpcgate.refusals import Refusals
from rpcgate.tls import TlsError, shake_hands, wrap
from rpcgate.transport import PeerError, Pipe
from rpcgate.trust import Trust

log = getLogger(__name__)

HANDSHAKE = 5.0  # seconds
STRANGERS = 100  # connections whose handshake is not done; the oldest makes room for the next
SEATS = 64  # connections of the web tier
LONGEST_WAIT = 20.0  # seconds for which a Poll may hold its answer back


class Core(Protocol):
    """What answers: rpcgate.gate.Gate."""

    def answer(self, message: Message, now: float) -> Message:
        """Answer a request."""

    def wait(self, poll: Poll, seconds: float) -> object:
        """Return when there is news for `poll`, or after `seconds`."""

    def count(self, reason: str) -> None:
        """Count a refusal."""


class Desk:
    """What happens to one sealed request: bytes in, bytes out, nothing raised."""

    def __init__(self, core: Core, trust: Trust, first_seen: FirstSeen, clock: Callable[[], float]) -> None:
        self._core = core
        self._trust = trust
        self._first_seen = first_seen
        self._clock = clock
        self._refusals = Refusals(core.count)

    def answer(self, data: bytes, peer: str) -> bytes:
        """Open, answer and seal; what cannot be opened gets the reason's word and nothing else."""
        known = self._trust.known
        try:
            request = open_request(data, keys=known.keys, web=known.web, now=self._clock(), first_seen=self._first_seen)
        except EnvelopeError as error:
            self._refusals.tell(error.reason, peer, "a message that cannot be opened")
            return refusal(error.reason)
        return seal_reply(self._reply(request, peer), to=request.reply, keys=known.keys, now=self._clock())

    def _reply(self, request: Opened, peer: str) -> bytes:
        try:
            message = decode(request.body)
        except ProtocolError as error:
            self._refusals.tell("not_a_message", peer, str(error))
            return encode(Refused(Refusal.MESSAGE, f"The master does not understand this message: {error}."))
        reply = self._asked(message)
        if len(reply) > MAX_MESSAGE:
            log.error("the answer to %s has %d bytes and was not sent", type(message).__name__, len(reply))
            reply = encode(Refused(Refusal.LIMIT, f"The answer has {len(reply):,} bytes; ask for less at once."))
        return reply

    def _asked(self, message: Message) -> bytes:
        try:
            if isinstance(message, Poll) and message.wait > 0:
                self._core.wait(message, min(message.wait, LONGEST_WAIT))
            return encode(self._core.answer(message, self._clock()))
        except Exception as error:  # noqa: BLE001  # a fault of the core must not end the service, nor travel
            self._core.count("fault")
            log.error("fault while answering %s: %s", type(message).__name__, _place(error))
            return encode(Refused(Refusal.MESSAGE, "The master had an internal error; its log says where."))


class GateServer(ThreadedServer):  # type: ignore[misc]  # rpyc is untyped
    """A master's port. `start` blocks until `close` is called from elsewhere; `port` is the one that was bound."""

    def __init__(self, host: str, port: int, *, desk: Desk, trust: Trust, count: Callable[[str], None]) -> None:
        super().__init__(
            None, hostname=host, port=port, ipv6=":" in host, logger=log, registrar=object(), auto_register=False
        )
        self._desk = desk
        self._trust = trust
        self._refusals = Refusals(count)
        self._lock = threading.Lock()
        self._strangers: dict[ssl.SSLSocket, None] = {}
        self._seats = threading.BoundedSemaphore(SEATS)
        self._pause = threading.Event()
        self._listen()

    def start(self) -> None:
        """Accept until closed."""
        while self.active:
            self.accept()

    def accept(self) -> None:
        """Take one connection, or return after the listener's short timeout; no failure ends the service."""
        try:
            sock, address = self.listener.accept()
        except TimeoutError:
            return
        except OSError as error:
            if self.active:
                log.error("cannot accept connections: %s", error)
                self._pause.wait(0.2)  # out of files, perhaps: let some close
            return
        threading.Thread(target=self._meet, args=(sock, f"{address[0]}:{address[1]}"), daemon=True).start()

    def close(self) -> None:
        """Stop accepting and hang up on everybody; may be repeated."""
        self.active = False
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self._lock:
            open_sockets = [*self._strangers, *self.clients]
        for private in open_sockets:
            _shut(private)

    def _meet(self, sock: socket.socket, peer: str) -> None:
        """See a connection through, in its own thread."""
        try:
            private = self._admitted(sock)
        except TlsError as error:
            self._refusals.tell("tls", peer, str(error))
            return
        if not self._seats.acquire(blocking=False):
            self._refusals.tell("crowded", peer, f"{SEATS} connections are open")
            private.close()
            return
        try:
            self._serve(private, peer)
        finally:
            self._seats.release()

    def _admitted(self, sock: socket.socket) -> ssl.SSLSocket:
        known = self._trust.known
        private = wrap(sock, known.context)
        self._enter(private)
        try:
            shake_hands(private, known.web.tls, timeout=HANDSHAKE)
        finally:
            with self._lock:
                self._strangers.pop(private, None)
        return private

    def _enter(self, private: ssl.SSLSocket) -> None:
        """Let a stranger in; when there are too many the oldest goes, for a good peer is done in milliseconds."""
        with self._lock:
            oldest = next(iter(self._strangers)) if len(self._strangers) >= STRANGERS else None
            if oldest:
                del self._strangers[oldest]
            self._strangers[private] = None
        if oldest:
            _shut(oldest)

    def _serve(self, private: ssl.SSLSocket, peer: str) -> None:
        self.clients.add(private)
        log.info("the web tier is connected from %s", peer)
        try:
            Pipe(private, lambda data: self._desk.answer(data, peer)).serve_all()
        except PeerError as error:
            self._refusals.tell(error.reason, peer, "connection closed")
        except Exception as error:  # noqa: BLE001  # rpyc and brine raise nearly anything on hostile bytes
            self._refusals.tell("fault", peer, _place(error))
        finally:
            self.clients.discard(private)
            _shut(private)
            private.close()
            log.info("the web tier is gone from %s", peer)


def _shut(private: ssl.SSLSocket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(private, socket.SHUT_RDWR)  # SSLSocket's own drops the TLS state under its reader


def _place(error: BaseException) -> str:
    """Say what was raised and where, but not its text, which may hold content."""
    frames: Any = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames[-4:]))
    return f"{type(error).__name__} at {where}"
