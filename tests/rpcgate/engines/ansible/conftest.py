"""The ansible engine on real sshd hosts, with a real Ansible."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rpcgate.engines.ansible import ADAPTER
from sdk import Target
from tests.fleet.sshd import Fleet
from tests.rpcgate.engines.ansible.asking import Run


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("master")


@pytest.fixture(scope="session")
def run(fleet: Fleet, home: Path) -> Iterator[Run]:
    (home / "playbooks").mkdir()
    table = {**fleet.table, "playbooks": "playbooks"}
    stale = home / "ansible" / "jobs" / "crashed"
    stale.mkdir(parents=True)
    adapter = ADAPTER.from_config({**table, "connect_timeout": 5}, home)
    assert adapter.usable() == ""
    yield Run(adapter)
    adapter.close()
    assert not stale.exists()


@pytest.fixture
def targets(fleet: Fleet) -> list[Target]:
    return [fleet.target(0), fleet.target(1)]
