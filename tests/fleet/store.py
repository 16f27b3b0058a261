"""The analytics store as a pytest fixture; tests/conftest.py loads this file."""

from collections.abc import Iterator
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
