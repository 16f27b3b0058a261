"""A master's port in this process, over real TLS and rpyc, with a core that a test can steer."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rpcgate.client import MasterClient
from rpcgate.keys import MasterKeys, WebKeys
from rpcgate.protocol import Done, Message, Poll
from rpcgate.service import Desk, GateServer
from rpcgate.trust import Trust


class Core:
    """Answers Done, or what `answers` says; keeps what it was asked and what was counted."""

    def __init__(self) -> None:
        self.asked: list[Message] = []
        self.waited: list[float] = []
        self.counted: Counter[str] = Counter()
        self.reply: Message | Exception = Done()
        self.hold = threading.Event()
        self.hold.set()

    def answer(self, message: Message, now: float) -> Message:
        self.asked.append(message)
        self.hold.wait(100)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    def wait(self, poll: Poll, seconds: float) -> None:
        self.waited.append(seconds)

    def count(self, reason: str) -> None:
        self.counted[reason] += 1


class Port:
    """Both ends' keys, a core, and a server on a free port of loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.web = WebKeys.create(folder / "web")
        self.master = MasterKeys.create(folder / "keys", "sh-1")
        self.bundle = folder / "web.bundle"
        self.bundle.write_text(self.web.public.bundle())
        self.core = Core()
        self.seen: set[str] = set()
        self.trust = Trust(folder / "keys", self.bundle)
        self.server = self._server(0)

    @property
    def port(self) -> int:
        return int(self.server.port)

    def client(self, timeout: float = 60.0) -> MasterClient:
        return MasterClient("127.0.0.1", self.port, self.master.public, self.web, timeout=timeout)

    def start(self) -> None:
        self._thread = threading.Thread(target=self.server.start)
        self._thread.start()

    def stop(self) -> None:
        self.core.hold.set()
        self.server.close()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def restart(self) -> None:
        port = self.port
        self.stop()
        self.server = self._server(port)
        self.start()

    def counts(self, reason: str, at_least: int = 1) -> bool:
        """Wait until a reason was counted; the server notices in its own thread."""
        deadline = time.monotonic() + 60
        while self.core.counted[reason] < at_least and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        return self.core.counted[reason] >= at_least

    def _first_seen(self, request_id: str, expires: float, now: float) -> bool:
        return request_id not in self.seen and not self.seen.add(request_id)  # type: ignore[func-returns-value]

    def _server(self, port: int) -> GateServer:
        desk = Desk(self.core, self.trust, self._first_seen, time.time)
        return GateServer("127.0.0.1", port, desk=desk, trust=self.trust, count=self.core.count)


@contextmanager
def opened(folder: Path) -> Iterator[Port]:
    port = Port(folder)
    port.start()
    try:
        yield port
    finally:
        port.stop()
