"""Before and after equal their oracle, in zones whose clocks change; what the data cannot say is not said."""

import math
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.asking import Data
from analytics.dataset import Dataset
from analytics.effects import METRICS, Effect, effects
from analytics.store.client import Store
from analytics.windows import counted
from tests.analytics import oracle
from tests.analytics.events import ZONES, Event, histories, stored
from tests.analytics.test_reports import close, often

START = 1_509_494_400  # 2017-11-01 in UTC, a Wednesday
HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
VIEW = Event(1, START, 1, 0, 1, 1, "pv", 0, "", "mail", "Berlin")  # type: ignore[arg-type]


def counts(events: list[Event], low: int, high: int) -> dict[str, float]:
    found = oracle.counts([event for event in events if low <= event.ts < high], ())
    return {name: found[name] for name in ("pv", "uv", "buyers")}


def at_same_clock(ts: int, zone: str, weeks: int) -> int:
    """Give the second at which the zone's clocks showed the same, some weeks before."""
    shown = oracle.local(ts, zone).replace(tzinfo=None, fold=0) - timedelta(weeks=weeks)
    return int(datetime.timestamp(shown.replace(tzinfo=ZoneInfo(zone))))


def literal_weeks(events: list[Event], zone: str, start: int, end: int, hours: int) -> list[tuple[dict, dict]]:  # type: ignore[type-arg]
    first, found = min(event.ts for event in events), []
    for week in range(1, 9):
        edges = (start - hours * HOUR, start, end, end + hours * HOUR)
        a, b, c, d = (at_same_clock(ts, zone, week) for ts in edges)
        if b - a == d - c == hours * HOUR and d <= edges[0] and a >= first:
            found.append((counts(events, a, b), counts(events, c, d)))
    return found


def value(found: dict[str, float], metric: str) -> float | None:
    if metric == "pv_per_user":
        return found["pv"] / found["uv"] if found["uv"] else None
    if metric == "conversion":
        return found["buyers"] / found["uv"] if found["uv"] else None
    return found[metric]


def ratio(before: dict[str, float], after: dict[str, float], metric: str) -> float | None:
    below, above = value(before, metric), value(after, metric)
    return above / below if below and above is not None else None


@often
@given(
    histories(most=60, span_days=30),
    st.lists(st.tuples(st.integers(0, 30 * DAY), st.sampled_from([0, 60, HOUR, 10 * DAY])), min_size=1, max_size=4),
    st.sampled_from([1, 2, 24]),
)
def test_effects_equal_their_oracle(
    store: Store, history: tuple[str, list[Event]], offsets: list[tuple[int, int]], hours: int
) -> None:
    zone, events = history
    dataset = stored(store, zone, events)
    moments = [(ZONES[zone] + after, ZONES[zone] + after + length) for after, length in offsets]
    found = effects(Data(store, dataset), moments, hours=hours)
    assert len(found) == len(moments)
    for effect, (start, end) in zip(found, moments, strict=True):
        if start - hours * HOUR < dataset.first_ts:
            assert effect.lacking == "begins"
            continue
        if end + hours * HOUR > dataset.last_ts + 1:
            assert effect.lacking == "ends"
            continue
        before, after = counts(events, start - hours * HOUR, start), counts(events, end, end + hours * HOUR)
        assert (effect.lacking == "empty") == (not before["pv"])
        weeks = literal_weeks(events, zone, start, end, hours)
        assert len(effect.weeks) == len(weeks)
        for (got_before, got_after), (one_before, one_after) in zip(effect.weeks, weeks, strict=True):
            assert (got_before.pv, got_before.uv, got_before.buyers) == tuple(one_before.values())
            assert (got_after.pv, got_after.uv, got_after.buyers) == tuple(one_after.values())
        check(effect, before, after, weeks)


def check(effect: Effect, before: dict, after: dict, weeks: list[tuple[dict, dict]]) -> None:  # type: ignore[type-arg]
    sums = [{name: sum(pair[side][name] for pair in weeks) for name in ("pv", "uv", "buyers")} for side in (0, 1)]
    for metric in METRICS:
        moved = effect.moved(metric)
        now, usual = ratio(before, after, metric), ratio(*sums, metric)
        assert close(moved.before, value(before, metric))
        assert close(moved.after, value(after, metric))
        assert close(moved.change, now - 1 if now is not None else None)
        assert close(moved.beyond, now / usual - 1 if usual and now is not None else None)
        logs = [math.log(one / usual) for pair in weeks if usual and (one := ratio(*pair, metric))]
        if now is None or len(logs) < 4:
            assert moved.within is None
        elif now:
            limit = 2 * math.sqrt(sum(one * one for one in logs) / (len(logs) - 1))
            assert moved.within == (abs(math.log(now / usual)) <= limit)


