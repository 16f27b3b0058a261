"""The analytics store as a pytest fixture; tests/conftest.py loads this file."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

if TYPE_CHECKING:
    from analytics.store.client import Store


@pytest.fixture(scope="session")
def store() -> Iterator["Store"]:
    """Give an embedded store of the session's own, as real as script/server's, where commands and pages look for it."""
    from analytics.store.reach import reached  # only where a test wants it

    with reached(settings.HOME) as found:
        yield found


def engine_of(home: Path) -> int:
    """Give the process that holds the engine of a home's store: who ill-treats it ends that one."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"analytics.store.engine" in words and str(home.resolve() / "analytics").encode() in words:
            return int(process.name)
    raise AssertionError("there is no engine")
