"""The fleet as pytest fixtures; tests/conftest.py loads this file."""

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.func import FuncFleet, start_func_fleet
from tests.fleet.salt import SaltFleet, start_salt
from tests.fleet.sshd import Fleet, start_fleet


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that the hosts' accounts may write to: pytest's own are closed to them."""
    path = Path(f"/tmp/omtest-{secrets.token_hex(6)}")
    path.mkdir()
    path.chmod(0o777)
    yield path
    subprocess.run(["rm", "-rf", str(path)], check=True)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Give five real sshd, shared by all tests of the session; a test that kills one starts its own fleet."""
    with start_fleet(5, tmp_path_factory.mktemp("fleet")) as started:
        yield started


@pytest.fixture(scope="session")
def salt_fleet() -> Iterator[SaltFleet]:
    """Give a real Salt master with four minions, shared by the session; how to use it stands in tests.fleet.salt."""
    with start_salt(4) as started:
        yield started


@pytest.fixture(scope="session")
def func_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuncFleet]:
    """Give three minions that speak Func's protocol, shared by all tests; a test that kills one starts its own fleet.

    An engine on it, in the way of tests/rpcgate/engines: Caller(FuncAdapter.from_config(func_fleet.table(), tmp_path),
    Targets((func_fleet.target(0),))). Its commands run in the account that runs the tests, and not streaming.
    """
    with start_func_fleet(3, tmp_path_factory.mktemp("func")) as started:
        yield started