def hourly(rates: list[int], *, users: int = 50) -> list[Event]:
    """Give as many views in each hour from START; the n-th of an hour by user n % users."""
    return [
        VIEW._replace(ts=START + hour * HOUR + n, user=n % users)
        for hour, rate in enumerate(rates)
        for n in range(rate)
    ]


def one(store: Store, dataset: Dataset, start: int, end: int = 0, hours: int = 2) -> Effect:
    (found,) = effects(Data(store, dataset), [(start, end or start)], hours=hours)
    return found


def day(rate: int, *, drop: int = 0) -> list[int]:
    """Give a day of hours, whose evening is twice as lively; from noon on as many views less."""
    return [rate if hour < 12 else 2 * rate - drop for hour in range(24)]


def test_what_the_same_hours_always_do_is_not_the_tasks_doing(store: Store) -> None:
    dataset = stored(store, "UTC", [*hourly([rate for _ in range(15) for rate in day(10)])])
    moved = one(store, dataset, START + 14 * DAY + 12 * HOUR).moved("pv")
    assert (moved.before, moved.after, moved.change, moved.usual, moved.beyond) == (20, 40, 1.0, 1.0, 0.0)
    assert moved.within is None  # two weeks say nothing of the usual spread


def test_a_drop_beyond_usual_is_taken_apart_exactly(store: Store) -> None:
    days = [rate for n in range(36) for rate in day(10 + n % 3)] + day(10, drop=8)
    dataset = stored(store, "Europe/Berlin", hourly(days, users=5))
    effect = one(store, dataset, START + 36 * DAY + 12 * HOUR)
    moved, parts = effect.moved("pv"), effect.parts()
    assert len(effect.weeks) == 5
    assert moved.beyond == pytest.approx(-0.4)
    assert moved.within is False
    assert parts
    assert sum(parts) == pytest.approx(math.log1p(-0.4), abs=1e-12)


def test_hours_that_are_not_over_and_hours_before_the_data_are_not_counted(store: Store) -> None:
    dataset = stored(store, "UTC", hourly([5] * 48))
    assert one(store, dataset, START + HOUR).lacking == "begins"
    assert one(store, dataset, START + 2 * HOUR).lacking == ""
    assert one(store, dataset, dataset.end - HOUR).lacking == "ends"
    whole = stored(store, "UTC", hourly([5] * 48), high=START + 2 * DAY)
    assert one(store, whole, START + 2 * DAY - 2 * HOUR).lacking == ""


def test_without_a_week_before_there_is_a_change_but_nothing_beyond_usual(store: Store) -> None:
    dataset = stored(store, "UTC", hourly([rate for _ in range(3) for rate in day(10)]))
    moved = one(store, dataset, START + DAY + 12 * HOUR).moved("pv")
    assert (moved.change, moved.usual, moved.beyond, moved.within) == (1.0, None, None, None)


def test_windows_that_touch_or_overlap_are_counted_each_for_itself(store: Store) -> None:
    dataset = stored(store, "UTC", hourly([3] * 24, users=2))
    data = Data(store, dataset)
    windows = [(START + n * HOUR, START + (n + 2) * HOUR) for n in range(20)]
    found = counted(data, windows)
    assert {(c.pv, c.uv) for c in found.values()} == {(6, 2)}
    assert len(data.asked) == 2  # every second one touches the next but does not overlap it
    assert all(a < b for a, b in pairwise(sorted(found)))


def test_windows_may_be_many(store: Store) -> None:
    """So many that their numbers no longer fit into the address of a request."""
    dataset = stored(store, "UTC", hourly([n % 3 for n in range(1000)]))
    found = counted(Data(store, dataset), [(START + n * HOUR, START + (n + 1) * HOUR) for n in range(1000)])
    assert [found[START + n * HOUR, START + (n + 1) * HOUR].pv for n in range(1000)] == [n % 3 for n in range(1000)]


def test_a_value_that_is_long_arrives_whole_whatever_it_holds(store: Store) -> None:
    text = "é\r\n--\"'\\\t; DROP TABLE x\x00" * 2000
    assert store.ask("SELECT {text:String} AS text, 7 AS n", {"text": text}).one() == {"text": text, "n": 7}
