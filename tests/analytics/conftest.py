"""One embedded store for all tests of the session, as real as script/server's."""

from collections.abc import Iterator

import pytest

from analytics.store.client import Store
from analytics.store.reach import reached


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give a running embedded store of its own."""
    with reached(tmp_path_factory.mktemp("store")) as found:
        yield found
