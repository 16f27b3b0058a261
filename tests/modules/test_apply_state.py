"""apply_state on real Salt minions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines import Call
from rpcgate.engines.salt import SaltAdapter
from sdk import Context, Event, Events, ParamError, Status, Targets, parse
from sdk.module import Module, read_module
from tests.fleet.salt import SaltFleet
from tests.modules.conftest import BOUND, ended, loaded

pytestmark = pytest.mark.salt
TEMPLATE = "{{ salt['cmd.run']('id') }}"
WRITES = """\
write:
  file.managed:
    - name: {{ pillar['path'] }}
    - contents: {{ [pillar['count'] + 1, pillar['text']] | join(' ') | json }}
"""


@dataclass(frozen=True)
class OverSalt:
    adapter: SaltAdapter
    check: bool

    def state(self, targets: Targets, sls: str, *, pillar: dict[str, Any] | None = None) -> Events:
        events: list[Event] = []
        call = Call("state", targets, {"sls": sls, "pillar": pillar or {}}, 200, self.check)
        assert self.adapter.call(call, events.append).wait(BOUND)
        return iter(events)


@dataclass(frozen=True)
class Applier:
    adapter: SaltAdapter
    fleet: SaltFleet

    def write(self, name: str, text: str) -> None:
        (self.fleet.states / f"{name}.sls").write_text(text)

    def __call__(self, state: str, *pillar: str, check: bool = False) -> dict[str, Event]:
        targets = Targets((self.fleet.target(0), self.fleet.target(1)))
        ctx: Context[Any] = Context(OverSalt(self.adapter, check), check)
        params = parse(apply_state().params, {"state": state, "pillar": list(pillar)})
        return ended(targets, apply_state().run(ctx, targets, params))


def apply_state() -> Module:
    return read_module("apply_state", loaded("apply_state"))


@pytest.fixture(scope="module")
def apply(salt_fleet: SaltFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applier]:
    adapter = SaltAdapter.from_config(salt_fleet.table, tmp_path_factory.mktemp("home"))
    yield Applier(adapter, salt_fleet)
    adapter.close()


def test_a_state_changes_is_shown_and_is_ok_when_applied_again(apply: Applier, tmp_path: Path) -> None:
    apply.write("apply_writes", WRITES)
    path = tmp_path / "x"
    values = (f"path={path}-{{minion}}", "count:=41", f"text={TEMPLATE}")
    ahead = apply("apply_writes", *values, check=True)
    assert {event.status for event in ahead.values()} == {Status.CHANGED}
    assert not list(tmp_path.iterdir())
    first = apply("apply_writes", *values)
    assert Status.CHANGED in {event.status for event in first.values()}  # both minions are this machine
    (written,) = tmp_path.iterdir()
    assert written.read_text() == f"42 {TEMPLATE}\n"
    again = apply("apply_writes", *values)
    assert {event.status for event in again.values()} == {Status.OK}
    assert all("write" in event.output for event in again.values())


def test_a_state_that_fails_says_which(apply: Applier) -> None:
    apply.write("apply_fails", "good:\n  test.succeed_without_changes\nbad:\n  cmd.run:\n    - name: exit 3\n")
    ended = apply("apply_fails")
    assert {event.status for event in ended.values()} == {Status.FAILED}
    assert all("bad" in event.reason and "1 of 2" in event.reason for event in ended.values())
    assert all("good" in event.output for event in ended.values())


def test_a_state_that_is_not_there_or_has_a_fault_says_so(apply: Applier) -> None:
    apply.write("apply_faulty", "a:\n  file.managed:\n - x: [\n")
    for name in ("apply_none", "apply_faulty"):
        ended = apply(name)
        assert {event.status for event in ended.values()} == {Status.FAILED}
        assert all(name in event.reason for event in ended.values())


def test_no_name_applies_the_highstate(apply: Applier) -> None:
    top = apply.fleet.states / "top.sls"
    apply.write("apply_high", "high:\n  test.succeed_with_changes\n")
    top.write_text("base:\n  '*':\n    - apply_high\n")
    try:
        ended = apply("")
        assert {event.status for event in ended.values()} == {Status.CHANGED}
        assert all("high" in event.output for event in ended.values())
    finally:
        top.unlink()


def test_a_highstate_of_nothing_says_so(apply: Applier) -> None:
    ended = apply("")
    assert all(not event.status.good and event.reason for event in ended.values())


@pytest.mark.parametrize("state", ["../x", "a b", "a,", ",a", "-x", "a..b", "a;id", "{{ 1 }}", "test=True"])
def test_a_name_that_is_no_states_is_refused(state: str) -> None:
    with pytest.raises(ParamError, match="state"):
        parse(apply_state().params, {"state": state})


def test_a_pillar_value_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ParamError, match="Variable 1"):
        parse(apply_state().params, {"pillar": ["x:=[1"]})
