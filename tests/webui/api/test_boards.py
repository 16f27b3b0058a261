"""Dashboards and alerts by the API: carried as JSON, listed, silenced."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone

from analytics.models import Dataset
from tests.webui.api.calls import ask, token
from webui.access import Role
from webui.alerts.models import Alert, Firing
from webui.audit.models import Entry
from webui.dashboards.boards import of_row
from webui.dashboards.models import Dashboard
from webui.dashboards.overview import overview

pytestmark = [pytest.mark.db, pytest.mark.django_db]
FACTS = {"value": 3, "expected": 10, "change": -0.7, "high": 1_511_575_200, "silent": False}


@pytest.fixture(autouse=True)
def shop(db: None) -> Dataset:
    """Give a dataset that says it has rows."""
    return Dataset.objects.create(name="shop", zone="Asia/Shanghai", version=1, rows=1, users=1, layout={})


@pytest.fixture
def key(db: None) -> str:
    return token(Role.OPERATOR)


@pytest.fixture
def alert(shop: Dataset) -> Alert:
    """Give an alert that fires."""
    made = Alert.objects.create(name="pv", dataset=shop, rule="below", limit=5, webhook="https://hook.example/T0/s3cret",
                                mails=["a@shop.example"], state="firing")  # fmt: skip
    Firing.objects.create(alert=made, bucket="2017-11-25T09:00", low=1_511_571_600, facts=FACTS, began=timezone.now())
    return made


def test_a_dashboard_is_carried_to_another_dataset(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    Dataset.objects.create(name="mall", version=1)
    carried = ask("GET", "/api/dashboards/shop-overview", key).json()
    token(Role.ADMIN)
    capsys.readouterr()
    call_command("dashboard", "export", "shop-overview")
    assert carried == json.loads(capsys.readouterr().out)
    made = ask("POST", "/api/dashboards?dataset=mall&share=1", key, carried)
    assert made.status_code == 201, made.content
    row = Dashboard.objects.get()
    assert (made.json()["dashboard"], row.dataset, str(row.owner), row.shared) == (row.slug, "mall", "operator", True)
    assert of_row(row).content == overview("shop")
    assert Entry.objects.get(verb="dashboard.add").source == "api"
    listed = ask("GET", "/api/dashboards", key).json()
    assert [one["dashboard"] for one in listed["dashboards"]] == [row.slug, "mall-overview", "shop-overview"]
    assert (listed["total"], listed["pages"]) == (3, 1)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "no dataset ''"),
        ({"dataset": "nothing", "title": "x"}, "no dataset 'nothing'"),
        ({"dataset": "shop"}, "title"),
        ({"dataset": "shop", "title": "x", "cards": 7}, "cards is no list"),
        ({"dataset": "shop", "title": "x", "where": [{}]}, "no text"),
        ({"dataset": "shop", "title": "\ud800"}, "half a character"),
        ({"dataset": "shop", "title": "x", "cards": [{"report": "../x"}]}, "no report's name"),
        ("{", "no JSON"),
    ],
)
def test_what_is_no_dashboard_is_refused_and_stores_nothing(key: str, body: Any, said: str) -> None:
    answer = ask("POST", "/api/dashboards", key, body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert not Dashboard.objects.exists()


def test_a_dashboard_that_is_not_shared_is_its_owners(key: str) -> None:
    owner = User.objects.create_user("owner")
    Dashboard.objects.create(slug="secret", title="q3-takeover", dataset="shop", owner=owner, preset="7d")
    hidden = ask("GET", "/api/dashboards/secret", key)
    assert (hidden.status_code, hidden.json()["faults"]) == (404, {})
    assert "q3-takeover" not in ask("GET", "/api/dashboards", key).content.decode()
    assert ask("GET", "/api/dashboards/secret", token(Role.ADMIN)).json()["title"] == "q3-takeover"


def test_alerts_are_listed_with_what_they_say(key: str, alert: Alert) -> None:
    (told,) = ask("GET", "/api/alerts", key).json()["alerts"]
    assert (told["name"], told["dataset"], told["state"], told["active"]) == ("pv", "shop", "firing", True)
    assert told["condition"] == "PV of an hour is below 5"
    one = ask("GET", f"/api/alerts/{alert.pk}", key).json()
    assert {name: one[name] for name in told} == told
    (firing,) = one["firings"]
    assert (firing["bucket"], firing["value"], firing["ended_at"]) == ("2017-11-25T09:00", 3, None)
    assert "PV 3, 70.0% below the usual 10" in firing["said"]
    assert ask("GET", "/api/alerts/999", key).json()["error"] == "There is no alert 999."


def test_an_alert_is_silenced_and_on_again(key: str, alert: Alert) -> None:
    off = ask("POST", f"/api/alerts/{alert.pk}", key, {"active": False}).json()
    assert (off["active"], off["state"], off["firings"][0]["closed"]) == (False, "new", "The alert was switched off.")
    assert ask("POST", f"/api/alerts/{alert.pk}", key, {"active": True}).json()["active"] is True
    verbs = Entry.objects.filter(subject="pv").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["alert.deactivate", "alert.activate"]
    for wrong in ({}, {"active": 1}, {"active": "no"}, {"active": False, "name": "x"}):
        assert ask("POST", f"/api/alerts/{alert.pk}", key, wrong).status_code == 400


def test_who_may_not_write_alerts_sees_no_more_of_a_webhook_than_its_host(key: str, alert: Alert) -> None:
    viewer = token(Role.VIEWER)
    for path in ("/api/alerts", f"/api/alerts/{alert.pk}"):
        assert "s3cret" in ask("GET", path, key).content.decode()
        seen = ask("GET", path, viewer).content.decode()
        assert "s3cret" not in seen
        assert "hook.example" in seen
