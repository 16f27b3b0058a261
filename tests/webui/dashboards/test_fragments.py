"""The main figures, what is unusual, and marks, from a real store: the numbers are those of the events."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.conf import settings as project
from django.db import connection

from analytics.models import Dataset
from analytics.store.client import Store
from analytics.store.reach import reached
from tests.webui.shop_data import DAY, START, publish
from webui.dashboards.models import Note
from webui.reports import changes, later
from webui.tasks.models import Task

# fragments ask the database in threads of their own
pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    with reached(project.HOME) as found:
        yield found


def words(answer: Any) -> str:
    """Give a fragment's text in one line."""
    text = re.sub(r"<svg.*?</svg>|<[^>]+>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(text).replace("\u00a0", " ").split())


def task(ts: int) -> Task:
    at = datetime.fromtimestamp(ts, UTC)
    return Task.objects.create(
        module="m", title="Sync application file: nginx", digest="f" * 64, risk="change", selector="app=www",
        timeout=60, hosts=3, state="ended", created_at=at, started_at=at, ended_at=at, totals={"ok": 3},
    )  # fmt: skip


def test_the_figures_are_those_of_the_events_beside_those_before(store: Store, as_person: Any) -> None:
    publish(store, [10] * 24 * 7 + [20] * 24 * 7, buys=100, users=10)
    client = as_person("zhao.min")
    traffic = words(client.get("/dashboards/-/figures/traffic/?d=shop&range=7d"))
    assert traffic == (
        "PV 3,360 up +100.0% before: 1,680 UV 10 0.0% before: 10 PV per user 336 up +100.0% before: 168"
        " Buyers / UV 0.0% down −100.0 pt before: 100.0%"
    )
    new = words(client.get("/dashboards/-/figures/new/?d=shop&range=7d"))
    assert new == "New share 0.0% down −100.0 pt before: 100.0%"
    visits = words(client.get("/dashboards/-/figures/visits/?d=shop&range=7d"))
    assert re.match(r"Visit length \d+ s", visits)


def test_what_cannot_be_answered_stays_in_its_part(store: Store, as_person: Any) -> None:
    publish(store, [10] * 24 * 2)
    Dataset.objects.create(name="new")
    client = as_person("zhao.min")
    for query, status, said in (
        ("d=shop&from=2016-01-01&to=2016-01-02", 200, "no row"),
        ("d=shop&where=colour=red", 400, "colour"),
        ("d=shop&range=%3Cscript%3E", 400, "not offered"),
        ("d=new", 200, "no rows yet"),
    ):
        for part in ("figures/traffic", "unusual"):
            answer = client.get(f"/dashboards/-/{part}/?{query}")
            assert (answer.status_code, "<script>" in answer.content.decode()) == (status, False)
            assert said in words(answer)
            assert b"om-card" in answer.content  # without it the page would not take it for a card
    assert client.get("/dashboards/-/figures/other/?d=shop").status_code == 404
    assert client.get("/dashboards/-/unusual/?d=nowhere").status_code == 404


def test_a_day_that_is_unusual_is_named_with_its_cause_and_the_tasks_near_it(store: Store, as_person: Any) -> None:
    rates = [n % 3 + 9 for n in range(24 * 7 * 5)]
    rates[-24:] = [4] * 24  # the last day, a Tuesday
    publish(store, rates, users=12)
    last = START + DAY * 34
    near = task(last - 3600)
    task(last - 5 * DAY)
    text = words(as_person("zhao.min").get("/dashboards/-/unusual/?d=shop&range=14d"))
    assert text.startswith("Tue 5 Dec: PV 60.0% below a usual Tuesday")
    assert "Against the most usual of them: " in text
    assert f"Task B {near.title}" in text
    assert "Task A" not in text
    assert "Timing is not proof of cause." in text


def test_a_thread_that_waits_for_the_store_asks_no_database(
    store: Store, as_person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It outlasts every connection that a server closes after hours of silence."""
    asked: list[str] = []
    spoken = later._spoken

    def watched(*work: Any) -> Any:
        def noted(execute: Any, sql: str, *rest: Any) -> Any:
            asked.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(noted):
            return spoken(*work)

    monkeypatch.setattr(later, "_spoken", watched)
    publish(store, [n % 3 + 9 for n in range(24 * 7 * 5 - 24)] + [4] * 24, users=12, buys=100)
    task(START + DAY * 34 - 3600)
    client = as_person("zhao.min")
    paths = [f"dashboards/-/{part}" for part in ("unusual", "figures/traffic", "figures/new")]
    paths += [f"reports/{name}/card" for name in ("overview", "activity", "retention", "funnel", "anomalies", "paths")]
    for path in (*(f"{path}/" for path in paths), "curves/effects/", "reports/overview/file.csv"):
        assert client.get(f"/{path}?d=shop&range=14d").status_code == 200, path
    assert asked == []


def test_unusual_days_are_told_to_the_curves_by_their_first_seconds(store: Store, as_person: Any) -> None:
    rates = [n % 3 + 9 for n in range(24 * 7 * 5)]
    rates[-24:] = [4] * 24
    publish(store, rates, users=12)
    box = as_person("zhao.min").get("/dashboards/-/unusual/?d=shop&range=14d").content.decode()
    assert f'data-unusual="pv" data-times="{START + DAY * 34}"' in box


def test_a_day_that_is_not_over_says_to_which_hour_its_data_reach(store: Store, as_person: Any) -> None:
    publish(store, [10] * (24 * 3 + 14))
    client = as_person("zhao.min")
    for by, said in (("day", "day not over: to 14:00"), ("week", "not over: to 4\u00a0Nov")):
        card = client.get(f"/reports/activity/card/?d=shop&from=2017-11-01&by={by}").content.decode()
        plot = json.loads(re.search(r'<script id="[^"]+" type="application/json">(.*?)</script>', card).group(1))  # type: ignore[union-attr]
        assert plot["words"]["open"] == said
    card = client.get("/reports/activity/card/?d=shop&from=2017-11-01&to=2017-11-03T12:00").content.decode()
    assert '"open": "only partly in the range"' in card


def test_a_range_without_anything_unusual_says_so(store: Store, as_person: Any) -> None:
    publish(store, [n % 3 + 9 for n in range(24 * 7 * 5)])
    text = words(as_person("zhao.min").get("/dashboards/-/unusual/?d=shop&range=7d"))
    assert text == "None of the 7 days that can be judged is unusual."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("5 Dec: PV -60%; 65% of it from fewer users, 35% from fewer pages for each",
         "65% of the change from fewer users, 35% from fewer pages for each."),
        ("5 Dec: PV +60%; users +80%, pages for each -11%", "users +80%, pages for each −11%."),
        ("5 Dec: PV unchanged", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_the_cause_is_said_in_the_reader_s_words(text: str, said: str) -> None:
    assert changes.why(text) == said


def test_marks_stand_at_their_part_of_a_day_that_the_clock_made_shorter(store: Store, as_person: Any) -> None:
    # Berlin, 26 March 2017: the clock goes from 2:00 to 3:00, so that noon is 11 hours after midnight
    start = int(datetime(2017, 3, 24, 23, tzinfo=UTC).timestamp())
    publish(store, [5] * 71, name="berlin", zone="Europe/Berlin", start=start)
    noon = int(datetime(2017, 3, 26, 10, tzinfo=UTC).timestamp())
    task(noon)
    Note.objects.create(dataset="berlin", ts=noon + 86_400, text="sale", author_name="eva")
    page = as_person("zhao.min").get("/dashboards/berlin-overview/?range=all").content.decode()
    assert "26 Mar" in page.replace("\u00a0", " ")
    assert "12:00" in page
    url = next(unescape(url) for url in re.findall(r'data-card="([^"]+)"', page) if "activity" in url)
    card = as_person("zhao.min").get(url).content.decode()
    plot = json.loads(re.search(r'<script id="[^"]+" type="application/json">(.*?)</script>', card).group(1))  # type: ignore[union-attr]
    assert [mark["label"] for mark in plot["marks"]] == ["A", "1"]
    assert [mark["at"] for mark in plot["marks"]] == [pytest.approx(1 + 11 / 23), pytest.approx(2.5)]


def test_a_letter_means_one_task_on_all_cards_of_a_page(store: Store, as_person: Any) -> None:
    publish(store, [5] * 24 * 14)  # from Wednesday, 1 November
    for day in (1, 5, 9):
        task(START + day * DAY)
    client = as_person("zhao.min")
    page = client.get("/dashboards/shop-overview/?d=shop&from=2017-11-05&to=2017-11-15").content.decode()
    listed = re.findall(r'href="/tasks/(\d+)/".*?</span>(\w+)</span>', page)
    drawn = {}
    for by in ("day", "week"):  # the first week begins before the range
        card = client.get(f"/reports/activity/card/?d=shop&from=2017-11-05&to=2017-11-15&by={by}").content.decode()
        plot = json.loads(re.search(r'<script id="[^"]+" type="application/json">(.*?)</script>', card).group(1))  # type: ignore[union-attr]
        drawn[by] = [(re.sub(r"\D", "", mark["url"]), mark["label"]) for mark in plot["marks"]]
    assert [label for _task, label in listed] == ["A", "B"]
    assert drawn == {"day": listed, "week": listed}
