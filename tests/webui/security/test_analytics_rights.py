"""Every address of analytics, asked by whom it is not for: a viewer changes nothing, nor does a stranger's page."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.models import Dataset, ImportRun
from tests.webui.fleet_data import fill_people
from webui.alerts.models import Alert
from webui.dashboards.models import Dashboard, Note, Segment

pytestmark = [pytest.mark.django_db]
HIDDEN = "q3-takeover"
PLACES = {
    "name": "shop", "form": "csv", "dataset": "shop", "slug": "private", "group": "main", "report": "activity",
    "verb": "delete", "run": 1, "pk": 1, "user": "1",
}  # fmt: skip
SENT = {
    "name": "x", "title": "x", "cards": "[]", "seen": "1", "shared": "1", "typed": "shop", "minutes": "5",
    "when": "2017-11-25T10:00",
    "text": "x", "where": "category=1", "active": "1", "dataset": "shop", "dashboard": "private",
    "source": "mysql", "act": "import",
}  # fmt: skip


def addresses() -> Iterator[tuple[str, str]]:
    """Give each address of analytics with its name."""
    for app in ("reports", "datasets", "dashboards", "alerts", "curves"):
        for pattern in import_module(f"webui.{app}.urls").urlpatterns:
            names = pattern.pattern.regex.groupindex
            places = {name: PLACES[name] for name in names}
            if app == "reports" and "name" in places:
                places["name"] = "activity"
            yield pattern.name, reverse(pattern.name, kwargs=places)


ADDRESSES = sorted(set(addresses()))


@pytest.fixture
def people() -> dict[str, User]:
    """Give one person of each role, and what one of them keeps."""
    made = fill_people()
    Dataset.objects.create(
        pk=1, name="shop", title="Shop", version=1, rows=1, users=1, source={"mysql": {"host": "db"}}
    )
    ImportRun.objects.create(
        pk=1, dataset_id=1, state="failed", request={"source": {"csv": "/x"}}, ended=timezone.now()
    )
    own: dict[str, Any] = {"dataset": "shop"}
    owner = made["lin.wei"]
    Dashboard.objects.create(pk=1, slug="private", title=HIDDEN, owner=owner, **own)
    Segment.objects.create(pk=1, name=HIDDEN, where=["category=1"], owner=owner, shared=False, **own)
    Note.objects.create(pk=1, ts=1_511_539_200, text="launch", author=owner, author_name="lin.wei", **own)
    Alert.objects.create(pk=1, name="pv", dataset_id=1, webhook="https://hooks.example/T0P-SECRET", owner=owner)
    return made


def stored() -> dict[str, list[dict[str, Any]]]:
    """Give all rows that analytics and its pages keep."""
    models = [model for app in ("analytics", "dashboards", "alerts") for model in apps.get_app_config(app).get_models()]
    return {str(model): list(model.objects.order_by("pk").values()) for model in models}


def signed_in(person: User, *, checks: bool = False) -> Client:
    client = Client(enforce_csrf_checks=checks, raise_request_exception=False)
    client.force_login(person)
    return client


def test_the_addresses_are_all_of_them() -> None:
    assert len(ADDRESSES) > 40


def test_nobody_gets_in_without_signing_in(people: dict[str, User]) -> None:
    before = stored()
    for name, address in ADDRESSES:
        for answer in (Client().get(address), Client().post(address, SENT)):
            assert answer.status_code == 302, name
            assert answer["Location"].startswith("/login/"), name
    assert stored() == before


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda one: one[0])
def test_a_viewer_changes_nothing(people: dict[str, User], address: tuple[str, str]) -> None:
    before = stored()
    answer = signed_in(people["zhao.min"]).post(address[1], SENT)
    assert answer.status_code in (403, 404, 405)
    assert stored() == before


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda one: one[0])
def test_a_page_of_a_stranger_changes_nothing(people: dict[str, User], address: tuple[str, str]) -> None:
    before = stored()
    admin = signed_in(people["lin.wei"], checks=True)
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert admin.post(address[1], SENT, headers=headers).status_code in (403, 405)
    admin.get(address[1])  # what only reads is all that a link can do
    assert stored() == before


@pytest.mark.parametrize("person", ["zhao.min", "chen.jie"])
def test_what_is_kept_private_is_seen_by_no_other(people: dict[str, User], person: str) -> None:
    client = signed_in(people[person])
    for name, address in ADDRESSES:
        shown = client.get(f"{address}?d=shop&segment=1&dashboard=private")
        assert shown.status_code < 500 or shown.status_code == 503, name  # no store runs here
        if not shown.streaming:
            assert HIDDEN not in shown.content.decode(), name
        if person == "zhao.min":
            assert b"T0P-SECRET" not in getattr(shown, "content", b""), name
    for act in ("save", "copy", "share", "delete"):
        assert client.post(f"/dashboards/private/{act}/", SENT).status_code in (403, 404)
