"""What people wrote is never run and, where it is secret, never shown."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sdk import Event, Status, Target
from tests.fleet.sshd import Fleet
from tests.rpcgate.engines.ansible.asking import BOUND, Run, running
from tests.rpcgate.engines.calls import eventually

pytestmark = [pytest.mark.sshd, pytest.mark.ansible]
TEMPLATE = "{{ lookup('pipe', 'id') }}{% raw %}$(id)`id`"


def test_jinja_never_runs_on_what_people_wrote(run: Run, fleet: Fleet) -> None:
    target = replace(
        fleet.target(0), name=TEMPLATE, category=TEMPLATE, application=TEMPLATE, tags={"role": TEMPLATE, "{{ 1 }}": "x"}
    )
    event = run("module", [target], name="ansible.builtin.debug", args={"msg": TEMPLATE})[TEMPLATE]
    assert (event.status, event.output) == (Status.OK, f"{TEMPLATE}\n")


def test_jinja_never_runs_on_the_values_of_a_playbooks_variables(run: Run, home: Path, fleet: Fleet) -> None:
    (home / "playbooks" / "say.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: say\n"
        "      ansible.builtin.debug: {msg: 'said {{ word.0 }} by {{ server.name }}'}\n"
    )
    target = replace(fleet.target(0), name=TEMPLATE)
    event = run("playbook", [target], path="say.yml", variables={"word": [TEMPLATE]})[TEMPLATE]
    assert event.status is Status.OK
    assert f"said {TEMPLATE} by {TEMPLATE}" in event.output


def environments() -> Iterator[bytes]:
    """Give the environments of this machine's processes, as far as they may be read."""
    for path in (one / "environ" for one in Path("/proc").glob("[0-9]*")):
        with suppress(OSError):
            yield path.read_bytes()


def test_secrets_stand_in_no_argument_and_no_environment_here(run: Run, targets: list[Target]) -> None:
    secret, gate = "s3cr3t-4807", Path(f"/tmp/om-secret-{os.getpid()}")
    text = f"# {secret}\nexec 9>{gate}.up; while ! test -e {gate}; do sleep 0.05; done"
    events: list[Event] = []
    job = run.start("script", targets[:1], events.append, text=text, timeout=300)
    try:
        assert eventually(Path(f"{gate}.up").exists)
        assert running(secret) == []
        assert not any(secret.encode() in text for text in environments())
        folder = job.config.home / "jobs" / job.plan.mark
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir() if path.is_file()} == {0o600}
    finally:
        gate.touch()
        assert job.wait(BOUND)
        gate.unlink()
        Path(f"{gate}.up").unlink(missing_ok=True)
    assert not folder.exists()


def test_no_log_is_respected(run: Run, home: Path, targets: list[Target]) -> None:
    (home / "playbooks" / "quiet.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: hush\n      no_log: true\n"
        "      ansible.builtin.command: sh -c 'echo s3cr3t-4808; exit 1'\n"
    )
    event = run("playbook", targets[:1], path="quiet.yml")["host0"]
    assert event.status is Status.FAILED
    assert "s3cr3t" not in str([event, *run.live])
