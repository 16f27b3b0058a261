"""Every engine on real hosts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines.ansible import AnsibleAdapter
from rpcgate.engines.func import FuncAdapter
from rpcgate.engines.local import LocalAdapter
from rpcgate.engines.salt import SaltAdapter
from rpcgate.engines.ssh import SshAdapter
from sdk import Target, Targets
from tests.fleet.func import FuncFleet
from tests.fleet.salt import SaltFleet
from tests.fleet.sshd import Fleet
from tests.rpcgate.engines.calls import Caller

MakeSsh = Callable[..., Caller]


@pytest.fixture(scope="session", autouse=True)
def patient() -> Iterator[None]:
    """Let a host say that what was ended is gone for as long as a machine may stand still, and not for 20 s."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("remote", "salt_host", "func_run"):
            patch.setattr(f"rpcgate.engines.{name}.ENDING", 60.0)
            patch.setattr(f"rpcgate.engines.{name}.ENDINGS", 20)
        patch.setattr("rpcgate.engines.ansible_cleaning.SECONDS", 60.0)
        yield


@pytest.fixture
def make_ssh(tmp_path: Path) -> Iterator[MakeSsh]:
    """Give a function that makes an ssh engine for a fleet, with other settings where given."""
    made: list[SshAdapter] = []

    def make(fleet: Fleet, *targets: Target, **table: Any) -> Caller:
        settings = {**fleet.table, **table}
        made.append(SshAdapter.from_config(settings, tmp_path))
        return Caller(made[-1], Targets(targets or tuple(fleet.target(index) for index in range(len(fleet.hosts)))))

    yield make
    for adapter in made:
        adapter.close()


@pytest.fixture
def ssh(make_ssh: MakeSsh, fleet: Fleet) -> Caller:
    """Give an ssh engine on the shared fleet."""
    return make_ssh(fleet)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Caller]:
    """Give a local engine on this machine."""
    adapter = LocalAdapter.from_config({"enabled": True}, tmp_path)
    yield Caller(adapter, Targets((Target("here", "localhost", engine="local"),)))
    adapter.close()


@pytest.fixture(scope="session")
def ansible(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Give an ansible engine on the shared fleet; one for all tests, because its parent takes a second to start."""
    table = fleet.table
    adapter = AnsibleAdapter.from_config(table, tmp_path_factory.mktemp("home"))
    yield Caller(adapter, Targets((fleet.target(0),)))
    adapter.close()


@pytest.fixture(scope="session")
def func(func_fleet: FuncFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Give a func engine on the shared minions."""
    adapter = FuncAdapter.from_config(func_fleet.table(), tmp_path_factory.mktemp("func-home"))
    yield Caller(adapter, Targets(tuple(func_fleet.target(index) for index in range(len(func_fleet.hosts)))))
    adapter.close()


@pytest.fixture(scope="session")
def salt(salt_fleet: SaltFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Give a salt engine on the shared minions."""
    adapter = SaltAdapter.from_config(salt_fleet.table, tmp_path_factory.mktemp("salt-home"))
    yield Caller(adapter, Targets(tuple(salt_fleet.target(index) for index in range(len(salt_fleet.names)))))
    adapter.close()


@pytest.fixture(params=["ssh", "local", pytest.param("ansible", marks=pytest.mark.ansible), "func", "salt"])
def engine(request: pytest.FixtureRequest) -> Caller:
    """Give each engine that has a shell on one host: what they promise is the same."""
    return _on_one_host(request)


@pytest.fixture(params=["ssh", "local"])
def streaming(request: pytest.FixtureRequest) -> Caller:
    """Give each engine that passes output on while a command runs, on one host."""
    return _on_one_host(request)


def _on_one_host(request: pytest.FixtureRequest) -> Caller:
    caller: Caller = request.getfixturevalue(request.param)
    return replace(caller, targets=Targets((caller.targets[0],)))
