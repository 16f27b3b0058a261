"""The product on the first page: the newest day so far beside a usual one, and never a past day called today."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.store.client import Store
from tests.webui.shop_data import DAY, HOUR, START, publish
from webui.curves import product
from webui.curves.sparkline import HEIGHT, drawn
from webui.tasks.models import Task

pytestmark = [pytest.mark.db, pytest.mark.django_db]
AsPerson = Callable[[str], Client]


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content.decode()
    return " ".join(answer.content.decode().replace("\xa0", " ").split())


def today(client: Client, name: str = "shop") -> str:
    return text_of(client.get(reverse("curves-today"), {"d": name}))


def test_the_day_so_far_stands_beside_the_same_hours_of_the_usual_weekday(
    store: Store, as_person: AsPerson, task_at: Callable[..., Task]
) -> None:
    usual = [10, 12] * 12
    publish(store, usual * 63 + [11] * 13 + [2], users=5)
    task_at(START + 63 * DAY + 13 * HOUR + 60, title="Sync <b>file</b>")
    text = today(as_person("zhao.min"))
    assert "shop, Wed 3 Jan 2018 to 14:00" in text
    assert "<dd>145</dd>" in text  # 13 x 11 + 2
    assert "<b>−5.8%</b> a usual Wed" in text  # 154 usually
    assert "13:00 to 14:00: PV 83.3% below a usual Wednesday" in text
    assert "2 against 12." in text
    assert "Sync &lt;b&gt;file&lt;/b&gt; #" in text
    assert "began at 13:01 (3 servers · All OK)." in text
    assert 'class="om-spark-ring"' in text


def test_only_the_day_that_goes_on_is_called_today(store: Store, as_person: AsPerson) -> None:
    now = timezone.now().astimezone(UTC)
    midnight = int(datetime(now.year, now.month, now.day, tzinfo=UTC).timestamp())
    publish(store, [5] * 24 + [5] * max(1, now.hour), start=midnight - DAY)
    assert "shop, today to " in today(as_person("zhao.min"))
    publish(store, [5] * 48, name="old")
    text = today(as_person("zhao.min"), "old")
    assert "old, Thu 2 Nov 2017" in text
    assert "today" not in text


def test_a_row_whose_clock_is_fast_does_not_make_its_day_the_newest(store: Store, as_person: AsPerson) -> None:
    row = publish(store, [5] * 84)  # to noon of 4 November
    row.read_ts = START + 2 * DAY + 10 * HOUR
    row.save()
    client = as_person("zhao.min")
    assert "shop, Fri 3 Nov 2017 to 10:00" in today(client)
    asked = client.get("/reports/activity/?d=shop&range=today").context["ask"]
    assert asked.range == ("2017-11-03", "2017-11-04")


def test_without_such_a_weekday_before_nothing_is_compared(store: Store, as_person: AsPerson) -> None:
    publish(store, [5] * 30)
    text = today(as_person("zhao.min"))
    assert "There is no such weekday before to compare with." in text
    assert "om-spark-usual" not in text
    assert "om-change" not in text


def test_its_numbers_are_counted_once_for_each_version(
    store: Store, as_person: AsPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, [5] * 30)
    calls: list[int] = []
    real = product.figures

    def counting(*given: Any) -> Any:
        calls.append(1)
        return real(*given)

    monkeypatch.setattr(product, "figures", counting)
    client = as_person("zhao.min")
    assert today(client) == today(client)
    assert calls == [1]
    publish(store, [5] * 29 + [6])
    assert "<dd>31</dd>" in today(client)
    assert calls == [1, 1]


def test_an_hour_of_data_is_no_day_yet(store: Store, as_person: AsPerson) -> None:
    dataset = publish(store, [5])
    dataset.valid_to = None
    dataset.save()
    assert as_person("zhao.min").get(reverse("curves-today"), {"d": "shop"}).status_code == 404


@pytest.mark.parametrize("zone", ["America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Berlin"])
def test_days_of_odd_lengths_and_offsets_have_a_card(store: Store, as_person: AsPerson, zone: str) -> None:
    for hours in (3, 24, 25, 100, 120, 700):
        publish(store, [3] * hours, name=zone.lower().replace("/", "-"), zone=zone)
        assert "om-spark-line" in today(as_person("zhao.min"), zone.lower().replace("/", "-"))


def test_the_first_page_asks_for_it_lazily_and_shows_a_viewer_first(
    store: Store, as_person: AsPerson, task_at: Callable[..., Task]
) -> None:
    assert "om-product" not in text_of(as_person("lin.wei").get("/"))
    publish(store, [5] * 48, name="made", generated=True)
    publish(store, [5] * 30)
    first = text_of(as_person("chen.jie").get("/"))
    assert first.index("om-product") < first.index("om-masters"), "an operator who has run nothing sees it first"
    task_at(START, created_by=User.objects.get(username="chen.jie"))
    operator, viewer = (text_of(as_person(name).get("/")) for name in ("chen.jie", "zhao.min"))
    for text in (operator, viewer):
        assert text.count("/curves/today/?d=shop") == 1  # people's own data before made ones
    assert operator.index("om-product") > operator.index("om-masters")
    assert viewer.index("om-product") < viewer.index("om-masters")
    assert "echarts" not in viewer


def test_a_line_is_drawn_to_scale_from_zero() -> None:
    found = drawn([0, 10], [5, 20, 10, 0], [(1.0, "A")], of=4, ring=1)
    assert found.line == f"40,{HEIGHT} 120,45"
    assert found.usual.startswith("40,60.5 120,14 ")
    assert (found.marks[0].x, found.ring) == (80, (120.0, 45.0))
    assert drawn([7], [], [], of=24, ring=None).dot is not None
