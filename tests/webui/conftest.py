"""People of each role, and what signs them in."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.webui.fleet_data import PASSWORD, fill_people


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """Give lin.wei, an admin; chen.jie and wang.fang, operators; zhao.min, a viewer."""
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
def admin(client: Client, people: dict[str, User]) -> Client:
    """Give a browser in which an admin, lin.wei, is signed in."""
    client.force_login(people["lin.wei"])
    return client
