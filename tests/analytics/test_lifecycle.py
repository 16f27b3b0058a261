"""Lifecycle, lost users and stickiness equal their oracles, with the rollup and without, and their identities hold."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.dataset import Dataset
from analytics.store.client import Store
from sdk import ParamError
from sdk.report import NotSupported
from tests.analytics import oracle
from tests.analytics.events import Event, histories, stored
from tests.analytics.test_reports import ACTIVITY, EXAMPLES, ask, close, cut, often
from tests.analytics.test_trends import listed

fewer = settings(often, max_examples=max(1, EXAMPLES // 2))  # each example builds a rollup
EVERYTHING = st.sampled_from([[], ["item>=0"]])  # a filter that all events pass asks the events, not the rollup


def days_of(events: list[Event], zone: str, activity: tuple[str, ...]) -> dict[int, set[date]]:
    """Give each user's active days."""
    found: dict[int, set[date]] = {}
    for event in events:
        if not activity or event.behaviour in activity:
            found.setdefault(event.user, set()).add(oracle.day_of(event, zone))
    return found


def shown_days(dataset: Dataset, span: tuple[int, int]) -> list[date]:
    first, last = dataset.day_of(span[0]), dataset.day_of(span[1] - 1)
    return [first + timedelta(n) for n in range((last - first).days + 1)]


@fewer
@given(histories(span_days=40), ACTIVITY, st.sampled_from(["day", "week", "month"]), EVERYTHING, st.data())
def test_lifecycle_equals_its_oracle(  # what can be chosen
    store: Store, history: tuple[str, list[Event]], activity: tuple[str, ...], unit: str, where: list[str], data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events, activity=activity, rollup=True)
    params, span = cut(data.draw, dataset)
    raw = {"by": unit, "where": where, **params}
    rows = ask(store, dataset, "lifecycle", **raw).named()
    units = {
        user: {oracle.unit_of(day, unit) for day in days} for user, days in days_of(events, zone, activity).items()
    }
    assert [row[unit] for row in rows] == sorted(
        {oracle.unit_of(day, unit).isoformat() for day in shown_days(dataset, span)}
    )
    for row in rows:
        period = date.fromisoformat(row[unit])
        before = oracle.unit_of(period - timedelta(1), unit)
        active = {user for user, found in units.items() if period in found}
        active_before = {user for user, found in units.items() if before in found}
        new = {user for user in active if min(units[user]) == period}
        wanted = {
            "active": active,
            "new": new,
            "returning": (active & active_before) - new,
            "resurrected": active - active_before - new,
            "dormant": active_before - active,
        }
        assert {name: row[name] for name in wanted} == {name: len(users) for name, users in wanted.items()}
        assert row["active_before"] == len(active_before)
        assert close(row["churn_rate"], row["dormant"] / len(active_before) if active_before else None)
        assert row["active"] == row["new"] + row["returning"] + row["resurrected"]
        assert row["active"] - row["active_before"] == row["new"] + row["resurrected"] - row["dormant"]
        name = data.draw(st.sampled_from(sorted(wanted)))
        found = listed(store, dataset, "lifecycle", raw, {unit: row[unit], "column": name})
        assert len(found) == row[name]
        assert set(found) == wanted[name]


@fewer
@given(histories(span_days=14), ACTIVITY, st.integers(1, 8), EVERYTHING, st.data())
def test_lost_users_equal_their_oracle(  # what can be chosen
    store: Store, history: tuple[str, list[Event]], activity: tuple[str, ...], away: int, where: list[str], data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events, activity=activity, rollup=True)
    params, span = cut(data.draw, dataset)
    raw = {"away": away, "where": where, **params}
    days = shown_days(dataset, span)
    judged = [day for day in days if dataset.start_of(day + timedelta(away + 1)) <= dataset.end]
    if not judged:
        with pytest.raises(NotSupported, match="complete days of data after it"):
            ask(store, dataset, "lost_users", **raw)
        return
    active = days_of(events, zone, activity)
    rows = ask(store, dataset, "lost_users", **raw).named()
    assert [row["last_day"] for row in rows] == [day.isoformat() for day in days]
    for row, day in zip(rows, days, strict=True):
        there = {user for user, found in active.items() if day in found}
        lost = {u for u in there if not any(day < other <= day + timedelta(away) for other in active[u])}
        back = {u for u in lost if max(active[u]) > day}
        assert row["active"] == len(there)
        assert row["counted_on"] == str(day + timedelta(away + 1))
        assert row["complete"] == (day in judged)
        if day not in judged:
            assert row["lost"] is row["lost_share"] is row["back_since"] is None
            continue
        assert (row["lost"], row["back_since"]) == (len(lost), len(back))
        for column, users in (("lost", lost), ("back_since", back), ("active", there)):
            found = listed(store, dataset, "lost_users", raw, {"last_day": day, "column": column})
            assert len(found) == len(users)
            assert set(found) == users


