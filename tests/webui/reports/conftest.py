"""A real store with one generated dataset, and people who read its reports."""

from collections.abc import Callable

import pytest
from django.test import Client

from analytics.models import Dataset
from analytics.store.client import Store
from tests.webui.generated_data import generated


@pytest.fixture
def shop(store: Store, db: None) -> Dataset:
    """Give a small generated dataset `shop`: nine days, amounts, channels, all four behaviours."""
    return generated("shop")


@pytest.fixture
def long(store: Store, db: None) -> Dataset:
    """Give one of forty days, `long`."""
    return generated("long", "--days", "40")


@pytest.fixture
def client(as_person: Callable[[str], Client]) -> Client:
    """Give a browser in which a viewer is signed in: everybody may read reports."""
    return as_person("zhao.min")
