"""Funnels equal their oracle: steps, breakdown, days of entry, and the users behind each number."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.dataset import Dataset
from analytics.store.client import Store
from sdk import ParamError
from tests.analytics import oracle
from tests.analytics.events import Event, histories, stored
from tests.analytics.test_reports import CODES, EXAMPLES, ask, by, close, cut, often
from tests.analytics.test_trends import listed

STEPS = st.sampled_from(
    [
        ["view", "cart", "buy"],
        ["view", "buy where category=1"],
        ["view", "buy where category=1"],
        ["view", "buy"],
        ["buy", "view"],
        ["view|fav", "cart", "buy"],
        ["view where category=1", "fav|cart", "share", "buy"],
        ["view", "view"],
        ["view|cart", "buy|cart"],
    ]
)
WINDOWS = {"10s": 10, "1h": 3600, "2d": 172_800, "same day": math.inf, "same visit": math.inf}


def step_of(text: str) -> oracle.Test:
    names, _, condition = text.partition(" where ")
    codes = [CODES.get(name, name) for name in names.split("|")]
    return lambda e: e.behaviour in codes and (not condition or e.category == 1)


@dataclass(frozen=True)
class Case:
    """A history, what is asked of it, and the oracle's view of it."""

    zone: str
    events: list[Event]
    dataset: Dataset
    raw: dict[str, Any]
    span: tuple[int, int]

    @property
    def tests(self) -> list[oracle.Test]:
        return [step_of(step) for step in self.raw["steps"]]

    def enters(self, event: Event) -> bool:
        return self.span[0] <= event.ts < self.span[1]

    def best(self, entry: oracle.Test = lambda _: True) -> dict[int, tuple[int, ...]]:
        """Give each user's best chain over the entries that pass."""
        visit = oracle.visits(self.events)
        window = self.raw["window"]

        def key(event: Event) -> object:
            own = {"item": event.item, "category": event.category, "nothing": 0}[self.raw["same"]]
            day = oracle.day_of(event, self.zone) if window == "same day" else 0
            return own, day, visit[event.user, event.ts] if window == "same visit" else 0

        return oracle.funnel(
            self.events, self.tests, self.raw["order"], WINDOWS[window], key, lambda e: self.enters(e) and entry(e)
        )

    def waiting(self, entry: oracle.Test = lambda _: True) -> dict[int, int]:
        """Give the level of each user short of the end with an entry whose window is open when the data end."""
        levels = {user: len(chain) for user, chain in self.best(entry).items()}
        entries = [e for e in self.events if self.tests[0](e) and self.enters(e) and entry(e)]
        users = {e.user for e in entries if self.is_open(e)}
        return {user: level for user, level in levels.items() if user in users and level < len(self.tests)}

    def is_open(self, event: Event) -> bool:
        end, window = self.dataset.end, self.raw["window"]
        if window == "same day":
            return self.dataset.start_of(oracle.day_of(event, self.zone) + timedelta(1)) > end
        if window == "same visit":
            visit = oracle.visits(self.events)
            last = max(e.ts for e in self.events if e.user == event.user)
            return visit[event.user, event.ts] == visit[event.user, last] and last + 1800 >= end
        return event.ts + WINDOWS[window] >= end


@st.composite
def cases(draw: st.DrawFn) -> Callable[[Store], Case]:
    """Give what puts a case into a store."""
    zone, events = draw(histories(most=14, span_days=4))
    steps, order = draw(STEPS), draw(st.sampled_from(["ordered", "strict", "any"]))
    if order == "any" and steps in (["view", "view"], ["view|cart", "buy|cart"]):
        order = "ordered"
    events = [*events, events[0]._replace(user=9, behaviour="share", role=9, amount=0, order="")]
    raw = {
        "steps": steps,
        "order": order,
        "window": draw(st.sampled_from(sorted(WINDOWS))),
        "same": draw(st.sampled_from(["item", "category", "nothing"])),
        "times": draw(st.booleans()),
    }
    more = draw(st.sampled_from([None, 1, 700, 50_000]))
    which = draw(st.data())

    def put(store: Store) -> Case:
        dataset = stored(store, zone, events, high=more and max(e.ts for e in events) + more)
        params, span = cut(which.draw, dataset)
        return Case(zone, events, dataset, raw | params, span)

    return put


@settings(often, max_examples=2 * EXAMPLES)
@given(cases(), st.data())
def test_funnel_equals_its_oracle(store: Store, put: Callable[[Store], Case], data: Any) -> None:
    case = put(store)
    raw, best, waiting = case.raw, case.best(), case.waiting()
    n = len(raw["steps"])
    result = ask(store, case.dataset, "funnel", **raw)
    shown = [row["users"] for row in result.named()]
    assert shown == [sum(len(chain) >= k for chain in best.values()) for k in range(1, n + 1)]
    assert shown == sorted(shown, reverse=True)
    for k in range(1, n):
        gaps = [chain[k] - chain[k - 1] for chain in best.values() if len(chain) > k]
        wanted = float(numpy.median(gaps)) if gaps and raw["times"] and raw["order"] != "any" else None
        assert close(result.named()[k]["median"], wanted)
        lot = float(numpy.percentile(gaps, 90)) if gaps and raw["times"] and raw["order"] != "any" else None
        assert close(result.named()[k]["p90"], lot)
    k = data.draw(st.integers(1, n))
    row = result.named()[k - 1]
    wanted_users = {
        "users": {user for user, chain in best.items() if len(chain) >= k},
        "dropped": {user for user, chain in best.items() if len(chain) == k < n},
        "still_open": {user for user, level in waiting.items() if level == k},
    }
    for column, users in wanted_users.items():
        assert row[column] == len(users)
        for name in (str(k), row["step"]):
            found = listed(store, case.dataset, "funnel", raw, {"step": name, "column": column})
            assert len(found) == len(users)
            assert set(found) == users


