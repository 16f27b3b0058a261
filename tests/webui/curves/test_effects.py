"""Before and after tasks on pages: numbers, what is usual, and a plain word where the data cannot say."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import Dataset
from analytics.store.client import Store
from tests.webui.shop_data import DAY, HOUR, START, publish
from webui.tasks.models import Task

pytestmark = [pytest.mark.db, pytest.mark.django_db]
AsPerson = Callable[[str], Client]
TaskAt = Callable[..., Task]
QUIET, LIVELY = 10, 20


def weeks(store: Store, *, drop: int = 0, **more: Any) -> Dataset:
    """Publish six weeks and a day; from each noon on twice as many views; on the last day `drop` fewer then."""
    day = [QUIET] * 12 + [LIVELY] * 12
    last = [QUIET] * 12 + [LIVELY - drop] * 12
    return publish(store, day * 42 + last, users=5, **more)


NOON = START + 42 * DAY + 12 * HOUR


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def card(client: Client, task: Task, **query: str) -> str:
    answer = client.get(reverse("task-effect", args=[task.pk]), {"d": "shop"} | query)
    assert answer.status_code == 200, answer.content[:1000]
    return text_of(answer)


def test_what_the_hours_always_do_is_not_the_tasks_doing(store: Store, as_person: AsPerson, task_at: TaskAt) -> None:
    weeks(store)
    text = card(as_person("zhao.min"), task_at(NOON, NOON))
    assert "PV 0.0% beyond usual, within the usual spread" in text
    assert "usual: the same hours of the weekday, 6 weeks before" in text
    assert "Timing is not proof of cause." in text


def test_a_drop_says_how_much_of_it_came_from_where(store: Store, as_person: AsPerson, task_at: TaskAt) -> None:
    weeks(store, drop=10)
    text = card(as_person("zhao.min"), task_at(NOON, NOON))
    assert "PV −50.0% beyond usual. 0% of it from fewer users, 100% from fewer pages for each." in text
    assert '<td class="om-num">20</td><td class="om-num">20</td>' in text
    assert 'data-good="no"' in text
    assert "0 / 5" in text  # buyers of users: a rate shows what it was divided from


def test_hours_on_each_side_are_asked_for(store: Store, as_person: AsPerson, task_at: TaskAt) -> None:
    weeks(store)
    client, task = as_person("zhao.min"), task_at(NOON, NOON)
    assert "6 hours on each side" in card(client, task, hours="6")
    for wrong in ("0", "25", "x", "-1", "9" * 40, "٣"):
        answer = client.get(reverse("task-effect", args=[task.pk]), {"d": "shop", "hours": wrong})
        assert answer.status_code == 400
        assert "is no number of hours" in text_of(answer)


def test_hours_that_are_not_over_are_said_with_when_they_are(
    store: Store, as_person: AsPerson, task_at: TaskAt
) -> None:
    weeks(store)
    late = START + 43 * DAY - HOUR
    text = card(as_person("zhao.min"), task_at(late, late))
    assert "Not enough data: they end at 14 Dec 00:00; these hours are over at 14 Dec 01:00." in text.replace(
        "\xa0", " "
    )


def test_a_task_page_has_a_slot_for_each_dataset_that_covers_its_hour(
    store: Store, as_person: AsPerson, task_at: TaskAt
) -> None:
    weeks(store)
    publish(store, [1] * 5, name="other")
    client = as_person("zhao.min")
    text = text_of(client.get(reverse("task", args=[task_at(NOON).pk])))
    assert "/effect/?d=shop" in text
    assert "/effect/?d=other" not in text
    for elsewhere in (task_at(START - DAY), task_at(START + 60 * DAY), task_at(NOON, 0)):
        assert "/effect/" not in text_of(client.get(reverse("task", args=[elsewhere.pk])))


def test_a_card_for_nothing_is_not_found(store: Store, as_person: AsPerson, task_at: TaskAt, client: Client) -> None:
    weeks(store)
    signed_in, task = as_person("zhao.min"), task_at(NOON)
    url = reverse("task-effect", args=[task.pk])
    assert signed_in.get(url, {"d": "no'; DROP TABLE x"}).status_code == 404
    assert signed_in.get(reverse("task-effect", args=[task.pk + 1]), {"d": "shop"}).status_code == 404
    assert signed_in.get(reverse("task-effect", args=[task_at(NOON, 0).pk]), {"d": "shop"}).status_code == 404
    assert client.get(url, {"d": "shop"}).status_code == 302


def table(client: Client, **query: Any) -> str:
    return text_of(client.get(reverse("curves-effects"), {"d": "shop", "range": "7d"} | query))


def test_the_table_has_the_letters_of_the_marks_and_names_what_lies_within_the_usual_spread(
    store: Store, as_person: AsPerson, task_at: TaskAt
) -> None:
    weeks(store, drop=10)
    task_at(NOON - 2 * DAY, NOON - 2 * DAY, title="Earlier: x")
    task_at(NOON, NOON, title="<img src=x>")
    task_at(NOON, NOON, title="Only read", risk="read")
    running = task_at(NOON + HOUR, 0)
    text = table(as_person("zhao.min"))
    assert text.count('class="om-effect-mark"') == 3
    assert "A (±0.0%) is within its usual spread." in text
    assert "−50.0%" in text
    assert "It has not ended." in text
    assert f"/tasks/{running.pk}/" in text
    assert "<img src=x>" not in text
    assert "Only read" not in text


def test_the_tables_filters_and_rules_hold_in_the_hours_compared(
    store: Store, as_person: AsPerson, task_at: TaskAt
) -> None:
    weeks(store)
    task_at(NOON, NOON)
    client = as_person("zhao.min")
    assert '<td class="om-num">20</td><td class="om-num">40</td>' in table(client)
    assert '<td class="om-num">2</td><td class="om-num">4</td>' not in table(client)
    one_user = table(client, where="user=3")
    assert '<td class="om-num">4</td><td class="om-num">8</td>' in one_user
    assert "no page was viewed in the hours before" in table(client, users="did buy")
    assert "has no &#x27;colour&#x27;" in table(client, where="colour=red")


def test_a_range_without_tasks_and_one_without_data_say_so(store: Store, as_person: AsPerson) -> None:
    weeks(store)
    client = as_person("zhao.min")
    assert "No task changed anything in this range." in table(client)
    assert "om-notice" in table(client, **{"from": "1999-01-01", "to": "1999-01-02", "range": ""})


def test_the_same_is_not_counted_twice(store: Store, as_person: AsPerson, task_at: TaskAt, monkeypatch: Any) -> None:
    from webui.curves import asked

    weeks(store)
    client, task, calls = as_person("zhao.min"), task_at(NOON), []
    real = asked.effects
    monkeypatch.setattr(asked, "effects", lambda *a, **k: calls.append(1) or real(*a, **k))
    card(client, task)
    card(client, task)
    assert calls == [1]
    publish(store, [1] * 24 * 43)  # a new version is another answer
    card(client, task)
    assert calls == [1, 1]
