"""install_package on real hosts; nothing is really installed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines import Call
from rpcgate.engines.ansible import ADAPTER, AnsibleAdapter
from sdk import Context, Event, Events, ParamError, Status, Targets, parse
from sdk.module import Module, read_module
from tests.fleet.sshd import Fleet
from tests.modules.conftest import BOUND, EngineRunner, loaded

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.ansible,
    pytest.mark.skipif(
        not Path("/var/lib/dpkg/status").exists(), reason="the hosts are this machine, which has no apt"
    ),
]


@dataclass(frozen=True)
class OverAnsible:
    adapter: AnsibleAdapter
    check: bool

    def module(self, targets: Targets, name: str, /, *, timeout: float | None = None, **args: Any) -> Events:
        events: list[Event] = []
        call = Call("module", targets, {"name": name, "args": args}, timeout or 200, self.check)
        assert self.adapter.call(call, events.append).wait(BOUND)
        return iter(events)


@pytest.fixture(scope="module")
def adapter(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnsibleAdapter]:
    made = ADAPTER.from_config(fleet.table, tmp_path_factory.mktemp("home"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def module() -> Module:
    return read_module("install_package", loaded("install_package"))


def install(module: Module, adapter: AnsibleAdapter, fleet: Fleet, *, check: bool = False, **raw: Any) -> list[Event]:
    targets = Targets((fleet.target(0), fleet.target(1)))
    ctx: Context[Any] = Context(OverAnsible(adapter, check), check)
    return list(module.run(ctx, targets, parse(module.params, raw)))


def test_it_declares_what_it_is(module: Module) -> None:
    declared = module.declaration
    assert (module.title, module.engines, declared.risk, declared.category) == (
        "Install a package",
        ("ansible", "salt"),
        "change",
        "packages",
    )
    assert declared.check
    assert declared.idempotent


def test_a_package_that_is_there_is_ok(module: Module, adapter: AnsibleAdapter, fleet: Fleet) -> None:
    events = install(module, adapter, fleet, names=["coreutils"])
    assert {(event.status, event.reason) for event in events} == {(Status.OK, "")}
    assert len(events) == 2


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    module: Module, adapter: AnsibleAdapter, fleet: Fleet
) -> None:
    events = install(module, adapter, fleet, check=True, names=["coreutils"], state="absent")
    assert {event.status for event in events} <= {Status.CHANGED, Status.FAILED}  # apt may refuse an essential one
    absent = next(
        name for name in ("sl", "cowsay", "hello", "nyancat") if not Path(f"/var/lib/dpkg/info/{name}.list").exists()
    )
    if not any(Path("/var/lib/apt/lists").glob("*Packages*")):
        pytest.skip("apt has no package lists here; run apt-get update")
    events = install(module, adapter, fleet, check=True, names=[absent])
    assert {event.status for event in events} == {Status.CHANGED}
    assert all(absent in event.output for event in events)
    assert not Path(f"/var/lib/dpkg/info/{absent}.list").exists()


def test_a_package_that_nobody_knows_is_a_failure_that_names_it(
    module: Module, adapter: AnsibleAdapter, fleet: Fleet
) -> None:
    events = install(module, adapter, fleet, names=["no-such-package-here"])
    assert {event.status for event in events} == {Status.FAILED}
    assert all("no-such-package-here" in event.reason for event in events)


@pytest.mark.parametrize("name", ["a b", "-y", "a;id", "$(id)", "{{ 1 }}", "/tmp/x.deb", "https://x/y.deb", "../x"])
def test_a_name_that_is_no_packages_is_refused(module: Module, name: str) -> None:
    with pytest.raises(ParamError, match="names"):
        parse(module.params, {"names": [name]})


RETURN = {"pkg_|-a_|-a_|-installed": {"result": True, "changes": {"a": {"old": "", "new": "1.2"}}, "comment": "done"}}


def by_salt(run: EngineRunner, *, check: bool = False, **raw: Any) -> Event:
    (event,) = run.by("salt")("install_package", check=check, **raw).values()
    assert event.engine == "salt"
    return event


@pytest.mark.salt
def test_salt_leaves_what_is_as_wanted_already(run_by_both: EngineRunner) -> None:
    event = by_salt(run_by_both, names=["coreutils", "dpkg"])
    assert (event.status, event.reason, event.output) == (Status.OK, "", "coreutils, dpkg: present already\n")
    event = by_salt(run_by_both, names=["no-such-package-here"], state="absent")
    assert (event.status, event.output) == (Status.OK, "no-such-package-here: absent already\n")


@pytest.mark.salt
def test_salts_dry_run_says_what_would_change_and_changes_nothing(run_by_both: EngineRunner) -> None:
    absent = next(name for name in ("sl", "cowsay", "nyancat") if not Path(f"/var/lib/dpkg/info/{name}.list").exists())
    if not any(Path("/var/lib/apt/lists").glob("*Packages*")):
        pytest.skip("apt has no package lists here; run apt-get update")
    event = by_salt(run_by_both, check=True, names=[absent])
    assert (event.status, absent in event.output) == (Status.CHANGED, True)
    event = by_salt(run_by_both, check=True, names=["coreutils"], state="absent")
    assert (event.status, "coreutils" in event.output) == (Status.CHANGED, True)
    assert not Path(f"/var/lib/dpkg/info/{absent}.list").exists()


@pytest.mark.salt
@pytest.mark.parametrize("name", ["no-such-package-here", "coreutils=0.0-none"])
def test_what_salt_cannot_install_is_a_failure_that_names_it(run_by_both: EngineRunner, name: str) -> None:
    event = by_salt(run_by_both, names=[name])
    assert (event.status, name.partition("=")[0] in event.reason) == (Status.FAILED, True)


@pytest.mark.salt
def test_both_engines_at_once_answer_alike(run_by_both: EngineRunner) -> None:
    events = run_by_both("install_package", names=["coreutils"])
    assert {event.engine for event in events.values()} == {"ansible", "salt"}
    assert {event.status for event in events.values()} == {Status.OK}


def test_salts_changes_are_lines_of_old_and_new() -> None:
    done = loaded("install_package").of_state(Event("a", Status.OK, data=RETURN, engine="salt"), check=False)
    assert (done.status, done.output) == (Status.CHANGED, "a: - -> 1.2\n")
