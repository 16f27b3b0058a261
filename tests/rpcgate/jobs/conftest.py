"""The master whose jobs are looked at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rpcgate.master import Master, running


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    with running(tmp_path) as master:
        yield master
