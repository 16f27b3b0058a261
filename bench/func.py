"""Measure the func engine against a bare fan-out of the same calls: plain threads with http.client and xmlrpc.

Pairs are taken in turn, so that both see the same machine; medians and the median of the pairs' ratios go out as JSON.
`method` is test.ping; `command` the job that the engine starts for `echo hello`, started and asked for by both in the
same way; `sync` is what a person's own script would do for the same, command.run("echo hello"), which a cut connection
loses. Then one dead host among 20: when the other 19 have answered.

    python -m bench.func [--pairs 5] [--hosts 1 10 50]
"""

import argparse
import http.client
import json
import socket
import ssl
import statistics
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rpcgate.engines import Call, func_text
from rpcgate.engines.func import FuncAdapter
from rpcgate.engines.plan import plan
from sdk import Event, Status, Target, Targets
from tests.fleet.func import FuncFleet, FuncHost, start_func_fleet

BOUND = 120.0  # seconds for any one measurement
THREADS = 100  # as many as the engine's places
PAUSE = 0.05  # seconds from a job's start to the first look, and then from look to look
METHOD = ("call", {"module": "test", "method": "ping", "args": []}, 10.0)
COMMAND = ("shell", {"argv": ["echo", "hello"]}, 60.0)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--hosts", type=int, nargs="+", default=[1, 10, 50])
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, start_func_fleet(0, Path(folder)) as fleet:
        for first in range(0, max(20, *chosen.hosts), 10):  # five processes for fifty names
            fleet.start_together([f"bench{index}.func.test" for index in range(first, first + 10)])
        adapter = FuncAdapter.from_config(fleet.table(connect_timeout=5), Path(folder))
        rows = [measure(fleet, adapter, hosts, chosen.pairs) for hosts in chosen.hosts]
        dead = one_dead(fleet, adapter, chosen.pairs)
        adapter.close()
    print(json.dumps({"bench": "func", "unit": "seconds", "pairs": chosen.pairs, "rows": rows, **dead}, indent=2))


def measure(fleet: FuncFleet, adapter: FuncAdapter, count: int, pairs: int) -> dict[str, float]:
    """Compare both on `count` names."""
    hosts = fleet.hosts[:count]
    targets = Targets(tuple(fleet.target(index) for index in range(count)))
    context = bare_context(fleet)
    say(adapter, targets, *COMMAND)  # asks each minion once whether it has jobs
    kinds: dict[str, tuple[Callable[[FuncHost], object], tuple[Any, ...]]] = {
        "method": (lambda host: bare_call(context, host, "test.ping"), METHOD),
        "command": (lambda host: bare_job(context, host), COMMAND),
    }
    times: dict[str, list[float]] = {"sync_bare": []}
    row: dict[str, float] = {"hosts": count}
    for kind, (bare, call) in kinds.items():
        pair = times[f"{kind}_bare"], times[f"{kind}_engine"] = [], []
        for _ in range(pairs):
            pair[0].append(timed(lambda bare=bare: fan_out(bare, hosts)))  # type: ignore[misc]
            pair[1].append(timed(lambda call=call: say(adapter, targets, *call)))  # type: ignore[misc]
        row[f"{kind}_ratio"] = statistics.median(engine / raw for raw, engine in zip(*pair, strict=True))
    for _ in range(pairs):
        times["sync_bare"].append(
            timed(lambda: fan_out(lambda host: bare_call(context, host, "command.run", "echo hello"), hosts))
        )
    row |= {name: statistics.median(values) for name, values in times.items()}
    return {name: round(value, 4) for name, value in row.items()}


def one_dead(fleet: FuncFleet, adapter: FuncAdapter, pairs: int) -> dict[str, float]:
    """Take the time to the last answer of 19 hosts, without a twentieth and with one that drops all packets."""
    living = [fleet.target(index) for index in range(19)]
    alone, beside = [], []
    with silent() as dead:
        for _ in range(pairs):
            alone.append(until(adapter, living, 19))
            beside.append(until(adapter, [dead, *living], 19))
    ratio = statistics.median(with_it / without for without, with_it in zip(alone, beside, strict=True))
    return {
        "living_19": round(statistics.median(alone), 4),
        "living_19_of_20": round(statistics.median(beside), 4),
        "dead_ratio": round(ratio, 3),
    }


def until(adapter: FuncAdapter, targets: list[Target], count: int) -> float:
    """Give the seconds until that many hosts have answered well."""
    began = time.perf_counter()
    answered: list[float] = []

    def take(event: Event) -> None:
        if event.final and event.status is Status.OK:
            answered.append(time.perf_counter() - began)

    if not adapter.call(Call(METHOD[0], Targets(tuple(targets)), METHOD[1], METHOD[2]), take).wait(BOUND):
        raise SystemExit("not every host ended")
    return sorted(answered)[count - 1]


def say(adapter: FuncAdapter, targets: Targets, verb: str, args: dict[str, Any], timeout: float) -> None:
    """Call on all targets and make sure that each answered."""
    events: list[Event] = []
    ended = adapter.call(Call(verb, targets, args, timeout), events.append).wait(BOUND)
    finals = [event.status for event in events if event.final]
    if not ended or finals != [Status.OK] * len(targets):
        raise SystemExit(
            f"not every host answered well: {[event for event in events if event.status != Status.OK][:1]}"
        )


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def fan_out(work: Callable[[FuncHost], object], hosts: list[FuncHost]) -> None:
    """Do the same as a person's own script would."""
    with ThreadPoolExecutor(min(THREADS, len(hosts))) as pool:
        list(pool.map(work, hosts))


def bare_context(fleet: FuncFleet) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(fleet.pki.ca)
    context.load_cert_chain(fleet.table()["certificate"], fleet.table()["key"])
    return context


def bare_call(context: ssl.SSLContext, host: FuncHost, method: str, *params: Any) -> Any:
    connection = http.client.HTTPSConnection(host.address, host.port, timeout=30, context=context)
    connection.request("POST", "/RPC2", xmlrpc.client.dumps(params, method))
    (value,), _ = xmlrpc.client.loads(connection.getresponse().read())
    connection.close()
    return value


def bare_job(context: ssl.SSLContext, host: FuncHost) -> None:
    target = Target(host.name, host.address, host.port)
    planned = plan(Call(COMMAND[0], Targets((target,)), COMMAND[1], COMMAND[2]))
    job = bare_call(context, host, "async.command.run", func_text.command(func_text.text(planned)))
    status = [0, -1]
    while status[0] == 0:
        time.sleep(PAUSE)
        status = bare_call(context, host, "jobs.job_status", job)
    if func_text.answer(status[1], planned).streams["stdout"].text() != "hello\n":
        raise SystemExit(f"a host said {status}")


@contextmanager
def silent() -> Iterator[Target]:
    """Give a host whose network drops packets: its queue of connections is full, so nothing is answered."""
    with socket.socket() as server:
        server.bind(("127.0.0.93", 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield Target("dead.func.test", *server.getsockname())
        for filler in fillers:
            filler.close()


if __name__ == "__main__":
    main()
