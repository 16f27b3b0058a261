"""The fleet as pytest fixtures; tests/conftest.py loads this file."""

from collections.abc import Iterator

import pytest

from tests.fleet.salt import SaltFleet, start_salt
from tests.fleet.sshd import Fleet, start_fleet


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Give five real sshd, shared by all tests of the session; a test that kills one starts its own fleet."""
    with start_fleet(5, tmp_path_factory.mktemp("fleet")) as started:
        yield started


@pytest.fixture(scope="session")
def salt_fleet() -> Iterator[SaltFleet]:
    """Give a real Salt master with four minions, shared by all tests of the session; how to use it: tests.fleet.salt."""
    with start_salt(4) as started:
        yield started
