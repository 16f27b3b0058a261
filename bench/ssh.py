"""Measure the ssh engine against a bare asyncssh script, with new connections and with kept ones, in one run.

Pairs are taken in turn, so that both see the same machine; medians and their ratio go out as JSON.

    python -m bench.ssh [--pairs 5] [--hosts 1 10 50]
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import asyncssh

from rpcgate.engines import Call
from rpcgate.engines.ssh import SshAdapter
from sdk import Event, Status, Targets
from tests.fleet.sshd import Fleet, start_fleet

BOUND = 120.0  # seconds for any one measurement


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--hosts", type=int, nargs="+", default=[1, 10, 50])
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, start_fleet(max(chosen.hosts), Path(folder)) as fleet:
        rows = [measure(fleet, hosts, chosen.pairs) for hosts in chosen.hosts]
    print(json.dumps({"bench": "ssh", "unit": "seconds", "pairs": chosen.pairs, "rows": rows}, indent=2))


def measure(fleet: Fleet, hosts: int, pairs: int) -> dict[str, float]:
    """Compare both on `hosts` real sshd instances."""
    targets = Targets(tuple(fleet.target(index) for index in range(hosts)))
    adapter = new_adapter(fleet)
    say(adapter, targets)
    times: dict[str, list[float]] = {"bare_new": [], "engine_new": [], "bare_kept": [], "engine_kept": []}
    for _ in range(pairs):
        times["bare_new"].append(timed(lambda: asyncio.run(bare(fleet, hosts))))
        fresh = new_adapter(fleet)
        times["engine_new"].append(timed(lambda engine=fresh: say(engine, targets)))  # type: ignore[misc]
        fresh.close()
        times["bare_kept"].append(asyncio.run(bare_kept(fleet, hosts)))
        times["engine_kept"].append(timed(lambda: say(adapter, targets)))
    adapter.close()
    row = {name: round(statistics.median(values), 4) for name, values in times.items()}
    ratio = [engine / raw for engine, raw in zip(times["engine_new"], times["bare_new"], strict=True)]
    return {"hosts": hosts, **row, "new_ratio": round(statistics.median(ratio), 3)}


def new_adapter(fleet: Fleet) -> SshAdapter:
    """Make an engine without connections."""
    return SshAdapter.from_config({"known_hosts": str(fleet.known_hosts), "keys": [str(fleet.key)]}, Path("/"))


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def say(adapter: SshAdapter, targets: Targets) -> None:
    """Run echo on all targets and make sure that each answered."""
    events: list[Event] = []
    running = adapter.call(Call("shell", targets, {"argv": ["echo", "hello"]}), events.append)
    ended = running.wait(BOUND)
    finals = [event.status for event in events if event.final]
    if not ended or finals != [Status.OK] * len(targets):
        raise SystemExit(f"not every host answered well: {finals}")


async def bare(fleet: Fleet, hosts: int) -> None:
    """Do the same as a person's own script would."""
    await asyncio.gather(*(bare_one(fleet, index) for index in range(hosts)))


async def bare_one(fleet: Fleet, index: int) -> None:
    async with connect(fleet, index) as connection:
        await hello(connection)


async def bare_kept(fleet: Fleet, hosts: int) -> float:
    """Measure commands over connections that are open already."""
    connections = await asyncio.gather(*(connect(fleet, index) for index in range(hosts)))
    began = time.perf_counter()
    await asyncio.gather(*(hello(connection) for connection in connections))
    took = time.perf_counter() - began
    for connection in connections:
        connection.close()
    await asyncio.gather(*(connection.wait_closed() for connection in connections))
    return took


def connect(fleet: Fleet, index: int) -> "asyncssh.misc._ACMWrapper[asyncssh.SSHClientConnection]":
    host = fleet.hosts[index % len(fleet.hosts)]
    return asyncssh.connect(
        host.address,
        host.port,
        username=host.user,
        client_keys=[str(fleet.key)],
        known_hosts=str(fleet.known_hosts),
        config=None,
        agent_path=None,
    )


async def hello(connection: asyncssh.SSHClientConnection) -> None:
    result = await connection.run("echo hello", check=True)
    if result.stdout != "hello\n":
        raise SystemExit(f"a host said {result.stdout!r}")


if __name__ == "__main__":
    main()
