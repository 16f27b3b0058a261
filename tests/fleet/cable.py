"""A cable to a host that can be cut, mended and held while connections run over it."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

HELD = 300.0  # seconds after which what is held goes on in any case


class Cable:
    """Forward connections to an address. port: where it takes them, on the same address.

    most: bytes that come back; the rest waits for `let_go`.
    """

    def __init__(self, address: str, port: int, most: float = float("inf")) -> None:
        self._left = most
        self._free = threading.Event()
        self._to = (address, port)
        self._server = socket.create_server((address, 0))
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._whole = True
        self.port: int = self._server.getsockname()[1]
        self.taken = 0  # connections so far
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def cut(self) -> None:
        """Break all connections, and each new one until it is mended."""
        with self._lock:
            self._whole = False
            ends = list(self._ends)
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let new connections through."""
        with self._lock:
            self._whole = True

    def let_go(self) -> None:
        """Let through what is held."""
        self._free.set()

    def __enter__(self) -> "Cable":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.let_go()
        self.cut()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(60)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                self.taken += 1
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection(self._to) as far:
            with self._lock:
                if not self._whole:
                    return
                self._ends |= {near, far}
            back = threading.Thread(target=_pass_on, args=(far, near, self._hold), daemon=True)
            back.start()
            _pass_on(near, far)
            back.join()
            with self._lock:
                self._ends -= {near, far}

    def _hold(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            self._free.wait(HELD)


def _pass_on(source: socket.socket, sink: socket.socket, hold: Callable[[int], None] = lambda _: None) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            hold(len(piece))
            sink.sendall(piece)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
