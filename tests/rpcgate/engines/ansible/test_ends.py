"""Deadlines and cancelling: what runs ends here and on the server."""

import os
from pathlib import Path

import pytest

from rpcgate.engines.ansible_link import short_folder
from sdk import Event, Status, Target
from tests.rpcgate.engines.ansible.asking import BOUND, Run, running
from tests.rpcgate.engines.calls import eventually

pytestmark = [pytest.mark.sshd, pytest.mark.ansible]


def test_a_module_ends_at_its_deadline_on_the_server_too(run: Run, targets: list[Target]) -> None:
    args = {"argv": ["sleep", "4802"]}
    events = run("module", targets, name="ansible.builtin.command", args=args, timeout=2)
    assert {event.status for event in events.values()} == {Status.TIMEOUT}
    assert events["host0"].reason == "It did not end within 2 s; the server confirms that its processes are gone."
    assert not running("sleep 4802")


def test_a_playbook_ends_at_its_deadline(run: Run, home: Path, targets: list[Target]) -> None:
    (home / "playbooks" / "slow.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.command: sleep 4803\n"
    )
    events = run("playbook", targets, path="slow.yml", timeout=2)
    assert {event.status for event in events.values()} == {Status.TIMEOUT}
    assert "the server confirms" in events["host0"].reason
    assert not running("sleep 4803")


@pytest.mark.parametrize("verb", ["shell", "module"])
def test_cancel_ends_what_runs_here_and_there(run: Run, targets: list[Target], verb: str) -> None:
    argv = ["sh", "-c", "trap '' TERM HUP; setsid sleep 4804; sleep 4804"]
    options = {"argv": argv} if verb == "shell" else {"name": "ansible.builtin.command", "args": {"argv": argv}}
    events: list[Event] = []
    job = run.start(verb, targets, events.append, timeout=300, **options)
    assert eventually(lambda: len([line for line in running("sleep 4804") if line.startswith("sleep")]) == 2)
    job.cancel()
    job.cancel()
    assert job.wait(BOUND)
    assert {(event.status, event.reason) for event in events} == {
        (Status.CANCELLED, "Cancelled; the server confirms that its processes are gone.")
    }
    assert len(events) == 2
    assert running("sleep 4804") == []
    assert all(line.strip().endswith("[mux]") for line in running(str(short_folder(job.config.home))))
    assert not (job.config.home / "jobs" / job.plan.mark).exists()


def test_cancel_right_after_the_start_leaves_nothing(run: Run, targets: list[Target]) -> None:
    events: list[Event] = []
    job = run.start("shell", targets, events.append, argv=["sleep", "4805"])
    job.cancel()
    assert job.wait(BOUND)
    assert [event.status for event in events] == [Status.CANCELLED] * 2
    assert running("sleep 4805") == []


def test_a_cancelled_job_leaves_the_others_alone(run: Run, targets: list[Target]) -> None:
    gate = Path(f"/tmp/om-other-{os.getpid()}")
    others: list[Event] = []
    other = run.start(
        "shell", targets, others.append, argv=["sh", "-c", f"while ! test -e {gate}; do sleep 0.05; done"], timeout=300
    )
    events: list[Event] = []
    job = run.start("shell", targets, events.append, argv=["sleep", "4806"])
    try:
        assert eventually(lambda: len(running("sleep 4806")) >= 2)
        job.cancel()
        assert job.wait(BOUND)
        assert not others
        gate.touch()
        assert other.wait(BOUND)
    finally:
        gate.unlink(missing_ok=True)
    assert [event.status for event in others] == [Status.OK] * 2
