"""Servers that cannot be reached: each says why, and holds up no other."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rpcgate.engines.ansible import ADAPTER
from rpcgate.engines.ansible_files import fault_of
from sdk import Status, Target
from tests.fleet.sshd import Fleet
from tests.rpcgate.engines.ansible.asking import Run

pytestmark = [pytest.mark.sshd, pytest.mark.ansible]


@pytest.mark.parametrize("address", ["-oProxyCommand=id", "{{ 1 }}", "a b", "a;id", "a\nb", "$(id)"])
def test_an_address_that_is_none_never_reaches_ssh(run: Run, targets: list[Target], address: str) -> None:
    event = run("shell", [replace(targets[0], address=address), targets[1]], argv=["true"])
    assert event["host0"].status is Status.FAILED
    assert repr(address) in event["host0"].reason
    assert event["host1"].status is Status.OK
    assert "account" in fault_of(replace(targets[0], user=address))


def test_a_host_whose_key_is_not_known_is_unreachable(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    adapter = ADAPTER.from_config({"keys": [str(fleet.key)]}, tmp_path)
    try:
        event = Run(adapter)("shell", [fleet.target(0)], argv=["true"])["host0"]
    finally:
        adapter.close()
    assert event.status is Status.UNREACHABLE
    host = fleet.hosts[0]
    assert event.reason.startswith(f"The host key of [{host.address}]:{host.port} is not known; compare it")
    assert event.reason.endswith(f"ssh-keyscan -p {host.port} {host.address} >> {tmp_path / 'known_hosts'}.")
    assert (tmp_path / "known_hosts").read_text() == ""


def test_a_host_whose_key_is_another_and_one_that_lets_nobody_in_say_what_to_do(fleet: Fleet, tmp_path: Path) -> None:
    lines = fleet.known_hosts.read_text().splitlines()
    wrong = f"{lines[0].split()[0]} {lines[1].split(maxsplit=1)[1]}"
    (tmp_path / "known_hosts").write_text("\n".join([wrong, *lines[1:], ""]))
    key = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    adapter = ADAPTER.from_config({"keys": [str(key)]}, tmp_path)
    try:
        events = Run(adapter)("shell", [fleet.target(0), fleet.target(1)], argv=["true"])
    finally:
        adapter.close()
    first, second = fleet.hosts[:2]
    assert f"The host key of [{first.address}]:{first.port} has CHANGED" in events["host0"].reason
    assert f"does not let {second.user} in with {key}; add its public half" in events["host1"].reason
    assert {event.status for event in events.values()} == {Status.UNREACHABLE}


def test_each_dead_host_is_unreachable_and_the_others_answer(run: Run, targets: list[Target]) -> None:
    blackhole = Target("dead", "192.0.2.1")  # TEST-NET: nobody answers, or nobody is let through
    refused = replace(targets[0], name="refused", port=9)
    events = run("shell", [blackhole, refused, *targets], argv=["id"])
    assert {host: event.status for host, event in events.items()} == {
        "dead": Status.UNREACHABLE,
        "refused": Status.UNREACHABLE,
        "host0": Status.OK,
        "host1": Status.OK,
    }
