"""What modules, commands and their results are, on servers and on this machine."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from sdk import Event, Status, Target
from tests.fleet.sshd import Fleet
from tests.rpcgate.engines.ansible.asking import BOUND, Run, running

pytestmark = [pytest.mark.sshd, pytest.mark.ansible]


@pytest.mark.parametrize(
    ("verb", "options", "reason"),
    [
        ("get", {"path": "etc/passwd"}, "is not the full path"),
        ("shell", {"argvs": ["echo"]}, "'argv' is missing"),
        ("module", {"name": "../x"}, "no module's name"),
        ("module", {"name": "ansible.builtin.nothing"}, "couldn't resolve module/action"),
        ("module", {"name": "ansible.builtin.command", "args": {"a b": 1}}, "no argument's name"),
        ("playbook", {"path": "../../etc/passwd"}, "There is no playbook"),
        ("playbook", {"path": "/etc/passwd"}, "There is no playbook"),
        ("playbook", {"path": "none.yml"}, "There is no playbook"),
    ],
)
def test_what_cannot_be_done_is_a_failure_with_its_reason(
    run: Run, targets: list[Target], verb: str, options: dict[str, Any], reason: str
) -> None:
    event = run(verb, targets[:1], **options)["host0"]
    assert event.status is Status.FAILED
    assert reason in event.reason


def test_a_module_gives_its_result(run: Run, targets: list[Target]) -> None:
    args = {"argv": ["sh", "-c", "echo out; echo err >&2"]}
    events = run("module", targets, name="ansible.builtin.command", args=args)
    for event in events.values():
        assert (event.status, event.rc, event.output) == (Status.CHANGED, 0, "out\nerr\n")
        assert event.data["stdout_lines"] == ["out"]
        assert "invocation" not in event.data


def test_a_module_that_fails_says_why(run: Run, targets: list[Target]) -> None:
    event = run("module", targets, name="ansible.builtin.file", args={"path": "/etc/hosts", "state": "directory"})[
        "host0"
    ]
    assert event.status is Status.FAILED
    assert "/etc/hosts" in event.reason


def test_a_dry_run_of_a_module_shows_the_difference_and_changes_nothing(run: Run, targets: list[Target]) -> None:
    path = f"/tmp/om-copy-{os.getpid()}"
    args = {"dest": path, "content": "hello\n"}
    event = run("module", targets[:1], name="ansible.builtin.copy", args=args, check=True)["host0"]
    assert event.status is Status.CHANGED
    assert "+hello" in event.output
    assert not Path(path).exists()


def test_results_come_as_the_hosts_answer(run: Run, targets: list[Target]) -> None:
    """The slow host's process waits for a file that exists only after the fast host's result has come."""
    gate = Path(f"/tmp/om-gate-{os.getpid()}")
    port = str(targets[0].port)
    wait = f'test "${{SSH_CONNECTION##* }}" = {port} || while ! test -e {gate}; do sleep 0.05; done'
    events: list[Event] = []
    first = threading.Event()

    def note(event: Event) -> None:
        events.append(event)
        first.set()

    job = run.start("shell", targets, note, argv=["sh", "-c", wait], timeout=300)
    try:
        assert first.wait(BOUND)
        assert [event.host for event in events] == ["host0"]
        gate.touch()
        assert job.wait(BOUND)
        assert [event.status for event in events] == [Status.OK, Status.OK]
    finally:
        gate.unlink(missing_ok=True)


def test_this_machine_is_reached_without_ssh(run: Run) -> None:
    event = run("shell", [Target("here", engine="local")], argv=["sh", "-c", 'echo "[$SSH_CONNECTION]"'])["here"]
    assert (event.status, event.output) == (Status.OK, "[]\n")


def test_a_daemon_started_on_this_machine_lives_on(run: Run) -> None:
    start = "setsid sleep 4809 >/dev/null 2>&1 </dev/null & echo $!"
    event = run("shell", [Target("here", engine="local")], argv=["sh", "-c", start])["here"]
    run("shell", [Target("here", engine="local")], argv=["true"])
    assert event.status is Status.OK
    assert running("sleep 4809")
    os.kill(int(event.output), 9)


def test_a_warm_parent_that_died_is_started_again(run: Run, targets: list[Target]) -> None:
    run("shell", targets, argv=["true"])
    old = run.adapter.parent
    assert old
    os.kill(old, 9)
    assert run("shell", targets, argv=["echo", "again"])["host0"].output == "again\n"
    assert run.adapter.parent not in (None, old)


def test_more_names_than_sessions_all_answer(run: Run, fleet: Fleet) -> None:
    many = [fleet.target(index) for index in range(30)]
    assert {event.status for event in run("shell", many, argv=["true"]).values()} == {Status.OK}
