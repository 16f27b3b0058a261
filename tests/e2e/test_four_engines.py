"""One installation whose master has ssh, ansible, salt and func: one task, each server by its own engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sdk import Target
from tests.fleet.func import FuncFleet
from tests.fleet.installation import Installation, import_servers, installed, start_all
from tests.fleet.salt import SaltFleet, start_salt
from tests.fleet.sshd import Fleet

pytestmark = [pytest.mark.sshd, pytest.mark.ansible, pytest.mark.timeout(240)]
NO_MINION = "no-minion"  # an sshd listens where its minion should


@dataclass(frozen=True)
class Four:
    """The installation; its servers, name -> engine; and the one whose minion is down."""

    made: Installation
    engines: dict[str, str]
    down: str


@pytest.fixture(scope="module")
def salt_and_one_down() -> Iterator[tuple[SaltFleet, str]]:
    """Give a Salt master with two minions, the second of which is down."""
    with start_salt(2) as started:
        started.kill(started.names[1])
        yield started, started.names[1]


@pytest.fixture(scope="module")
def four(fleet: Fleet, func_fleet: FuncFleet, salt_and_one_down: tuple[SaltFleet, str]) -> Iterator[Four]:
    salt, down = salt_and_one_down
    by_ssh = {"known_hosts": str(fleet.known_hosts), "keys": [str(fleet.key)]}
    tables = {"ssh": by_ssh, "ansible": by_ssh, "salt": salt.impatient, "func": func_fleet.table()}
    rows = [
        *(row(f"{engine}{index}", fleet.target(index), engine) for engine in ("ssh", "ansible") for index in (0, 1)),
        row(salt.names[0], salt.target(0), "salt"),
        *(row(host.name, func_fleet.target(index), "func") for index, host in enumerate(func_fleet.hosts[:2])),
        row(down, fleet.target(2), "salt", "ssh"),
        row(NO_MINION, fleet.target(3), "func", "ssh"),
    ]
    with installed(tables) as made:
        import_servers(made, rows)
        start_all(made)
        yield Four(made, {one["name"]: one["fallbacks"] or one["engine"] for one in rows}, down)


def row(name: str, target: Target, engine: str, fallbacks: str = "") -> dict[str, str]:
    """Give a server as a line of the import."""
    return {
        "name": name,
        "address": target.address,
        "port": str(target.port or ""),
        "user": target.user or "",
        "engine": engine,
        "fallbacks": fallbacks,
    }


def by_host(task: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {host["host"]: host for host in task["hosts"]}


def test_a_command_runs_on_each_server_by_its_engine_and_by_the_next_where_nothing_was_sent(four: Four) -> None:
    hosts = by_host(four.made.task("run_command", "--on", "all", "-p", "command=echo hello", ok=(0,)))
    assert {name: host["engine"] for name, host in hosts.items()} == four.engines
    assert {(host["status"], host["rc"], host["output"]) for host in hosts.values()} == {("ok", 0, "hello\n")}
    why = {name: host["reason"] for name, host in hosts.items() if host["reason"]}
    assert set(why) == {four.down, NO_MINION}
    assert why[four.down].startswith(f"Run by ssh: salt did not reach it (The minion {four.down} does not answer")
    assert why[NO_MINION].startswith("Run by ssh: func did not reach it (")


def test_a_server_that_no_engine_reaches_says_why_of_each(four: Four) -> None:
    import_servers(four.made, [row("nowhere", Target("nowhere", "127.0.0.2", 1), "func", "ssh")])
    task = four.made.task("run_command", "--on", "nowhere", "-p", "command=id", ok=(1,))
    (host,) = task["hosts"]
    assert (host["status"], host["engine"]) == ("unreachable", "ssh")
    assert "refused the connection" in host["reason"]
    assert "Before that, func did not reach it (" in host["reason"]


def test_the_command_line_says_by_which_engine_and_why(four: Four) -> None:
    said = four.made.manage("task", "run", "os_version", "--on", four.down, "--wait")
    assert "Run by ssh: salt did not reach it (" in said
