"""Measure the salt engine against the `salt` command line: the same minions, the same command, turn by turn.

python -m bench.salt [--minions 8] [--rounds 7]. Both run `echo hello` by the minions' shell. The times are from the
call to the first and to the last minion's result; of the command line, to its end too. `dead` is one more minion that
is stopped: the time until all others have answered.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rpcgate.engines import Call
from rpcgate.engines.salt import SaltAdapter
from sdk import Event, Status, Targets
from tests.fleet.salt import SaltFleet, start_salt

BOUND = 120.0  # seconds for any one call
PATIENCE = 20  # seconds for a minion to say that it is there, on a loaded machine
SALT = str(Path(sys.executable).parent / "salt")
Times = dict[str, float]


def main() -> None:
    """Print one JSON line: medians in seconds, and the median of the pairs' ratios."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minions", type=int, default=8)
    options.add_argument("--rounds", type=int, default=7)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="omb-") as folder, start_salt(chosen.minions + 1) as fleet:
        engine = SaltAdapter.from_config({**fleet.table, "gather": PATIENCE}, Path(folder))
        try:
            print(json.dumps({"minions": chosen.minions, **compared(engine, fleet, chosen.minions, chosen.rounds)}))
        finally:
            engine.close()


def compared(engine: SaltAdapter, fleet: SaltFleet, minions: int, number: int) -> Times:
    """Run both in turn, each first in every other round; then the engine with a minion that is dead."""
    targets = Targets(tuple(fleet.target(index) for index in range(minions)))
    ways: list[Callable[[], Times]] = [lambda: by_engine(engine, targets, minions), lambda: by_command(fleet, minions)]
    for way in ways:
        way()  # caches, on both sides
    rounds = []
    for turn in range(number):
        engine.carrier.jobs().forget_who_is_there()  # it asks first who is there, as after a pause
        said = [(way := ways[(place + turn) % 2])() | {"way": float(ways.index(way))} for place in range(2)]
        ours, theirs = sorted(said, key=lambda one: one["way"])
        rounds.append((ours, theirs))
    fleet.kill(fleet.names[minions])
    whole = Targets(tuple(fleet.target(index) for index in range(minions + 1)))
    dead = []
    for _ in range(3):
        engine.carrier.jobs().forget_who_is_there()
        dead.append(by_engine(engine, whole, minions)["last"])
    return {
        **{f"engine_{name}": middle([ours[name] for ours, _ in rounds]) for name in ("first", "last")},
        **{f"salt_{name}": middle([theirs[name] for _, theirs in rounds]) for name in ("first", "last", "end")},
        "ratio_first": middle([ours["first"] / theirs["first"] for ours, theirs in rounds]),
        "ratio_last": middle([ours["last"] / theirs["last"] for ours, theirs in rounds]),
        "engine_last_with_one_dead": middle(dead),
    }


def by_engine(engine: SaltAdapter, targets: Targets, expected: int) -> Times:
    """Give the seconds until the first result and until as many good ones as are expected."""
    times: list[float] = []
    began = time.monotonic()

    def take(event: Event) -> None:
        if event.final and event.status is Status.OK and event.output == "hello\n":
            times.append(time.monotonic() - began)

    running = engine.call(Call("shell", targets, {"argv": ["echo", "hello"]}), take)
    if not running.wait(BOUND) or len(times) != expected:
        raise SystemExit(f"{len(times)} of {expected} minions answered well")
    return {"first": times[0], "last": times[-1]}


def by_command(fleet: SaltFleet, minions: int) -> Times:
    """Do the same by Salt's own command line, which prints each minion's answer as it comes."""
    names = ",".join(fleet.names[:minions])
    command = [SALT, "-c", str(fleet.config), "-L", names, "--out", "txt", "cmd.run", "echo hello"]
    times: list[float] = []
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        for line in running.stdout or ():
            if line.rstrip().endswith(": hello"):
                times.append(time.monotonic() - began)  # noqa: PERF401  # the moment is what counts
    if len(times) != minions:
        raise SystemExit(f"{len(times)} of {minions} minions answered the command line")
    return {"first": times[0], "last": times[-1], "end": time.monotonic() - began}


def middle(values: list[float]) -> float:
    """Give the median."""
    return round(statistics.median(values), 3)


if __name__ == "__main__":
    main()
