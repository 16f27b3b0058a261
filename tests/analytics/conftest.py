"""One embedded store for all tests of the session, as real as script/server's, where the commands look for it."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from analytics.store.client import Store
from analytics.store.reach import reached


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """Give a running embedded store of its own."""
    with reached(settings.HOME) as found:
        yield found
