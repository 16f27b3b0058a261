"""Minions that misbehave: each shakes hands as a sound one does, reads one request, and then does something wrong."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from sdk import Target
from tests.fleet.func_minion import server_context
from tests.fleet.func_pki import Pki

HEAD = b"HTTP/1.1 200 OK\r\nContent-type: text/xml\r\n"
PING = (
    b"<?xml version='1.0'?><methodResponse><params><param><value><int>1</int></value></param></params></methodResponse>"
)
Behave = Callable[[ssl.SSLSocket, threading.Event], None]


class Faulty:
    """One such minion. requests: how many it has read to their end."""

    def __init__(self, pki: Pki, behave: Behave, name: str = "faulty.func.test") -> None:
        self.requests = 0
        self._behave = behave
        self._name = name
        self._context = server_context(*pki.issue(name), pki.ca)
        self._server = socket.create_server(("127.0.0.96", 0))
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def target(self) -> Target:
        """Give it as an engine needs to know it."""
        return Target(self._name, *self._server.getsockname(), engine="func")

    def __enter__(self) -> "Faulty":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(60)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._server.accept()
                threading.Thread(target=self._one, args=(plain,), daemon=True).start()

    def _one(self, plain: socket.socket) -> None:
        with plain, suppress(OSError), self._context.wrap_socket(plain, server_side=True) as sock:
            _read_request(sock)
            self.requests += 1
            self._behave(sock, self._ending)


def says(body: bytes, head: bytes = HEAD) -> Behave:
    """Answer with some bytes, under a right Content-length."""
    return lambda sock, _: sock.sendall(b"%sContent-length: %d\r\n\r\n%s" % (head, len(body), body))


def cut_short(sock: ssl.SSLSocket, _: threading.Event) -> None:
    """End in the middle of the reply."""
    sock.sendall(b"%sContent-length: %d\r\n\r\n%s" % (HEAD, len(PING), PING[:40]))


def reset(sock: ssl.SSLSocket, _: threading.Event) -> None:
    """Break the connection, as a minion that crashes."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def never(_: ssl.SSLSocket, ending: threading.Event) -> None:
    """Say nothing and stay."""
    ending.wait(60)


def drips(sock: ssl.SSLSocket, ending: threading.Event) -> None:
    """Send a byte now and then, so that no single read takes long."""
    sock.sendall(b"%sContent-length: 100000\r\n\r\n" % HEAD)
    while not ending.wait(0.2):
        sock.sendall(b" ")


def endless(sock: ssl.SSLSocket, ending: threading.Event) -> None:
    """Send without end, and without saying how much."""
    sock.sendall(HEAD + b"\r\n")
    while not ending.is_set():
        sock.sendall(b" " * 65536)


def _read_request(sock: ssl.SSLSocket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(65536) or _raise()
    head, _, body = head.partition(b"\r\n\r\n")
    size = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    while len(body) < size:
        body += sock.recv(65536) or _raise()


def _raise() -> bytes:
    raise ConnectionError("the request is not whole")
