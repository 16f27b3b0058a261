"""LTV: the pinned arithmetic, the curves against numpy, what is observed against an oracle, and the guards."""

import dataclasses
import math
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.curves import Fit, NoCurveError, Point, fit, payback
from analytics.store.client import Store
from sdk.report import NotSupported
from tests.analytics import oracle
from tests.analytics.events import Event, histories, stored
from tests.analytics.test_reports import ACTIVITY, ask, by, close, cut, often

START = 1_509_494_400  # 2017-11-01 in UTC
POINTS = st.lists(
    st.builds(lambda rate, weight: (rate / 100, weight), st.integers(1, 99), st.integers(1, 500)),
    min_size=5,
    max_size=20,
).map(lambda found: [Point(n, *pair) for n, pair in enumerate(found, 1)])


def test_the_log_curve_of_the_pinned_example_ends_on_day_262() -> None:
    found = fit("log", [Point(n, -0.096 * math.log(n) + 0.5347, 100) for n in range(1, 31)])
    assert (round(found.a, 6), round(found.b, 6)) == (-0.096, 0.5347)
    assert found.zero
    assert int(found.zero) == 262
    assert found.r2
    assert abs(found.r2 - 1) < 1e-9
    assert found.at(262) > 0
    assert found.at(263) == 0
    assert found.at(1000) == 0


@given(POINTS, st.sampled_from(["power", "log", "exponential"]))
def test_a_fit_is_numpys_weighted_least_squares(points: list[Point], kind: str) -> None:
    x = [p.n if kind == "exponential" else math.log(p.n) for p in points]
    y = [p.rate if kind == "log" else math.log(p.rate) for p in points]
    slope, start = numpy.polyfit(x, y, 1, w=numpy.sqrt([p.weight for p in points]))
    if abs(slope) < 1e-9:
        return
    if slope > 0:
        with pytest.raises(NoCurveError, match="does not fall"):
            fit(kind, points)
        return
    found = fit(kind, points)
    wanted = (slope, start) if kind == "log" else (math.exp(start), -slope)
    assert numpy.allclose((found.a, found.b), wanted, rtol=1e-6, atol=1e-9)
    values = [found.at(n) for n in range(1, 400)]
    assert all(0 <= value <= 1 for value in values)
    assert values == sorted(values, reverse=True)
    assert found.r2 is None or found.r2 <= 1


def test_few_points_and_days_without_anybody_give_no_curve() -> None:
    for kind in ("power", "log", "exponential"):
        with pytest.raises(NoCurveError, match="needs 5 complete days, there are 4"):
            fit(kind, [Point(n, 0.5 / n, 10) for n in range(1, 5)])
    with pytest.raises(NoCurveError, match="there are 0"):
        fit("power", [Point(n, 0.0, 10) for n in range(1, 20)])
    assert fit("log", [Point(n, 0.5 if n < 3 else 0.0, 10) for n in range(1, 20)]).points == 19


def test_payback_is_interpolated_within_its_day() -> None:
    assert payback([1, 1, 1], 2.5) == 2.5
    assert payback([1, 1, 1], 3) == 3
    assert payback([0, 4], 1) == 1.25
    assert payback([1, 1, 1], 3.01) is None
    assert payback([], 1) is None
    assert Fit("power", 0.5, 0.5, 9).at(1) == 0.5


