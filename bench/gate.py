"""Measure round trips between web tier and master: TLS, rpyc and envelope, on loopback, 1 KiB each way.

The master's port runs in a process of its own with a core that answers at once, and keeps the ids it has seen in a
real spool, so what is measured is what every message pays. Prints a line of JSON and a line for people.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rpcgate.client import MasterClient
from rpcgate.keys import MasterKeys, WebKeys
from rpcgate.protocol import Catalog, Forget, Message, Poll
from rpcgate.service import Desk, GateServer
from rpcgate.spool import Spool
from rpcgate.trust import Trust

KIB = "x" * 1000  # with JSON around it, 1 KiB
TARGET = 1000  # round trips a second


class Echo:
    """A core without work."""

    def answer(self, message: Message, now: float) -> Message:  # noqa: ARG002  # service.Core's names
        return Catalog([{"x": KIB}])

    def wait(self, poll: Poll, seconds: float) -> None:
        pass

    def count(self, reason: str) -> None:
        raise RuntimeError(f"refused: {reason}")


def serve(folder: Path, ready: "Connection[int, object]") -> None:
    trust, core = Trust(folder / "keys", folder / "web.bundle"), Echo()
    desk = Desk(core, trust, Spool(folder / "spool.sqlite3").first_seen, time.time)
    server = GateServer("127.0.0.1", 0, desk=desk, trust=trust, count=core.count)
    threading.Thread(target=server.start, daemon=True).start()
    ready.send(server.port)
    ready.recv()
    server.close()


def rate(clients: list[MasterClient], seconds: float) -> float:
    """Ask from all clients at once for some seconds; round trips a second."""
    until = time.perf_counter() + seconds

    def ask(client: MasterClient) -> int:
        done = 0
        while time.perf_counter() < until:
            client.ask(Forget([KIB]))
            done += 1
        return done

    began = time.perf_counter()
    with ThreadPoolExecutor(len(clients)) as pool:
        total = sum(pool.map(ask, clients))
    return total / (time.perf_counter() - began)


def measure(folder: Path, seconds: float) -> dict[str, float]:
    web, master = WebKeys.create(folder / "web"), MasterKeys.create(folder / "keys", "bench")
    (folder / "web.bundle").write_text(web.public.bundle())
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(folder, there))
    process.start()
    port = here.recv()
    clients = [MasterClient("127.0.0.1", port, master.public, web) for _ in range(4)]
    began = time.perf_counter()
    clients[0].ask(Forget([]))
    first = time.perf_counter() - began
    for client in clients:
        client.ask(Forget([]))
    found = {"one": rate(clients[:1], seconds), "four": rate(clients, seconds), "first_ms": first * 1000}
    for client in clients:
        client.close()
    here.send("end")
    process.join(10)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each of the two measurements")
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), parser.parse_args().seconds)
    best = max(found["one"], found["four"])
    figures = {name: round(value, 1) for name, value in found.items()}
    print(json.dumps({"bench": "gate", **figures, "target": TARGET}))
    print(
        f"gate: {found['one']:,.0f} round trips/s on one connection, {found['four']:,.0f} on four, at 1 KiB through"
        f" TLS, rpyc and envelope; {found['first_ms']:.1f} ms for the first;"
        f" target {TARGET:,} {'met' if best >= TARGET else 'MISSED'}"
    )
    return 0 if best >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
