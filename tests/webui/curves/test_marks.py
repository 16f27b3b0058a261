"""What stands on the time axis: which tasks and notes, in which order, under which name, and at which place."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from analytics.models import Dataset
from webui.curves.marks import Mark, letters, on
from webui.dashboards.models import Note
from webui.tasks.models import Task

LOW = 1_511_539_200  # 2017-11-24 16:00 UTC, the first second of 25 November in Shanghai
HIGH = LOW + 9 * 86_400

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def task(ts: int, **more: Any) -> Task:
    at = datetime.fromtimestamp(ts, UTC)
    usual = {"module": "restart_service", "title": "Restart a service: nginx", "digest": "f" * 64, "risk": "change",
             "selector": "app=www", "timeout": 60, "hosts": 3, "state": "ended", "created_at": at, "started_at": at,
             "ended_at": at + timedelta(seconds=30), "totals": {"ok": 3}}  # fmt: skip
    return Task.objects.create(**{**usual, **more})


def note(ts: int, text: str = "11.11 sale", dataset: str = "shop") -> Note:
    return Note.objects.create(dataset=dataset, ts=ts, text=text, author_name="wang.fang")


@pytest.fixture
def shop() -> Dataset:
    return Dataset.objects.create(name="shop", zone="Asia/Shanghai")


def test_tasks_that_change_something_are_marked_oldest_first_and_notes_after_them(shop: Dataset) -> None:
    second = task(
        LOW + 500, risk="destroy", title="Remove a package: nginx", hosts=1200, totals={"failed": 2, "ok": 1198}
    )
    first = task(LOW)
    later = note(LOW + 900, "after")
    sooner = note(LOW + 100)
    found = on(shop, LOW, HIGH)
    assert [(mark.label, mark.kind, mark.pk) for mark in found] == [
        ("A", "task", first.pk), ("B", "task", second.pk), ("1", "note", sooner.pk), ("2", "note", later.pk),
    ]  # fmt: skip
    assert found.left_out == 0
    assert found[1] == Mark(
        ts=LOW + 500, label="B", kind="task", pk=second.pk, text="Remove a package: nginx",
        detail="1,200 servers · 2 failed", url=f"/tasks/{second.pk}/", outcome="failed", end=LOW + 530,
    )  # fmt: skip
    assert (found[2].text, found[2].detail) == ("11.11 sale", "Note by wang.fang")


@pytest.mark.parametrize("more", [{"risk": "read"}, {"check_only": True}, {"started_at": None}])
def test_what_changed_nothing_is_not_marked(shop: Dataset, more: dict[str, Any]) -> None:
    task(LOW, **more)
    assert on(shop, LOW, HIGH) == []


def test_the_range_is_half_open(shop: Dataset) -> None:
    for ts in (LOW - 1, LOW, HIGH - 1, HIGH):
        task(ts)
        note(ts)
    assert [mark.ts for mark in on(shop, LOW, HIGH)] == [LOW, HIGH - 1] * 2


def test_notes_of_another_dataset_are_not_marked(shop: Dataset) -> None:
    note(LOW, dataset="other")
    assert on(shop, LOW, HIGH) == []


def test_of_too_many_tasks_the_largest_are_marked_and_the_others_counted(
    shop: Dataset, django_assert_num_queries: Any
) -> None:
    for place in range(64):
        task(LOW + place, hosts=1 + place % 8)
        note(LOW + place)
    with django_assert_num_queries(2):
        found = on(shop, LOW, HIGH)
    tasks = [mark for mark in found if mark.kind == "task"]
    assert (len(tasks), len(found), found.left_out) == (60, 120, 8)
    assert sum(mark.detail.startswith("1 server ") for mark in tasks) == 4  # of eight; all that have more are there
    assert [mark.ts for mark in tasks] == sorted(mark.ts for mark in tasks)
    assert (tasks[25].label, tasks[26].label, tasks[59].label) == ("Z", "AA", "BH")


def test_letters_go_on_as_in_a_spreadsheet() -> None:
    assert [letters(place) for place in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


def test_seconds_that_no_calendar_has_ask_as_well(shop: Dataset) -> None:
    task(LOW)
    assert [mark.label for mark in on(shop, -(10**15), 10**15)] == ["A"]


def test_the_link_of_a_note_leads_to_it(shop: Dataset, client: Any) -> None:
    written = note(LOW, "<b>sale</b>")
    client.force_login(User.objects.create_user("eva"))
    (mark,) = on(shop, LOW, HIGH)
    address, _sign, anchor = mark.url.partition("#")
    page = client.get(address).content.decode()
    assert f'id="{anchor}"' in page
    assert "&lt;b&gt;sale&lt;/b&gt;" in page
    assert anchor == f"note-{written.pk}"
