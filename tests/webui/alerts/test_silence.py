"""An alert on silence: judged by the clock, told once when it begins and once when data come again."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from analytics.models import Dataset
from tests.fleet.smtp import Sink
from tests.webui.shop_data import HOUR
from webui.alerts import judging, silence, telling
from webui.alerts.models import Alert, Delivery, Firing

pytestmark = [pytest.mark.db, pytest.mark.django_db]
Make = Callable[..., Alert]


@pytest.fixture
def silent(alert_on: Make, publish: Callable[..., Dataset]) -> Alert:
    """Give an alert after 6 hours on data that ended 7 hours ago."""
    start = int(timezone.now().timestamp()) // HOUR * HOUR - 30 * HOUR
    return alert_on(dataset=publish([10] * 24, start=start), rule="silent", limit=6, mails=["a@b.example"])


def look() -> None:
    silence.judge_silent(threading.Event())
    judging.judge_due(threading.Event())


def test_it_fires_once_without_any_new_version_and_ends_when_data_come(
    silent: Alert, publish: Callable[..., Dataset], mail: Sink
) -> None:
    Dataset.objects.update(last_ts=int((timezone.now() - timedelta(hours=5)).timestamp()))
    look()
    silent.refresh_from_db()
    assert (silent.state, Firing.objects.count()) == ("ok", 0)
    Dataset.objects.update(last_ts=int((timezone.now() - timedelta(hours=7.5)).timestamp()))
    look()
    look()
    silent.refresh_from_db()
    assert (silent.state, Firing.objects.count(), Delivery.objects.count()) == ("firing", 1, 1)
    Dataset.objects.update(last_ts=int((timezone.now() - timedelta(hours=1.5)).timestamp()))
    look()
    silent.refresh_from_db()
    assert (silent.state, list(Delivery.objects.values_list("kind", flat=True))) == ("ok", ["begin", "end"])
    telling.tell_due(threading.Event())
    begun, over = mail.mails
    assert "shop: the newest row is 7 hours old, of " in begun["Subject"]
    text = begun.get_body().get_content()  # type: ignore[union-attr]
    assert "Rule: no new data for 6 hours" in text
    assert "/datasets/shop/" in text
    assert not list(begun.iter_attachments())
    assert "Over: " in over["Subject"]
    assert "the newest row is 1 hour old" in over["Subject"]


def test_a_worker_that_was_slower_tells_nothing(silent: Alert) -> None:
    twice = Alert.objects.select_related("dataset").get(pk=silent.pk)
    assert silence.settle(Alert.objects.select_related("dataset").get(pk=silent.pk), timezone.now())
    assert not silence.settle(twice, timezone.now())
    assert Delivery.objects.count() == 1


def test_one_that_is_switched_off_or_of_an_empty_dataset_is_not_judged(silent: Alert) -> None:
    Alert.objects.update(active=False)
    look()
    Alert.objects.update(active=True)
    Dataset.objects.update(version=0)
    look()
    assert Firing.objects.count() == 0


def test_its_form_takes_hours_and_its_pages_say_them(silent: Alert, as_person: Callable[[str], Client]) -> None:
    client = as_person("chen.jie")
    given: dict[str, Any] = {
        "name": "Silence", "dataset": silent.dataset_id, "metric": "pv", "unit": "hour", "rule": "silent", "limit": "6",
        "where": "nonsense",
    }  # fmt: skip
    for wrong in ("", "0", "-1", "9000", "x"):
        assert "limit" in client.post("/dashboards/-/alerts/add/", given | {"limit": wrong}).context["form"].errors
    assert client.post("/dashboards/-/alerts/add/", given).status_code == 302
    assert Alert.objects.get(name="Silence").where == []
    look()
    for address in ("/dashboards/-/alerts/", f"/dashboards/-/alerts/{silent.pk}/"):
        assert "no new data for 6 hours" in client.get(address).content.decode()
    assert "the newest row is 7 hours old" in client.get(f"/dashboards/-/alerts/{silent.pk}/").content.decode()
