"""Measure the ansible engine against the ansible command line: same module, same forks, same hosts, turn by turn.

python -m bench.ansible [ROUNDS]. Five sshd on loopback carry all names; both sides keep their connections and use
pipelining. The times are from the call to the last host's result.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rpcgate.engines import Call
from rpcgate.engines.ansible import ADAPTER, AnsibleAdapter
from sdk import Event, Status, Targets
from tests.fleet.sshd import Fleet, start_fleet

COUNTS = (1, 10, 50)
FORKS = 50
KINDS = {
    "command module": (
        "ansible.builtin.command",
        "module",
        {"name": "ansible.builtin.command", "args": {"cmd": "echo hello"}},
    ),
    "raw shell": ("ansible.builtin.raw", "shell", {"argv": ["echo", "hello"]}),
}


def main(rounds: int) -> None:
    """Print one JSON line for each kind and count: medians in seconds, and the median of the pairs' ratios."""
    with tempfile.TemporaryDirectory(prefix="omb-") as name, start_fleet(5, Path(name)) as fleet:
        folder = Path(name)
        engine = ADAPTER.from_config({"keys": [str(fleet.key)], "known_hosts": str(fleet.known_hosts)}, folder / "home")
        try:
            for kind, (module, verb, args) in KINDS.items():
                for count in COUNTS:
                    targets = Targets(tuple(fleet.target(index) for index in range(count)))
                    line = _command_line(fleet, folder, targets, module)
                    print(
                        json.dumps({"kind": kind, "hosts": count, **_pairs(engine, line, targets, verb, args, rounds)})
                    )
        finally:
            engine.close()


def _pairs(
    engine: AnsibleAdapter, line: Callable[[], None], targets: Targets, verb: str, args: dict, rounds: int
) -> dict[str, float]:
    def ours() -> None:
        events: list[Event] = []
        job = engine.call(Call(verb, targets, args), events.append)
        if not job.wait(120) or not all(event.status.good for event in events) or len(events) != len(targets):
            raise RuntimeError(
                f"not all hosts answered: {[event for event in events if event.status is not Status.OK][:3]}"
            )

    ours()
    line()  # both have their connections and caches now
    times = [(_timed(ours), _timed(line)) for _ in range(rounds)]
    return {
        "engine": round(statistics.median(one for one, _ in times), 3),
        "ansible": round(statistics.median(other for _, other in times), 3),
        "ratio": round(statistics.median(one / other for one, other in times), 2),
    }


def _command_line(fleet: Fleet, folder: Path, targets: Targets, module: str) -> Callable[[], None]:
    inventory = folder / f"bench{len(targets)}.yaml"
    hosts = {
        target.name: {"ansible_host": target.host, "ansible_port": target.port, "ansible_user": target.user}
        for target in targets
    }
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    program = str(Path(sys.executable).parent / "ansible")
    command = [program, "all", "-i", str(inventory), "-m", module, "-a", "echo hello", "-f", str(FORKS)]
    command += ["--private-key", str(fleet.key)]
    ssh = f"-C -o ControlMaster=auto -o ControlPersist=15s -o UserKnownHostsFile={fleet.known_hosts}"
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(folder / "line"),
        "ANSIBLE_SSH_ARGS": ssh,
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        "ANSIBLE_PIPELINING": "True",
    }

    def run() -> None:
        subprocess.run(command, env=environment, check=True, capture_output=True)

    return run


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