@often
@given(histories(span_days=40), ACTIVITY, st.sampled_from(["day", "week", "month"]), st.data())
def test_observed_ltv_equals_its_oracle(
    store: Store, history: tuple[str, list[Event]], activity: tuple[str, ...], unit: str, data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events, activity=activity)
    params, span = cut(data.draw, dataset)
    active: oracle.Test = (lambda e: e.behaviour in activity) if activity else (lambda _: True)
    cohorts: dict[date, set[int]] = defaultdict(set)
    for bucket, event in oracle.cohorts(events, zone, unit, "first ever", active, span):
        cohorts[bucket].add(event.user)
    rows = ask(store, dataset, "ltv", unit=unit, **params).named()
    assert {str(bucket) for bucket in cohorts} <= {row["cohort"] for row in rows}
    for row in rows:
        if row["cohort"] == "mean":
            cells = [
                r
                for r in rows
                if r["offset"] == row["offset"] and r["complete"] and r["cohort"] != "mean" and r["size"]
            ]
            assert row["size"] == sum(r["size"] for r in cells)
            assert close(row["ltv"], sum(r["revenue"] for r in cells) / row["size"] if cells else None)
            continue
        bucket = date.fromisoformat(row["cohort"])
        units = [oracle.later(bucket, unit, n) for n in range(row["offset"] + 2)]
        assert row["size"] == len(cohorts[bucket])
        if dataset.start_of(units[-1]) > dataset.end:
            assert row["revenue"] is row["ltv"] is None
            continue
        revenue = sum(
            (
                event.amount
                for event in events
                if event.user in cohorts[bucket]
                and event.behaviour == "buy"
                and oracle.unit_of(oracle.day_of(event, zone), unit) in units[:-1]
            ),
            Decimal(0),
        )
        assert close(row["revenue"], float(revenue))
        assert close(row["ltv"], float(revenue) / row["size"] if row["size"] else None)


def fading(days: int) -> list[Event]:
    """Give users of whom ever fewer come back, each paying 1 on each active day."""
    event = Event(1, START, 4, 0, 1, 1, "buy", Decimal(1), "", "ads", "x")
    return [
        event._replace(user=first * 100 + user, ts=START + (first + n) * 86_400 + user)
        for first in range(days)
        for user in range(20)
        for n in range(days - first)
        if user < 20 * 0.6 ** min(n, 1) / max(1, n) ** 0.5
    ]


def test_the_figures_fit_together(store: Store) -> None:
    dataset = stored(store, "UTC", fading(15), high=START + 15 * 86_400)
    result = ask(store, dataset, "ltv", show="summary", horizon=90, cost=600)
    found = by(result, "metric")
    assert found["new_users"]["value"] == 300
    assert found["revenue_per_active_day"]["value"] == 1
    assert close(found["ltv"]["value"], found["lifetime"]["value"])
    assert found["cac"]["value"] == 2
    assert close(found["ltv_per_cac"]["value"], found["ltv"]["value"] / 2)
    curve = ask(store, dataset, "ltv", show="curve", horizon=90).named()
    assert close(curve[-1]["lifetime"], found["lifetime"]["value"])
    assert curve[0]["observed"] == 1
    retention = [r for r in ask(store, dataset, "retention").named() if r["cohort"] == "mean" and r["rate"] is not None]
    assert [r["rate"] for r in retention] == [row["observed"] for row in curve if row["observed"] is not None]
    after = found["payback"]["value"]
    whole = int(after)
    before = curve[whole - 1]["lifetime"] if whole else 0
    assert close(before + (after - whole) * (curve[whole]["lifetime"] - before), 2.0)
    assert close(after, found["payback_observed"]["value"])
    assert found["power_r2"]["value"] > 0.8
    assert "within 90 days" in " ".join(result.notes)
    assert "reference of 3" in " ".join(result.notes)


def test_without_cost_or_payback_it_says_so(store: Store) -> None:
    dataset = stored(store, "UTC", fading(15), high=START + 15 * 86_400)
    result = ask(store, dataset, "ltv", show="summary")
    assert by(result, "metric")["cac"]["value"] is None
    assert "set cost" in " ".join(result.notes)
    result = ask(store, dataset, "ltv", show="summary", cost=1e9)
    assert by(result, "metric")["payback"]["value"] is None
    assert "not paid back within 180 days" in " ".join(result.notes)


def test_what_the_data_do_not_allow_is_said_and_no_number_shown(store: Store) -> None:
    dataset = stored(store, "UTC", fading(4), high=START + 4 * 86_400)
    for show in ("curve", "summary"):
        with pytest.raises(NotSupported, match="not enough data: a power curve needs 5 complete days, there are 3"):
            ask(store, dataset, "ltv", show=show)
    bare = dataclasses.replace(dataset, mapped=frozenset({"item"}))
    for show in ("observed", "summary"):
        with pytest.raises(NotSupported, match="no amount column"):
            ask(store, bare, "ltv", show=show)
