"""Alerts are judged once for each complete bucket; what begins and ends is written once, whoever judges."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from analytics.connected import connected
from analytics.models import Dataset
from analytics.store.client import Store
from analytics.store.errors import StoreAwayError
from tests.webui.shop_data import HOUR, START
from webui.alerts import judging, rules
from webui.alerts.models import Alert, Delivery, Firing
from webui.tasks.models import Task

pytestmark = [pytest.mark.db]
once = pytest.mark.django_db
apart = pytest.mark.django_db(transaction=True)
Make = Callable[..., Alert]
Publish = Callable[..., Dataset]


def look() -> None:
    judging.judge_due(threading.Event())


def story() -> list[tuple[str, str]]:
    return list(Firing.objects.order_by("pk").values_list("bucket", "end_bucket"))


@once
def test_a_new_alert_judges_the_latest_complete_bucket_only(alert_on: Make, publish: Publish) -> None:
    alert = alert_on(dataset=publish([10, 1, 10, 10]), mails=["a@b.example"])
    look()
    alert.refresh_from_db()
    assert (alert.state, alert.judged, alert.seen, story()) == ("ok", START + 4 * HOUR, 1, [])


@once
def test_it_begins_once_and_ends_once_and_both_are_told(alert_on: Make, publish: Publish) -> None:
    alert = alert_on(mails=["a@b.example", "c@d.example"], webhook="https://hook.example/")
    look()
    publish([10] * 24 + [2, 1, 3])
    look()
    look()
    assert story() == [("2017-11-02T00:00", "")]
    publish([10] * 24 + [2, 1, 3, 1, 10, 11])
    look()
    assert story() == [("2017-11-02T00:00", "2017-11-02T04:00")]
    told = Delivery.objects.order_by("pk").values_list("kind", "channel", "state")
    assert list(told) == [(k, c, "waiting") for k in ("begin", "end") for c in ("mail", "mail", "webhook")]
    alert.refresh_from_db()
    assert (alert.state, alert.judged) == ("ok", START + 30 * HOUR)


@once
def test_an_hour_that_is_not_over_is_not_judged(alert_on: Make, publish: Publish) -> None:
    alert = alert_on()
    look()
    dataset = publish([10] * 24 + [1])
    dataset.valid_to = None  # nobody says that the hour is over
    dataset.save()
    look()
    alert.refresh_from_db()
    assert (story(), alert.judged) == ([], START + 24 * HOUR)


@once
def test_an_hour_with_a_row_whose_clock_is_fast_is_judged_when_it_is_over(alert_on: Make, publish: Publish) -> None:
    alert = alert_on()
    look()
    dataset = publish([10] * 24 + [1])
    dataset.read_ts = START + 24 * HOUR + 60  # its hour has just begun
    dataset.save()
    look()
    alert.refresh_from_db()
    assert (story(), alert.judged) == ([], START + 24 * HOUR)
    dataset = publish([10] * 25)
    dataset.read_ts = START + 25 * HOUR
    dataset.save()
    look()
    alert.refresh_from_db()
    assert (story(), alert.judged) == ([], START + 25 * HOUR)


@once
def test_all_that_came_at_once_is_judged_in_order(alert_on: Make, publish: Publish) -> None:
    alert_on()
    look()
    publish([10] * 24 + [1, 10, 1, 10])
    look()
    assert story() == [("2017-11-02T00:00", "2017-11-02T01:00"), ("2017-11-02T02:00", "2017-11-02T03:00")]


@once
@pytest.mark.parametrize(
    ("rule", "limit", "last", "fires"),
    [
        ("below", 5, 4, True), ("below", 5, 5, False), ("above", 20, 21, True), ("above", 20, 20, False),
        ("drop", 20, 8, True), ("drop", 20, 9, False), ("rise", 50, 15, True), ("rise", 50, 14, False),
        ("anomaly", None, 40, True), ("anomaly", None, 10, False),
    ],
)  # fmt: skip
def test_each_rule_fires_at_its_line(
    alert_on: Make, publish: Publish, rule: str, limit: float | None, last: int, fires: bool
) -> None:
    alert_on(dataset=publish([10] * (6 * 7 * 24) + [last]), rule=rule, limit=limit)
    look()
    assert bool(story()) is fires


@once
def test_a_rate_is_judged_in_percent_and_keeps_what_it_was_divided_by(alert_on: Make, publish: Publish) -> None:
    alert_on(dataset=publish([50], buys=10), metric="user conversion", rule="below", limit=25)
    look()
    firing = Firing.objects.get()
    assert (firing.facts["value"], firing.facts["numerator"], firing.facts["denominator"]) == (0.2, 10, 50)


@once
def test_days_are_judged_like_hours(alert_on: Make, publish: Publish) -> None:
    alert_on(dataset=publish([1] * 24 + [10] * 5), unit="day", rule="below", limit=30)
    look()
    assert story() == [("2017-11-01", "")]


@once
def test_what_fires_says_where_it_came_from_flagged_or_not(alert_on: Make, publish: Publish) -> None:
    alert_on(dataset=publish([9 + hour // 168 for hour in range(6 * 168)] + [8]), rule="below", limit=9)
    look()
    facts = Firing.objects.get().facts
    assert (facts["flagged"], facts["sure"]) == (0, 1)
    assert "from fewer users" in facts["why"]
    assert facts["moved"].startswith("behaviour: pv -4")


@once
def test_filters_hold(alert_on: Make) -> None:
    alert_on(where=["city=Rome"], rule="below", limit=1)
    look()
    assert Firing.objects.get().facts["value"] == 0


@once
def test_a_filter_that_no_longer_fits_is_said_and_nothing_fires(alert_on: Make) -> None:
    alert = alert_on(where=["colour=red"])
    look()
    alert.refresh_from_db()
    assert "colour" in alert.problem
    assert not story()


@once
def test_a_store_that_is_away_is_asked_again_later(alert_on: Make, monkeypatch: Any) -> None:
    alert = alert_on(limit=50)

    def away() -> Store:
        raise StoreAwayError("the analytics store does not run")

    monkeypatch.setattr(judging, "connected", away)
    look()
    alert.refresh_from_db()
    assert (alert.problem, alert.seen) == ("the analytics store does not run", 0)
    monkeypatch.undo()
    look()
    assert not story()  # not before its time
    Alert.objects.update(look_at=timezone.now())
    look()
    assert len(story()) == 1
    alert.refresh_from_db()
    assert alert.problem == ""


@apart
def test_two_workers_that_judge_the_same_write_it_once(alert_on: Make, publish: Publish) -> None:
    alert_on(mails=["a@b.example"])
    look()
    publish([10] * 24 + [1])
    store, now = connected(), timezone.now()
    seen_by = [Alert.objects.select_related("dataset").get() for _ in range(4)]
    meet, results = threading.Barrier(4), []

    def work(alert: Alert) -> None:
        core = alert.dataset.as_core()
        buckets = judging.new_buckets(store, alert, core, now.timestamp())
        meet.wait()
        results.append(judging.settle(alert, buckets, "", seen=core.version, now=now))
        connection.close()

    threads = [threading.Thread(target=work, args=(alert,)) for alert in seen_by]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, False, False, True]
    assert (len(story()), Delivery.objects.count()) == (1, 1)


@once
def test_who_judged_what_a_person_has_changed_meanwhile_writes_nothing(alert_on: Make) -> None:
    alert = alert_on(limit=50)
    buckets = judging.new_buckets(connected(), alert, alert.dataset.as_core(), 0)
    Alert.objects.update(revision=2)
    assert not judging.settle(alert, buckets, "", seen=1, now=timezone.now())
    assert not story()


@once
def test_a_firing_names_the_tasks_that_began_within_one_bucket(alert_on: Make, publish: Publish) -> None:
    from datetime import UTC, datetime

    for hour in (21, 23, 26):
        at = datetime.fromtimestamp(START + hour * HOUR + 60, UTC)
        Task.objects.create(
            module="restart_service", title=f"Restart {hour}", digest="f" * 64, risk="change", selector="app=www",
            timeout=60, hosts=3, state="ended", created_at=at, started_at=at, ended_at=at, totals={"ok": 3},
        )  # fmt: skip
    alert_on()
    look()
    publish([10] * 24 + [1])
    look()
    assert [task["text"] for task in Firing.objects.get().facts["tasks"]] == ["Restart 23"]


@once
def test_conditions_are_sentences(alert_on: Make) -> None:
    alert = alert_on(metric="user conversion", rule="below", limit=2.5)
    assert rules.condition(alert) == "Buyers / UV of an hour is below 2.5%"
    alert.metric, alert.rule, alert.limit, alert.unit = "pv", "above", 12_000.0, "day"
    assert rules.condition(alert) == "PV of a day is above 12,000"
