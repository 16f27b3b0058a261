"""A dataset without a store behind it, people of each role, and who acts."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from analytics.models import Dataset
from webui.dashboards.boards import Board, find
from webui.servers.services import By

FIRST = 1_511_539_200  # 25 November 2017, 0:00 in Shanghai
LAYOUT = {"user": "number", "item": "number", "category": "number", "dimensions": []}


@pytest.fixture
def by(people: dict[str, User]) -> Callable[[str], By]:
    return lambda name: By(people[name], "test")


@pytest.fixture
def shop(db: None) -> Dataset:
    """Give a dataset that says it has rows; no page asks the store for more than its cards."""
    return Dataset.objects.create(
        name="shop", zone="Asia/Shanghai", version=1, layout=LAYOUT, rows=1000, users=10, first_ts=FIRST,
        last_ts=FIRST + 9 * 86_400 - 1, roles={"pv": "view", "buy": "buy"}, behaviours={"pv": 900, "buy": 100},
        mapping={"fields": {"item": "item", "channel": "channel"}},
    )  # fmt: skip


@pytest.fixture
def board(shop: Dataset, people: dict[str, User]) -> Callable[..., Board]:
    """Give what finds a dashboard in somebody's name."""
    return lambda slug="shop-overview", name="lin.wei": find(slug, people[name])


@pytest.fixture
def text() -> Callable[[Any], str]:
    return lambda answer: answer.content.decode()
