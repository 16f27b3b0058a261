"""The ssh and local engines on real hosts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines.local import LocalAdapter
from rpcgate.engines.ssh import SshAdapter
from sdk import Target, Targets
from tests.fleet.sshd import Fleet
from tests.rpcgate.engines.calls import Caller

MakeSsh = Callable[..., Caller]


@pytest.fixture
def make_ssh(tmp_path: Path) -> Iterator[MakeSsh]:
    """Give a function that makes an ssh engine for a fleet, with other settings where given."""
    made: list[SshAdapter] = []

    def make(fleet: Fleet, *targets: Target, **table: Any) -> Caller:
        settings = {"known_hosts": str(fleet.known_hosts), "keys": [str(fleet.key)], **table}
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


@pytest.fixture(params=["ssh", "local"])
def engine(request: pytest.FixtureRequest) -> Caller:
    """Give each of the two engines on one host: what they promise is the same."""
    caller: Caller = request.getfixturevalue(request.param)
    return replace(caller, targets=Targets((caller.targets[0],)))
