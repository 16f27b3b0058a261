"""Before and after where it is not plain: edges of the data, nights in which clocks change, days long, stores away."""

import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import Dataset
from analytics.store.client import Store
from tests.fleet.ports import free_port
from tests.webui.shop_data import DAY, HOUR, START, publish
from webui.curves import waiting
from webui.tasks.models import Task

pytestmark = [pytest.mark.db, pytest.mark.django_db]
AsPerson = Callable[[str], Client]
TaskAt = Callable[..., Task]


def text_of(answer: Any) -> str:
    """Give a page's words in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).replace("\xa0", " ").split())


def card(client: Client, task: Task, **query: str) -> str:
    answer = client.get(reverse("task-effect", args=[task.pk]), {"d": "shop"} | query)
    assert answer.status_code == 200, answer.content[:1000]
    return text_of(answer)


def slots(client: Client, task: Task) -> list[str]:
    """Give the datasets that a task's page has a card for."""
    page = client.get(reverse("task", args=[task.pk])).content.decode()
    return re.findall(r"/effect/\?d=(\w+)", page)


@pytest.mark.parametrize(
    ("begin", "end", "said"),
    [
        (0, 60, "Not enough data: they begin at 1 Nov 00:00."),
        (HOUR, HOUR + 60, "Not enough data: they begin at 1 Nov 00:00."),
        (2 * HOUR, 2 * HOUR + 60, "PV "),
        (10 * DAY - 2 * HOUR, 10 * DAY - 2 * HOUR, "PV "),
        (10 * DAY - 2 * HOUR, 10 * DAY - 2 * HOUR + 1, "these hours are over at 11 Nov 00:00."),
        (10 * DAY + HOUR, 10 * DAY + HOUR, "Not enough data: they end at 11 Nov 00:00; these hours are over at"),
    ],
)
def test_a_task_at_the_edge_of_the_data_says_what_is_missing(
    store: Store, as_person: AsPerson, task_at: TaskAt, begin: int, end: int, said: str
) -> None:
    publish(store, [10] * 24 * 10)
    client, task = as_person("zhao.min"), task_at(START + begin, START + end)
    assert slots(client, task) == ["shop"]
    assert said in card(client, task)


def test_a_task_after_the_latest_rows_has_a_card_for_a_day_and_none_later(
    store: Store, as_person: AsPerson, task_at: TaskAt
) -> None:
    publish(store, [10] * 24 * 10)
    client = as_person("zhao.min")
    assert slots(client, task_at(START + 10 * DAY + 20 * HOUR)) == ["shop"]
    assert slots(client, task_at(START + 11 * DAY + HOUR)) == []
    assert slots(client, task_at(START - 60)) == []


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Europe/Berlin", "2017-10-29T02:30"),  # comes twice
        ("America/Havana", "2017-11-05T00:30"),  # midnight comes twice
        ("Australia/Lord_Howe", "2017-10-01T02:10"),  # half an hour that is not there
    ],
)
@pytest.mark.parametrize("fold", [0, 1])
def test_a_night_in_which_the_clock_changes_is_like_no_other_and_that_is_said(
    store: Store, as_person: AsPerson, task_at: TaskAt, zone: str, night: str, fold: int
) -> None:
    at = int(datetime.fromisoformat(night).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())
    begin = (at - 45 * DAY) // DAY * DAY
    publish(store, [10] * 24 * 50, zone=zone, start=begin)
    text = card(as_person("zhao.min"), task_at(at, at + 60), hours="3")
    assert "PV 0.0%. What is usual in these hours is not known: no week before can be compared." in text
    assert zone in text