@often
@given(cases(), st.sampled_from(["category", "item", "city", "behaviour", "channel"]), st.integers(1, 3), st.data())
def test_a_breakdown_is_the_funnel_of_the_entries_with_that_value(
    store: Store, put: Callable[[Store], Case], field: str, top: int, data: Any
) -> None:
    case = put(store)
    raw = {**case.raw, "by": field, "top": top}
    first: dict[str, set[int]] = {}
    for event in case.events:
        if case.tests[0](event) and case.enters(event):
            first.setdefault(str(getattr(event, field)), set()).add(event.user)
    often_ = sorted(first, key=lambda value: (-len(first[value]), value.encode()))
    rows = ask(store, case.dataset, "funnel", **raw).named()
    names = often_[:top] + ["other"] * (len(often_) > top)
    assert list(dict.fromkeys(row[field] for row in rows)) == names
    for name in names:
        own = {name} if name != "other" else set(often_[top:])
        best = case.best(lambda e, own=own: str(getattr(e, field)) in own)
        waiting = case.waiting(lambda e, own=own: str(getattr(e, field)) in own)
        here = [row for row in rows if row[field] == name]
        for k, row in enumerate(here, 1):
            assert row["users"] == sum(len(chain) >= k for chain in best.values())
            assert row["still_open"] == sum(level == k for level in waiting.values())
        k = data.draw(st.integers(1, len(here)))
        column = data.draw(st.sampled_from(["users", "dropped", "still_open"]))
        at = {"step": k, field: name, "column": column}
        assert len(set(listed(store, case.dataset, "funnel", raw, at))) == here[k - 1][column]


@often
@given(cases(), st.data())
def test_conversion_by_day_is_that_of_the_entries_of_the_day(
    store: Store, put: Callable[[Store], Case], data: Any
) -> None:
    case = put(store)
    raw = {**case.raw, "show": "days"}
    rows = by(ask(store, case.dataset, "funnel", **raw), "day")
    there = {str(oracle.day_of(e, case.zone)) for e in case.events if case.tests[0](e) and case.enters(e)}
    assert there <= set(rows)
    for day, row in rows.items():
        best = case.best(lambda e, day=day: str(oracle.day_of(e, case.zone)) == day)
        waiting = case.waiting(lambda e, day=day: str(oracle.day_of(e, case.zone)) == day)
        finished = {user for user, chain in best.items() if len(chain) == len(raw["steps"])}
        assert (row["entered"], row["finished"], row["still_open"]) == (len(best), len(finished), len(waiting))
        assert close(row["rate"], len(finished) / len(best) if best else None)
        assert not (row["complete"] and waiting)
    if rows:
        day = data.draw(st.sampled_from(sorted(rows)))
        for column in ("entered", "finished", "still_open"):
            found = listed(store, case.dataset, "funnel", raw, {"day": day, "column": column})
            assert len(set(found)) == len(found) == rows[day][column]


def small(store: Store, *, city: str = "x") -> Dataset:
    event = Event(1, 1_511_539_200, 1, 0, 1, 1, "pv", 0, "", "ads", city)  # type: ignore[arg-type]
    return stored(store, "UTC", [event, event._replace(ts=event.ts + 5, user=2, city="z")])


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"steps": ["view"]}, "A funnel needs two steps or more; add what should follow 'view'"),
        ({"steps": ["view", "x'; DROP TABLE t; --"]}, "There is no behaviour"),
        ({"steps": ["view", "buy where nothing=1"]}, "The dataset has no 'nothing'"),
        ({"steps": ["view", "cart|view"], "order": "any"}, "no two steps may take the same behaviour"),
        ({"by": "nothing"}, "The dataset has no 'nothing'"),
    ],
)
def test_a_funnel_that_cannot_be_read_is_a_sentence(store: Store, raw: dict[str, Any], words: str) -> None:
    with pytest.raises(ParamError, match=words):
        ask(store, small(store), "funnel", **raw)


@pytest.mark.parametrize(
    ("raw", "at"),
    [
        ({}, {}),
        ({}, {"step": "4"}),
        ({}, {"step": "1; DROP"}),
        ({}, {"step": "1", "column": "of_first"}),
        ({"by": "city"}, {"step": "1"}),
        ({"show": "days"}, {"day": "x' OR 1"}),
        ({"show": "days"}, {"day": "2017-11-25", "column": "users"}),
    ],
)
def test_a_number_that_is_not_there_has_no_list(store: Store, raw: dict[str, Any], at: dict[str, str]) -> None:
    with pytest.raises(ParamError):
        listed(store, small(store), "funnel", raw, at)


@pytest.mark.parametrize("city", ["other", "", "=x", "O'Hare; -- {x:String} $event"])
def test_a_hostile_value_of_the_breakdown_stays_a_value(store: Store, city: str) -> None:
    raw = {"by": "city", "top": 1, "same": "nothing", "steps": ["view", "buy"]}
    dataset = small(store, city=city)
    rows = ask(store, dataset, "funnel", **raw).named()
    others = "(other)" if city == "other" else "other"
    assert [row["city"] for row in rows] == [city, city, others, others]
    for row in rows[::2]:
        assert len(listed(store, dataset, "funnel", raw, {"city": row["city"], "step": row["step"]})) == 1


def test_a_range_without_a_first_step_gives_zeros(store: Store) -> None:
    rows = ask(store, small(store), "funnel", steps=["buy", "view"]).named()
    assert [(row["users"], row["of_first"], row["still_open"]) for row in rows] == [(0, None, 0), (0, None, 0)]
