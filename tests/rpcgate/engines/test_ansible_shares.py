"""Servers that were not reached last time hold up nobody, even where Ansible has fewer forks than servers."""

from pathlib import Path

import pytest

from bench.dead_host import no_answer
from rpcgate.engines import Call
from rpcgate.engines.ansible import AnsibleAdapter
from rpcgate.engines.ansible_shares import Silent
from sdk import Event, Status, Target, Targets
from tests.fleet.sshd import Fleet
from tests.rpcgate.engines.calls import Caller


@pytest.mark.sshd
@pytest.mark.ansible
def test_dead_servers_hold_nobody_up_and_take_no_fork_once_they_are_known(fleet: Fleet, tmp_path: Path) -> None:
    table = {**fleet.table, "forks": 3}
    adapter = AnsibleAdapter.from_config(table, tmp_path)
    alive = [fleet.target(index) for index in range(3)]
    caller = Caller(adapter, Targets(tuple(alive)))
    try:
        with no_answer() as dead:
            new = caller.on(dead, *alive[:2]).start("shell", argv=["true"], timeout=90)
            assert {new.first().host for _ in range(2)} == {"host0", "host1"}
            names = ("dead0", "dead1", "dead2")
            refused = [Target(name, alive[0].address, 1) for name in names]
            first = caller.on(*refused, *alive).start("shell", argv=["true"], timeout=90).finals()
            assert {first[name].status for name in names} == {Status.UNREACHABLE}
            silent = [Target(name, dead.address, dead.port) for name in names]
            known = caller.on(*silent, *alive).start("shell", argv=["true"], timeout=90)
            assert {known.first().host for _ in alive} == {target.name for target in alive}
            assert not known.running.wait(0)
    finally:
        adapter.close()


def test_a_server_that_answers_is_no_longer_kept_apart_and_a_playbook_stays_whole() -> None:
    silent, targets = Silent(), Targets((Target("a"), Target("b"), Target("c")))
    learn = silent.listening(lambda _: None)
    call = Call("shell", targets)
    assert silent.shares(call, 2) == [call]
    learn(Event("a", Status.UNREACHABLE))
    assert [share.targets.names for share in silent.shares(call, 2)] == [("b", "c"), ("a",)]
    assert silent.shares(call, 3) == [call]
    assert len(silent.shares(Call("playbook", targets), 2)) == 1
    learn(Event("a", Status.RUNNING, "x"))
    assert len(silent.shares(call, 2)) == 2
    learn(Event("a", Status.FAILED))
    assert silent.shares(call, 2) == [call]