def test_the_week_in_which_the_clock_changed_is_left_out(store: Store, as_person: AsPerson, task_at: TaskAt) -> None:
    sunday = int(datetime(2017, 11, 5, 4, 0, tzinfo=ZoneInfo("Europe/Berlin")).timestamp())
    publish(store, [10] * 24 * 45, zone="Europe/Berlin", start=(sunday - 40 * DAY) // DAY * DAY)
    assert "4 weeks before" in card(
        as_person("zhao.min"), task_at(sunday, sunday), hours="3"
    )  # of 5: not that of 29 Oct


def test_hours_that_reach_into_another_day_name_both(store: Store, as_person: AsPerson, task_at: TaskAt) -> None:
    publish(store, [10] * 24 * 20)
    midnight = START + 10 * DAY
    text = card(as_person("zhao.min"), task_at(midnight - HOUR, midnight - HOUR))
    assert "Fri 10 Nov 21:00 to 23:00" in text
    assert "Fri 10 Nov 23:00 to Sat 11 Nov 01:00" in text


def test_a_task_of_several_days_is_compared_with_weeks_that_were_over(
    store: Store, as_person: AsPerson, task_at: TaskAt
) -> None:
    publish(store, [10] * 24 * 40)
    client, begin = as_person("zhao.min"), START + 30 * DAY
    assert "4 weeks before" in card(client, task_at(begin, begin + 60))
    assert "3 weeks before" in card(client, task_at(begin, begin + 8 * DAY))  # the week before had not ended then


@pytest.mark.parametrize(
    ("values", "marked", "shown"),
    [
        ({"state": "ended", "cancelled": True}, True, True),
        ({"state": "ended", "cancelled": True, "started_at": None}, False, False),  # before it began
        ({"state": "queued", "started_at": None, "ended_at": None}, False, False),
        ({"state": "held", "ended_at": None}, True, False),
        ({"state": "cancelling", "ended_at": None}, True, False),
        ({"state": "running", "ended_at": None}, True, False),
    ],
)
def test_what_has_not_begun_is_not_marked_and_what_has_not_ended_has_no_card(
    store: Store, as_person: AsPerson, task_at: TaskAt, values: dict[str, Any], marked: bool, shown: bool
) -> None:
    publish(store, [10] * 24 * 10)
    at = START + 9 * DAY
    given = dict(values)
    if given.pop("cancelled", False):
        given["cancel_at"] = datetime.fromtimestamp(at, UTC)
    task, client = task_at(at, at + 60, **given), as_person("zhao.min")
    assert slots(client, task) == (["shop"] if shown else [])
    table = text_of(client.get(reverse("curves-effects"), {"d": "shop", "range": "7d"}))
    assert ("Restart a service: nginx" in table) is marked
    assert ("It has not ended." in table) is (marked and not shown)
    if not shown:
        assert client.get(reverse("task-effect", args=[task.pk]), {"d": "shop"}).status_code == 404


def test_hundreds_of_tasks_in_an_hour_are_compared_and_counted(
    store: Store, as_person: AsPerson, task_at: TaskAt
) -> None:
    publish(store, [10] * 24 * 30)
    for n in range(200):
        task_at(START + 29 * DAY + n * 18, hosts=1 + n % 3)
    text = text_of(as_person("zhao.min").get(reverse("curves-effects"), {"d": "shop", "range": "7d"}))
    assert text.count("Restart a service: nginx") == 60
    assert "140 more are left out" in text


def test_times_are_those_of_the_datasets_zone_whoever_looks(
    store: Store, as_person: AsPerson, task_at: TaskAt, settings: Any
) -> None:
    publish(store, [10] * 24 * 20, zone="Asia/Shanghai")
    task = task_at(START + 10 * DAY, START + 10 * DAY)
    texts = set()
    for zone in ("UTC", "America/New_York"):
        settings.TIME_ZONE = zone
        texts.add(re.sub(r"computed .*", "", card(as_person("zhao.min"), task)))
    assert len(texts) == 1
    assert "Sat 11 Nov 06:00 to 08:00" in texts.pop()


def test_a_dataset_that_is_removed_while_a_page_is_open_is_said_in_its_card(
    store: Store, as_person: AsPerson, task_at: TaskAt
) -> None:
    publish(store, [10] * 24 * 10)
    client, task = as_person("zhao.min"), task_at(START + 5 * DAY)
    Dataset.objects.all().delete()
    for url in (reverse("task-effect", args=[task.pk]), reverse("curves-effects"), reverse("curves-today")):
        answer = client.get(url, {"d": "shop"})
        assert answer.status_code == 404
        assert "shop was removed" in text_of(answer)
        assert "<html" not in answer.content.decode()
    assert slots(client, task) == []


@pytest.fixture
def away(settings: Any) -> None:
    """Have a store at whose address nobody listens."""
    settings.ANALYTICS_URL = f"http://default@127.0.0.1:{free_port()}"


@pytest.fixture
def silent(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a store that takes a question and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.ANALYTICS_URL = f"http://default@127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(waiting, "SECONDS", 0.5)
        yield


@pytest.fixture
def covered(task_at: TaskAt) -> Task:
    """Give a task in the hours of a dataset, without asking any store."""
    Dataset.objects.create(
        name="shop", zone="UTC", version=1, rows=1, users=1, first_ts=START, last_ts=START + 20 * DAY
    )
    return task_at(START + 10 * DAY)


@pytest.mark.usefixtures("away")
def test_a_store_that_is_away_costs_a_tasks_page_nothing(covered: Task, as_person: AsPerson) -> None:
    client = as_person("zhao.min")
    assert slots(client, covered) == ["shop"]
    answer = client.get(reverse("task-effect", args=[covered.pk]), {"d": "shop"})
    assert answer.status_code == 503
    assert "Tasks are not affected." in text_of(answer)
    assert "Try again" in text_of(answer)
    assert client.get("/").status_code == 200


@pytest.mark.usefixtures("silent")
def test_a_store_that_does_not_answer_is_waited_for_no_longer_than_a_while(covered: Task, as_person: AsPerson) -> None:
    client = as_person("zhao.min")
    assert slots(client, covered) == ["shop"]
    for url in (reverse("task-effect", args=[covered.pk]), reverse("curves-today")):
        answer = client.get(url, {"d": "shop"})
        assert answer.status_code == 503
        assert "It gave no answer within" in text_of(answer)
        assert "Try again" in text_of(answer)


def test_a_hostile_title_is_only_text(store: Store, as_person: AsPerson, task_at: TaskAt) -> None:
    publish(store, [10] * 24 * 10)
    task_at(START + 9 * DAY, title="</script><img src=x onerror=alert(1)>\u202e")
    client = as_person("zhao.min")
    for url in (
        reverse("curves-effects") + "?d=shop&range=7d",
        reverse("curves-today") + "?d=shop",
        reverse("report-card", args=["activity"]) + "?d=shop&range=7d",
        reverse("dashboard", args=["shop-overview"]) + "?d=shop&range=7d",
        reverse("dataset-concern", args=["shop"]),
    ):
        assert "<img src=x" not in client.get(url).content.decode(), url
