"""Anomalies equal their oracle; a jump is flagged, and said where it came from."""

import random
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import catalog
from analytics.asking import Data
from analytics.outliers import judge
from analytics.recurring import seconds_of
from analytics.reports import anomalies
from analytics.store.client import Store
from sdk import ParamError
from sdk.params import parse
from sdk.report import NotSupported
from tests.analytics import oracle
from tests.analytics.events import Event, histories, stored
from tests.analytics.test_reports import ask, close, cut, often

START = 1_509_494_400  # 2017-11-01 in UTC, a Wednesday
VALUES = st.lists(st.integers(0, 30), max_size=9)


@given(st.integers(0, 100), VALUES, VALUES)
def test_a_judgement_follows_its_definition(value: int, comparable: list[int], recent: list[int]) -> None:
    found = judge(value, comparable, recent)
    points = comparable if len(comparable) >= 4 else recent
    if len(points) < 4:
        assert found is None
        return
    assert found
    middle = float(numpy.median(points))
    mad = float(numpy.median(numpy.abs(numpy.array(points) - middle)))
    mean = float(numpy.mean(numpy.abs(numpy.array(points) - middle)))
    z = 0.6745 * (value - middle) / mad if mad else (value - middle) / (1.253 * mean) if mean else None
    assert found.sure == (len(comparable) >= 4)
    assert close(found.expected, middle)
    assert close(found.spread, mad)
    assert close(found.change, value / middle - 1 if middle else None)
    if z is None:
        assert found.flagged == (value != middle and (not middle or abs(value / middle - 1) >= 0.1))
        return
    assert found.z is not None
    assert abs(found.z - z) < 1e-9
    if abs(abs(z) - 3.5) > 1e-9:
        assert found.flagged == (abs(z) >= 3.5 and (not middle or abs(value - middle) / middle >= 0.1))


METRICS = ["pv", "uv", "active users", "buyers", "purchases", "events", *anomalies.RATES]


def counted(events: list[Event], metric: str) -> float | None:
    found = oracle.counts(events, ())
    if metric in anomalies.RATES:
        above, below = (found[name] for name in anomalies.RATES[metric])
        return above / below if below else None
    return found[{"active users": "active_users"}.get(metric, metric)]


@often
@given(
    histories(most=40, span_days=40),
    st.sampled_from(METRICS),
    st.data(),
)
def test_anomalies_of_days_equal_their_oracle(
    store: Store, history: tuple[str, list[Event]], metric: str, data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events)
    params, span = cut(data.draw, dataset)
    byday: dict[date, list[Event]] = defaultdict(list)
    for event in events:
        byday[oracle.day_of(event, zone)].append(event)
    first, last = dataset.first_day, dataset.day_of(dataset.last_ts)
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    complete = [day for day in days if dataset.start_of(day + timedelta(1)) <= dataset.end]
    low, high = dataset.day_of(span[0]), dataset.day_of(span[1] - 1)
    judged = [day for day in complete if low <= day <= high]
    if not judged:
        with pytest.raises(NotSupported, match="no day of the range is complete"):
            ask(store, dataset, "anomalies", metric=metric, **params)
        return
    rows = ask(store, dataset, "anomalies", metric=metric, **params).named()
    assert [row["day"] for row in rows] == [str(day) for day in judged]
    for row, day in zip(rows, judged, strict=True):
        assert close(row["value"], counted(byday[day], metric))
        weeks = [day - timedelta(7 * week) for week in range(1, 9)]
        others = [one for d in weeks if d in complete and (one := counted(byday[d], metric)) is not None]
        week = [d for d in complete if day - timedelta(7) <= d < day]
        before = [one for d in week if (one := counted(byday[d], metric)) is not None]
        found = judge(row["value"], others, before) if row["value"] is not None else None
        assert row["points"] == (found.points if found else 0)
        assert row["flagged"] == int(bool(found and found.flagged))
        if found:
            assert close(row["z"], found.z)
            assert close(row["expected"], found.expected)


def steady(weeks: int, jump: int) -> list[Event]:
    """Give some weeks in which each day has 30 or so views, and on the last whole day as many more by new users."""
    rng = random.Random(7)
    event = Event(1, START, 1, 0, 1, 1, "pv", 0, "", "mail", "Berlin")  # type: ignore[arg-type]
    days = [
        event._replace(ts=START + day * 86_400 + second, user=second)
        for day in range(weeks * 7)
        for second in range(30 + rng.randrange(3))
    ]
    last = START + (weeks * 7 - 1) * 86_400
    more = [event._replace(ts=last + 3600 + n, user=100 + n, channel="ads", city="Rome") for n in range(jump)]
    return [*days, *more, event._replace(ts=last + 86_400)]


def test_a_jump_is_flagged_with_its_parts_and_what_moved(store: Store) -> None:
    dataset = stored(store, "UTC", steady(9, 40))
    rows = ask(store, dataset, "anomalies").named()
    assert [row["day"] for row in rows if row["flagged"] and row["sure"]] == ["2018-01-02"]
    row = rows[-1]
    assert row["points"] == 8
    assert row["why"].startswith("2 Jan: PV +")
    assert "100% of it from more users" in row["why"]
    assert "channel: ads +40" in row["moved"]
    assert "city: Rome +40" in row["moved"]


def test_a_value_that_says_nothing_has_a_name_where_it_moved(store: Store) -> None:
    dataset = stored(store, "UTC", [event._replace(channel="") for event in steady(9, 40)])
    assert "channel: (empty) +" in ask(store, dataset, "anomalies").named()[-1]["moved"]


