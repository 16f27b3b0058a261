"""One call of one method on one minion: a connection, a request, a reply, within one deadline.

A minion leaves a connection after some twenty seconds of silence, so each call has its own. A request is never sent
twice: what was sent may have been carried out.
"""

import http.client
import io
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rpcgate.engines import func_tls, func_xml
from rpcgate.engines.func_errors import BadReply, FuncError, Late, OutcomeUnknown, TooMuch, Unreached

PIECE = 1 << 16
HEADERS = (
    "POST /RPC2 HTTP/1.1\r\nHost: {host}\r\nUser-Agent: OMServer\r\n"
    "Content-Type: text/xml\r\nContent-Length: {size}\r\n\r\n"
)


class Deadline:
    """Until when something must be done, by the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Give the seconds that are left; TimeoutError when none are."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@dataclass(frozen=True, slots=True)
class Minion:
    """Where a minion is, and which names its certificate may bear."""

    host: str
    port: int
    names: frozenset[str]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Connection:
    """A connection to a minion whose name was checked; good for one call."""

    def __init__(self, sock: ssl.SSLSocket, minion: Minion) -> None:
        self._sock = sock
        self._minion = minion
        self.opened = time.monotonic()

    @classmethod
    def open(cls, minion: Minion, context: ssl.SSLContext, seconds: float) -> "Connection":
        """Connect, shake hands and check the name; Unreached says why not."""
        deadline = Deadline(seconds)
        try:
            sock = socket.create_connection((minion.host, minion.port), timeout=deadline.left)
        except OSError as error:
            raise Unreached(f"{minion} cannot be connected to: {_why(error, seconds)}") from error
        try:
            return cls(_secured(sock, minion, context, deadline), minion)
        except BaseException:
            sock.close()
            raise

    def ask(self, method: str, params: tuple[Any, ...], *, seconds: float, limit: int) -> func_xml.Reply:
        """Call a method, once; FuncError of the kind that says what is known. limit: bytes of the reply."""
        body = func_xml.request(method, params)
        deadline = Deadline(seconds)
        try:
            self._send(body, deadline)
            return func_xml.read(self._receive(deadline, limit))
        except TimeoutError as error:
            raise Late(f"no whole reply came within {seconds:g} s") from error
        finally:
            self.close()

    def abort(self) -> None:
        """End a call that another thread waits for."""
        with suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it, without waiting for the other side."""
        with suppress(OSError):
            self._sock.close()

    def _send(self, body: bytes, deadline: Deadline) -> None:
        head = HEADERS.format(host=_written(self._minion), size=len(body)).encode()
        try:
            self._sock.settimeout(deadline.left)
            self._sock.sendall(head)  # apart from the body: a real minion stalls on both in one large record
        except OSError as error:
            raise Unreached(f"{self._minion} closed the connection: {_why(error, deadline.seconds)}") from error
        try:
            for start in range(0, len(body), PIECE):
                self._sock.settimeout(deadline.left)
                self._sock.sendall(body[start : start + PIECE])
        except TimeoutError:
            raise
        except OSError as error:
            raise _refused_or_lost(error, self._minion) from error

    def _receive(self, deadline: Deadline, limit: int) -> bytes:
        response = http.client.HTTPResponse(_Patient(self._sock, deadline), method="POST")  # type: ignore[arg-type]
        try:
            response.begin()
            if response.status != http.HTTPStatus.OK:
                raise BadReply(f"it answered HTTP {response.status}")
            return _body(response, limit)
        except TimeoutError:
            raise
        except http.client.RemoteDisconnected as error:
            raise OutcomeUnknown("the connection broke before it answered") from error
        except http.client.HTTPException as error:
            raise BadReply(f"its reply is cut short or no HTTP ({type(error).__name__})") from error
        except OSError as error:
            raise _refused_or_lost(error, self._minion) from error
        finally:
            response.close()


class _Patient(io.RawIOBase):
    """Read from a socket, each time for as long as the whole may still take: many small pieces gain no time."""

    def __init__(self, sock: ssl.SSLSocket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, PIECE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  # a writable buffer
        self._sock.settimeout(self._deadline.left)
        return self._sock.recv_into(buffer)


def _secured(sock: socket.socket, minion: Minion, context: ssl.SSLContext, deadline: Deadline) -> ssl.SSLSocket:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the body must not wait for the headers' receipt
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    try:
        sock.settimeout(deadline.left)
        secured = context.wrap_socket(sock)
        func_tls.named(secured, minion.names)
        func_tls.admitted(secured, deadline.left)
    except TimeoutError as error:
        raise Unreached(f"{minion} takes connections, but did not agree on TLS in {deadline.seconds:g} s") from error
    except OSError as error:
        raise Unreached(func_tls.sentence(error, str(minion))) from error
    return secured


def _body(response: http.client.HTTPResponse, limit: int) -> bytes:
    if (response.length or 0) > limit:
        raise TooMuch(f"its reply has {response.length} bytes; {limit} may be read")
    body = bytearray()
    while piece := response.read(min(PIECE, limit + 1 - len(body))):
        body += piece
        if len(body) > limit:
            raise TooMuch(f"its reply has more than the {limit} bytes that may be read")
    if response.length:
        raise BadReply(f"its reply ends {response.length} bytes too early")
    return bytes(body)


def _refused_or_lost(error: OSError, minion: Minion) -> FuncError:
    """Tell a minion that refused our certificate late, as TLS 1.3 may, from one that was lost with our request."""
    if func_tls.refused(error):
        return Unreached(func_tls.sentence(error, str(minion)))
    return OutcomeUnknown(f"the connection broke: {_why(error, 0)}")


def _written(minion: Minion) -> str:
    return f"[{minion.host}]:{minion.port}" if ":" in minion.host else str(minion)


def _why(error: OSError, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {seconds:g} s"
    if isinstance(error, socket.gaierror):
        return "the name is not known here"
    return func_tls.reason(error)
