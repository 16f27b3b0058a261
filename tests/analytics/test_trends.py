"""Event trends equal their oracle, and their lists are as long as their counts."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import answers, catalog
from analytics.asking import Data
from analytics.dataset import Dataset
from analytics.store.client import Store
from sdk import ParamError
from tests.analytics import oracle
from tests.analytics.events import ROLES, Event, histories, stored
from tests.analytics.test_reports import ask, close, cut, often, within


def listed(store: Store, dataset: Dataset, name: str, raw: dict[str, Any], at: dict[str, Any]) -> list[Any]:
    """Give the list of users behind a number, as the pages ask for it."""
    report = catalog.one(name)
    assert report.users
    return report.users(Data(store, dataset), answers.parsed(report, raw), {k: str(v) for k, v in at.items()})


def counted_as(names: list[str]) -> oracle.Test:
    roles = {role: code for code, role in ROLES.items()}
    return oracle.is_(*(roles.get(name, name) for name in names))


def bucket_of(zone: str, unit: str, event: Event) -> str:
    at = oracle.local(event.ts, zone)
    if unit == "hour":
        return oracle.hour_of(event.ts, zone)
    return oracle.unit_of(at.date(), unit).isoformat()


@often
@given(
    histories(span_days=12),
    st.sampled_from([["view"], ["cart", "share"], ["view", "fav", "cart", "buy", "share"]]),
    st.sampled_from(["day", "week", "month", "hour"]),
    st.sampled_from(["", "city", "category", "user", "behaviour"]),
    st.sampled_from(["events", "users", "per user"]),
    st.data(),
)
def test_trends_equal_their_oracle(  # what can be chosen
    store: Store,
    history: tuple[str, list[Event]],
    names: list[str],
    unit: str,
    breakdown: str,
    measure: str,
    data: Any,
) -> None:
    zone, events = history
    events = [*events, events[0]._replace(user=9, behaviour="share", role=9)]
    dataset = stored(store, zone, events)
    params, span = cut(data.draw, dataset)
    raw = {"events": names, "by": unit, "breakdown": breakdown, "measure": measure, "top": 2, **params}
    rows = ask(store, dataset, "trends", **raw).named()
    kept = [event for event in within(events, span) if counted_as(names)(event)]
    totals = {
        value: [e for e in kept if value_of(e, breakdown) == value] for value in {value_of(e, breakdown) for e in kept}
    }
    size = {
        value: len({e.user for e in found}) if measure == "users" else len(found) for value, found in totals.items()
    }
    top = sorted(size, key=lambda value: (-size[value], value.encode()))[:2]
    wanted: dict[tuple[str, str], list[Event]] = {}
    for event in kept:
        value = value_of(event, breakdown)
        key = bucket_of(zone, unit, event), value if not breakdown or value in top else "other"
        wanted.setdefault(key, []).append(event)
    shown = {(row[unit], row.get("value", "")): row for row in rows}
    assert len(shown) == len(rows)
    assert set(wanted) <= set(shown)
    for key, row in shown.items():
        found = wanted.get(key, [])
        people = {event.user for event in found}
        assert (row["events"], row["users"]) == (len(found), len(people))
        assert close(row["per_user"], len(found) / len(people) if people else None)
    for key in data.draw(st.sets(st.sampled_from(sorted(shown)), min_size=1, max_size=1)) if shown else []:
        at = {unit: key[0], **({"value": key[1]} if breakdown else {})}
        assert set(listed(store, dataset, "trends", raw, at)) == {e.user for e in wanted.get(key, [])}


def value_of(event: Event, breakdown: str) -> str:
    return str(getattr(event, breakdown)) if breakdown else ""


def test_a_value_that_is_called_other_is_not_taken_for_the_others(store: Store) -> None:
    event = Event(1, 1_511_539_200, 1, 0, 1, 1, "pv", 0, "", "ads", "other")
    events = [event, event._replace(ts=event.ts + 1), event._replace(city="x"), event._replace(city="y", user=2)]
    dataset = stored(store, "UTC", events)
    rows = ask(store, dataset, "trends", events=["view"], breakdown="city", top=1).named()
    assert Counter({row["value"]: row["events"] for row in rows}) == {"other": 2, "(other)": 2}


def test_what_cannot_be_read_is_a_sentence(store: Store) -> None:
    dataset = stored(store, "UTC", [Event(1, 1_511_539_200, 1, 0, 1, 1, "pv", 0, "", "ads", "x")])
    for raw, words in (
        ({"breakdown": "nothing"}, "The dataset has no 'nothing'"),
        ({"events": ["x'; DROP TABLE t; --"]}, "There is no behaviour"),
        ({"by": "hour", "end": "2100-01-01", "breakdown": "city", "top": 51}, "top"),
        ({"where": ["category=1"] * 101}, "at most 100"),
        ({"users": ["did buy"] * 101}, "at most 100"),
    ):
        with pytest.raises(ParamError, match=words):
            ask(store, dataset, "trends", **raw)
    for raw, at in (
        ({}, {"day": "x' OR 1"}),
        ({}, {}),
        ({"by": "hour"}, {"hour": "noon"}),
        ({"breakdown": "city"}, {"day": "2017-11-25"}),
    ):
        with pytest.raises(ParamError):
            listed(store, dataset, "trends", raw, at)
