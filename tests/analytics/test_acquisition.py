"""CAC: costs for channels and periods, each set against the users that it was for."""

import math
from dataclasses import replace
from typing import Any

import pytest

from analytics import answers, catalog
from analytics.asking import Data
from analytics.store.client import Store
from sdk import ParamError
from sdk.report import NotSupported
from tests.analytics.events import Person, stored
from tests.analytics.test_ltv import START, fading
from tests.analytics.test_reports import ask

EVENTS = [e._replace(channel="ads" if e.user % 2 else 'O\'Hare, "x"') for e in fading(15)]


def rows(
    store: Store, *costs: str, people: tuple[Person, ...] = (), **more: Any
) -> dict[tuple[str, str], dict[str, Any]]:
    dataset = stored(store, "UTC", EVENTS, high=START + 15 * 86_400, rollup=True, people=people)
    result = ask(store, dataset, "ltv", show="cac", costs=list(costs), **more)
    return {(row["period"], row["channel"]): row for row in result.named()}


@pytest.mark.parametrize("day", ["9999-12-31", "9999-12"])
def test_a_period_at_the_end_of_all_days_is_refused(store: Store, day: str) -> None:
    with pytest.raises(ParamError, match="There is no month or day"):
        rows(store, f"{day}=5")


def test_a_cost_is_shared_by_the_new_users_of_its_channel_and_period(store: Store) -> None:
    found = rows(store, "ads=300", '2017-11 O\'Hare, "x"=15', "2017-11-05 ads=20", "2017-11=60")
    assert {key: (row["cost"], row["new_users"]) for key, row in found.items()} == {
        ("range", "ads"): (300, 150),
        ("2017-11", 'O\'Hare, "x"'): (15, 150),
        ("2017-11-05", "ads"): (20, 10),
        ("2017-11", "all"): (60, 300),
    }
    for row in found.values():
        assert row["cac"] == row["cost"] / row["new_users"]
    whole = found["range", "ads"]
    assert math.isclose(whole["ltv_per_cac"], whole["ltv"] / 2)
    assert whole["payback"] > 1


def test_a_cost_of_a_channel_is_for_those_who_registered_by_it_where_that_is_known(store: Store) -> None:
    people = (Person(1, START, "tv"), Person(900, START + 5, "tv"), Person(3, START - 86_400 * 40, "tv"))
    found = rows(store, "tv=10", "2017-10 tv=10", people=people)
    assert (found["range", "tv"]["new_users"], found["range", "tv"]["cac"]) == (2, 5)
    assert found["2017-10", "tv"]["new_users"] in (0, 1)


def test_the_list_behind_a_cost_is_its_users(store: Store) -> None:
    dataset = stored(store, "UTC", EVENTS, high=START + 15 * 86_400)
    report = catalog.one("ltv")
    raw = {"show": "cac", "costs": ["2017-11-05 ads=20", "nobody=1", "2016-01=1"]}
    result = ask(store, dataset, "ltv", **raw)
    for row in result.named():
        at = {"period": row["period"], "channel": row["channel"], "column": "new_users"}
        listed = report.users(Data(store, dataset), answers.parsed(report, raw), at)  # type: ignore[misc]  # it has
        assert len(listed) == row["new_users"]
    assert [row["cac"] for row in result.named()] == [2, None, None]
    assert "nobody" in " ".join(result.notes)


def test_the_summary_takes_the_costs_of_its_range(store: Store) -> None:
    dataset = stored(store, "UTC", EVENTS, high=START + 15 * 86_400)
    costs = ["ads=300", "2017-11-06=30", "2016-01=1000"]
    found = {r["metric"]: r for r in ask(store, dataset, "ltv", show="summary", costs=costs).named()}
    assert (found["cac"]["numerator"], found["cac"]["value"]) == (330, 1.1)


@pytest.mark.parametrize(
    ("costs", "says"),
    [
        (["ads"], "write channel=amount"),
        (["ads=-5"], "write channel=amount"),
        (["ads=1e9999"], "write channel=amount"),
        (["2017-13=5"], "no month or day '2017-13'"),
        (["ads=1", "ads=2"], "'ads' has two costs"),
        ([f"c{n}=1" for n in range(51)], "50 at most"),
    ],
)
def test_a_cost_that_cannot_be_read_is_refused_with_a_sentence(store: Store, costs: list[str], says: str) -> None:
    with pytest.raises(ParamError) as refused:
        rows(store, *costs)
    assert says in str(refused.value.faults["costs"])


def test_what_costs_need_is_said(store: Store) -> None:
    dataset = stored(store, "UTC", EVENTS)
    with pytest.raises(NotSupported, match="no cost is known; write costs"):
        ask(store, dataset, "ltv", show="cac")
    bare = replace(dataset, mapped=dataset.mapped - {"channel"})
    with pytest.raises(NotSupported, match="costs by channel need a channel column, or a users table"):
        ask(store, bare, "ltv", show="cac", costs=["ads=1"])
