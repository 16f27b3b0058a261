"""A real store with one generated dataset, and people who read its reports."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.core.management import call_command
from django.forms.models import model_to_dict
from django.test import Client

from analytics.models import Dataset
from analytics.store.client import Store
from analytics.store.reach import reached
from tests.webui.fleet_data import PASSWORD, fill_people

ROWS = 6000
_generated: dict[str, dict[str, Any]] = {}  # rows of datasets: each test begins with an empty database


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """Give a running embedded store of its own, where the pages look for it."""
    with reached(project.HOME) as found:
        yield found


@pytest.fixture
def shop(store: Store, db: None) -> Dataset:
    """Give a small generated dataset `shop`: nine days, amounts, channels, all four behaviours."""
    return generated("shop")


@pytest.fixture
def long(store: Store, db: None) -> Dataset:
    """Give one of forty days, `long`."""
    return generated("long", "--days", "40")


def generated(name: str, *options: str) -> Dataset:
    """Generate a dataset once; for the tests after the first only its row is written again."""
    if name in _generated:
        return Dataset.objects.create(**_generated[name])
    call_command("dataset", "generate", name, "--rows", str(ROWS), *options, verbosity=0)
    row = Dataset.objects.get(name=name)
    _generated[name] = {**model_to_dict(row, exclude=["id"]), "stamp": row.stamp, "claim": ""}
    return row


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """Give one person of each role."""
    return fill_people()


@pytest.fixture
def as_person(people: dict[str, User]) -> Callable[[str], Client]:
    """Give what signs a person in."""

    def signed_in(name: str) -> Client:
        client = Client()
        assert client.login(username=name, password=PASSWORD)
        return client

    return signed_in


@pytest.fixture
def client(as_person: Callable[[str], Client]) -> Client:
    """Give a browser in which a viewer is signed in: everybody may read reports."""
    return as_person("zhao.min")
