"""Measure what one dead host among 20 costs the other 19: the time until the 19th result, with it and without it.

python -m bench.dead_host [--rounds 5] [--engine ssh ...]. The dead host takes packets and never answers. Both calls
are made turn by turn on the same engine, with kept connections where it keeps them.
"""

import argparse
import json
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rpcgate.engines import Adapter, Call
from rpcgate.engines.ansible import AnsibleAdapter
from rpcgate.engines.func import FuncAdapter
from rpcgate.engines.salt import SaltAdapter
from rpcgate.engines.ssh import SshAdapter
from sdk import Event, Status, Target, Targets
from tests.fleet.func import MASTER, FuncFleet
from tests.fleet.func_pki import Pki
from tests.fleet.salt import start_salt
from tests.fleet.sshd import start_fleet

ALIVE = 19
BOUND = 60.0  # seconds for any one call
MINIONS = 4
DEAD = "dead"


def main() -> None:
    """Print one JSON line for each engine: medians in seconds, and the median of the rounds' ratios."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--engine", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    chosen = options.parse_args()
    for name in chosen.engine:
        with tempfile.TemporaryDirectory(prefix="omb-") as folder, ENGINES[name](Path(folder)) as (engine, alive, dead):
            print(json.dumps({"engine": name, "alive": len(alive), **rounds(engine, alive, dead, chosen.rounds)}))


def rounds(engine: Adapter, alive: Targets, dead: Target, number: int) -> dict[str, float]:
    """Compare both calls, each first in every other round."""
    wholes = {"without": alive, "with": Targets((dead, *alive))}
    until_last(engine, alive, alive.names)  # connections, processes, caches
    times: dict[str, list[float]] = {name: [] for name in wholes}
    for turn in range(number):
        for name in sorted(wholes, reverse=bool(turn % 2)):
            times[name].append(until_last(engine, wholes[name], alive.names))
    ratios = [slow / quick for slow, quick in zip(times["with"], times["without"], strict=True)]
    medians = {name: round(statistics.median(values), 4) for name, values in times.items()}
    return {**medians, "ratio": round(statistics.median(ratios), 3)}


def until_last(engine: Adapter, targets: Targets, alive: Sequence[str]) -> float:
    """Give the seconds until the last host that lives has its result, and cancel the rest."""
    done, left = threading.Event(), set(alive)
    finals: list[Event] = []

    def emit(event: Event) -> None:
        if event.final and event.host in left:
            finals.append(event)
            left.discard(event.host)
        if not left:
            done.set()

    began = time.perf_counter()
    running = engine.call(Call("shell", targets, {"argv": ["echo", "hello"]}, timeout=20), emit)
    answered = done.wait(BOUND)
    took = time.perf_counter() - began
    running.cancel()
    if not running.wait(BOUND) or not answered or any(event.status is not Status.OK for event in finals):
        raise SystemExit(
            f"not every host answered well: {[event for event in finals if event.status is not Status.OK]}"
        )
    return took


@contextmanager
def no_answer(address: str = "127.0.0.98") -> Iterator[Target]:
    """Give a host whose network drops packets: its queue of connections is full, so nothing is answered."""
    with socket.socket() as server:
        server.bind((address, 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        try:
            yield Target(DEAD, *server.getsockname())
        finally:
            for filler in fillers:
                filler.close()


@contextmanager
def over_ssh(kind: type[SshAdapter] | type[AnsibleAdapter], folder: Path) -> Iterator[tuple[Adapter, Targets, Target]]:
    """Give an engine that travels by SSH; five sshd carry all names."""
    with start_fleet(5, folder) as fleet, no_answer() as dead:
        engine = kind.from_config({"keys": [str(fleet.key)], "known_hosts": str(fleet.known_hosts)}, folder)
        try:
            yield engine, Targets(tuple(fleet.target(index) for index in range(ALIVE))), dead
        finally:
            engine.close()


@contextmanager
def by_func(folder: Path) -> Iterator[tuple[Adapter, Targets, Target]]:
    """Give the func engine; one process serves all minions."""
    with FuncFleet(folder, Pki(folder / "pki")) as fleet, no_answer() as dead:
        fleet.pki.issue(MASTER)
        fleet.start_together([f"web{index}.func.test" for index in range(ALIVE)])
        engine = FuncAdapter.from_config(fleet.table(), folder)
        try:
            yield engine, Targets(tuple(fleet.target(index) for index in range(ALIVE))), dead
        finally:
            engine.close()


@contextmanager
def by_salt(_: Path) -> Iterator[tuple[Adapter, Targets, Target]]:
    """Give the salt engine with a few minions, which take 70 MiB each; the dead one is known to its master."""
    with start_salt(MINIONS + 1) as fleet, tempfile.TemporaryDirectory(prefix="omb-") as home:
        engine = SaltAdapter.from_config(fleet.table, Path(home))
        dead = fleet.names[-1]
        fleet.pause(dead)
        try:
            yield engine, Targets(tuple(fleet.target(index) for index in range(MINIONS))), fleet.target(MINIONS)
        finally:
            fleet.resume(dead)
            engine.close()


ENGINES: Mapping[str, Callable[[Path], "contextmanager[tuple[Adapter, Targets, Target]]"]] = {
    "ssh": lambda folder: over_ssh(SshAdapter, folder),
    "ansible": lambda folder: over_ssh(AnsibleAdapter, folder),
    "salt": by_salt,
    "func": by_func,
}


if __name__ == "__main__":
    main()
