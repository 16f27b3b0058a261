"""Playbooks: what they tell, and which are none."""

from dataclasses import replace
from pathlib import Path

import pytest

from sdk import Status, Target
from tests.rpcgate.engines.ansible.asking import Run

pytestmark = [pytest.mark.sshd, pytest.mark.ansible]


def test_a_playbook_tells_its_tasks_as_they_come_and_each_hosts_end(
    run: Run, home: Path, targets: list[Target]
) -> None:
    (home / "playbooks" / "site.yml").write_text(
        "- hosts: application_www\n  gather_facts: false\n  tasks:\n"
        "    - name: one\n      ansible.builtin.command: echo {{ inventory_hostname }}\n"
        "    - name: two\n      ansible.builtin.command: 'false'\n      when: inventory_hostname == 'host1'\n"
    )
    www = [replace(target, application="www") for target in targets]
    dead = replace(targets[0], name="dead", port=9, application="www")
    other = replace(targets[0], name="other")
    events = run("playbook", [*www, dead, other], path="site.yml")
    assert {name: event.status for name, event in events.items()} == {
        "host0": Status.CHANGED,
        "host1": Status.FAILED,
        "dead": Status.UNREACHABLE,
        "other": Status.SKIPPED,
    }
    assert events["host1"].reason.startswith("two: ")
    assert events["host0"].output == "one: changed\nhost0\ntwo: skipped\n"
    assert ("host0", "one: changed\nhost0\n") in [(event.host, event.output) for event in run.live]


def test_a_playbook_that_does_not_load_says_where(run: Run, home: Path, targets: list[Target]) -> None:
    (home / "playbooks" / "broken.yml").write_text("- hosts: all\n  tasks: [\n")
    event = run("playbook", targets[:1], path="broken.yml")["host0"]
    assert event.status is Status.FAILED
    assert "YAML" in event.reason


def test_a_link_does_not_lead_out_of_the_playbook_folder(run: Run, home: Path, targets: list[Target]) -> None:
    (home / "outside.yml").write_text("- hosts: all\n")
    (home / "playbooks" / "link.yml").symlink_to(home / "outside.yml")
    assert "There is no playbook" in run("playbook", targets[:1], path="link.yml")["host0"].reason