@pytest.mark.parametrize("by", ["day", "hour"])
def test_few_weeks_are_judged_by_the_buckets_before_and_said_to_be_unsure(store: Store, by: str) -> None:
    dataset = stored(store, "UTC", steady(2, 40))
    result = ask(store, dataset, "anomalies", by=by)
    row = next(row for row in result.named() if row["value"] >= 40)
    assert (row["flagged"], row["sure"], row["points"]) == (1, 0, 7)
    assert "fewer than 4 weeks" in " ".join(result.notes)


def test_hours_are_compared_with_the_same_hour_of_the_week(store: Store) -> None:
    dataset = stored(store, "Europe/Berlin", steady(9, 40))
    rows = ask(store, dataset, "anomalies", by="hour", latest=1000).named()
    row = next(row for row in rows if row["value"] == 40)
    assert (row["hour"], row["flagged"], row["sure"], row["points"], row["expected"]) == (
        "2018-01-02T02:00",
        1,
        1,
        8,
        0,
    )
    assert row["z"] is None


@often
@given(
    histories(most=40, span_days=12),
    st.sampled_from(["uv", "active users", "buyers"]),
    st.sampled_from(["day", "hour"]),
)
def test_behind_a_number_of_users_stands_a_list_as_long(
    store: Store, history: tuple[str, list[Event]], metric: str, by: str
) -> None:
    dataset = stored(store, *history)
    try:
        rows = ask(store, dataset, "anomalies", metric=metric, by=by).named()
    except NotSupported:
        return
    for row in [row for row in rows if row["value"]][:3]:
        params = parse(anomalies.Params, {"metric": metric, "by": by})
        assert len(anomalies.users(Data(store, dataset), params, {by: row[by]})) == row["value"]


def test_only_a_number_of_users_has_a_list(store: Store) -> None:
    data = Data(store, stored(store, "UTC", steady(2, 0)))
    assert [c.name for c in ask(store, data.dataset, "anomalies", metric="buyers").columns if c.listed] == ["value"]
    assert not [c for c in ask(store, data.dataset, "anomalies").columns if c.listed]
    with pytest.raises(ParamError, match="no number of users"):
        anomalies.users(data, anomalies.Params(), {"day": "2017-11-02"})
    for hour in ("2017-11-02", "x", "99999-12-31T23:00", "2017-11-02T24:00"):
        with pytest.raises(ParamError, match="is no hour"):
            anomalies.users(data, anomalies.Params(metric="uv", by="hour"), {"hour": hour, "day": "x"})


def test_all_flags_and_dimensions_are_explained_by_one_question(store: Store) -> None:
    dataset = stored(store, "UTC", [e for n in range(12) for e in steady(9 + n, 40 + n)])
    data = Data(store, dataset)
    result = catalog.one("anomalies").run(data, anomalies.Params(latest=1000))
    rows = [row for row in result.named() if row["moved"]]
    assert len(rows) > 3
    assert len(data.asked) == 2
    for row in rows:
        sides = {pair.partition(": ")[0] for pair in row["moved"].split("; ")}
        assert {"behaviour", "channel", "category", "city"} == sides


def test_what_moved_adds_up_to_the_change(store: Store) -> None:
    dataset = stored(store, "UTC", steady(9, 40))
    rows = ask(store, dataset, "anomalies", latest=1000).named()
    row = rows[-1]
    then = min((rows[-1 - 7 * week] for week in range(1, 9)), key=lambda one: abs(one["value"] - row["expected"]))
    assert f"behaviour: pv {row['value'] - then['value']:+,}" in row["moved"]


def test_a_bucket_of_a_row_is_its_seconds(store: Store) -> None:
    dataset = stored(store, "America/Havana", steady(2, 0))
    assert seconds_of(dataset, "hour", {"hour": "2017-11-02T05:00"}) == (1_509_613_200, 1_509_616_800)
    low, high = seconds_of(dataset, "day", {"day": "2017-11-05"})  # the clock is put back on it
    assert high - low == 25 * 3600


def test_a_flag_is_explained_against_a_usual_bucket_not_against_another_odd_one(store: Store) -> None:
    events = steady(9, 40)
    again = [event._replace(ts=event.ts - 7 * 86_400) for event in events if event.ts >= START + 62 * 86_400]
    dataset = stored(store, "UTC", [*events, *again])  # the week before was just as odd
    row = ask(store, dataset, "anomalies").named()[-1]
    assert row["flagged"]
    assert "channel: ads +40" in row["moved"]


def test_what_is_not_flagged_is_explained_where_that_is_asked_for(store: Store) -> None:
    dataset = stored(store, "UTC", steady(9, 3))
    rows = [ask(store, dataset, "anomalies", latest=1, explain=which).named()[-1] for which in ("flags", "all")]
    assert [row["flagged"] for row in rows] == [0, 0]
    assert [bool(row["why"] and row["moved"]) for row in rows] == [False, True]


def test_flags_explained_by_views_alone_say_no_values(store: Store) -> None:
    dataset = stored(store, "UTC", steady(9, 60))
    rows = [ask(store, dataset, "anomalies", explain=which).named() for which in ("flags", "views")]
    flagged = [[row for row in some if row["flagged"]] for some in rows]
    assert [row["why"] for row in flagged[0]] == [row["why"] for row in flagged[1]] != []
    assert all(row["moved"] for row in flagged[0])
    assert not any(row["moved"] for row in flagged[1])