@fewer
@given(histories(span_days=40), ACTIVITY, EVERYTHING, st.data())
def test_stickiness_equals_its_oracle(
    store: Store, history: tuple[str, list[Event]], activity: tuple[str, ...], where: list[str], data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events, activity=activity, rollup=True)
    params, span = cut(data.draw, dataset)
    raw = {"where": where, **params}
    active = days_of(events, zone, activity)
    rows = ask(store, dataset, "stickiness", **raw).named()
    assert [row["day"] for row in rows] == [str(day) for day in shown_days(dataset, span)]
    for row in rows:
        day = date.fromisoformat(row["day"])
        for column, window in (("dau", 1), ("wau", 7), ("mau", 30)):
            if day - timedelta(window - 1) < dataset.first_day:
                assert row[column] is None
                continue
            users = {u for u, found in active.items() if any(day - timedelta(window) < d <= day for d in found)}
            assert row[column] == len(users)
        assert close(row["dau_mau"], row["dau"] / row["mau"] if row["mau"] else None)
        assert row["dau"] <= (row["wau"] if row["wau"] is not None else row["dau"])
    row = data.draw(st.sampled_from(rows))
    for column in ("dau", "wau", "mau"):
        if row[column] is not None:
            found = listed(store, dataset, "stickiness", raw, {"day": row["day"], "column": column})
            assert len(found) == len(set(found)) == row[column]


@pytest.mark.parametrize(("days", "words"), [(3, "needs 7 days"), (9, "needs 30 days of data; there are 9"), (31, "")])
def test_stickiness_says_how_many_days_it_needs(store: Store, days: int, words: str) -> None:
    event = Event(1, 1_511_539_200, 1, 0, 1, 1, "pv", 0, "", "ads", "x")  # type: ignore[arg-type]
    dataset = stored(store, "UTC", [event, event._replace(ts=event.ts + (days - 1) * 86_400)], rollup=True)
    result = ask(store, dataset, "stickiness")
    assert words in " ".join(result.notes)
    assert bool(result.notes) == bool(words)
    assert result.chart
    assert result.chart.y == ("dau_mau",) if days > 30 else ("dau_wau",)


@fewer
@given(histories(span_days=9), ACTIVITY, EVERYTHING, st.data())
def test_stickiness_distribution_equals_its_oracle(
    store: Store, history: tuple[str, list[Event]], activity: tuple[str, ...], where: list[str], data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events, activity=activity, rollup=True)
    params, span = cut(data.draw, dataset)
    raw = {"where": where, **params}
    days = set(shown_days(dataset, span))
    counts = {user: len(found & days) for user, found in days_of(events, zone, activity).items() if found & days}
    rows = ask(store, dataset, "stickiness_distribution", **raw).named()
    assert [row["days"] for row in rows] == list(range(1, len(days) + 1))
    assert sum(row["users"] for row in rows) == len(counts)
    for row in rows:
        assert row["users"] == sum(count == row["days"] for count in counts.values())
        assert row["at_least"] == sum(count >= row["days"] for count in counts.values())
        assert row["active"] == len(counts)
    row, column = data.draw(st.sampled_from(rows)), data.draw(st.sampled_from(["users", "at_least"]))
    found = listed(store, dataset, "stickiness_distribution", raw, {"days": row["days"], "column": column})
    assert len(found) == len(set(found)) == row[column]


def test_a_list_behind_no_count_is_refused(store: Store) -> None:
    event = Event(1, 1_511_539_200, 1, 0, 1, 1, "pv", 0, "", "ads", "x")  # type: ignore[arg-type]
    dataset = stored(store, "UTC", [event], rollup=True)
    for name, at in (
        ("lifecycle", {"day": "2017-11-25", "column": "x; --"}),
        ("lifecycle", {"day": "2017-13-45", "column": "new"}),
        ("stickiness", {"day": "2017-11-25", "column": "dau_mau"}),
        ("stickiness_distribution", {"days": "-1"}),
    ):
        with pytest.raises(ParamError):
            listed(store, dataset, name, {}, at)
