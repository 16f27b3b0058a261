"""Each report equals its oracle, on small random histories, in zones whose clocks change."""

import math
import os
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import answers, catalog
from analytics.asking import Data
from analytics.dataset import Dataset
from analytics.store.client import Store
from sdk.report import Result
from tests.analytics import oracle
from tests.analytics.events import Event, histories, stored

# OMSERVER_TEST_EXAMPLES=500 looks longer; each example costs some round trips to a real store
EXAMPLES = int(os.environ.get("OMSERVER_TEST_EXAMPLES", "12"))
often = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
ACTIVITY = st.sampled_from([(), ("pv", "buy")])


def ask(store: Store, dataset: Dataset, name: str, **raw: Any) -> Result:
    return answers.answer(store, dataset, catalog.one(name), raw, now=0).result


def report_listed(store: Store, dataset: Dataset, name: str, raw: dict[str, Any], at: dict[str, Any]) -> list[Any]:
    """Give the list of users behind a number, as the pages ask for it."""
    report = catalog.one(name)
    assert report.users
    return report.users(Data(store, dataset), answers.parsed(report, raw), {k: str(v) for k, v in at.items()})


def by(result: Result, column: str) -> dict[Any, dict[str, Any]]:
    return {row[column]: row for row in result.named()}


def close(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and math.isclose(one, other, rel_tol=1e-9))


def cut(draw: Any, dataset: Dataset) -> tuple[dict[str, str], tuple[int, int]]:
    """Choose some days of a dataset that hold a row: as parameters, and as seconds."""
    days = sorted({dataset.day_of(ts) for ts in (dataset.first_ts, dataset.last_ts)})
    which = draw(st.sampled_from(["all", "first day", "from second"]))
    if which == "first day":
        end = oracle.later(days[0], "day", 1)
        return {"start": str(days[0]), "end": str(end)}, (dataset.start_of(days[0]), dataset.start_of(end))
    if which == "from second" and days[-1] > days[0]:
        return {"start": str(days[-1])}, (dataset.start_of(days[-1]), dataset.last_ts + 1)
    return {}, (dataset.first_ts, dataset.last_ts + 1)


def within(events: list[Event], span: tuple[int, int]) -> list[Event]:
    return [event for event in events if span[0] <= event.ts < span[1]]


@often
@given(histories(), ACTIVITY, st.data())
def test_overview_equals_its_oracle(
    store: Store, history: tuple[str, list[Event]], activity: tuple[str, ...], data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events, activity=activity)
    params, span = cut(data.draw, dataset)
    shown = by(ask(store, dataset, "overview", **params), "metric")
    wanted = oracle.counts(within(events, span), activity)
    assert {name: shown[name]["value"] for name in wanted} == wanted
    for name, above, below in (
        ("pv_per_user", "pv", "uv"),
        ("user_conversion", "buyers", "uv"),
        ("event_conversion", "purchases", "pv"),
    ):
        assert close(shown[name]["value"], wanted[above] / wanted[below] if wanted[below] else None)
        assert (shown[name]["numerator"], shown[name]["denominator"]) == (wanted[above], wanted[below])


@often
@given(histories(), st.sampled_from(["previous", "same weekdays"]))
def test_what_overview_compares_with_is_the_overview_of_that_range(
    store: Store, history: tuple[str, list[Event]], compare: str
) -> None:
    zone, events = history
    dataset = stored(store, zone, events)
    day = dataset.day_of(dataset.last_ts)
    before = oracle.later(day, "day", -(7 if compare == "same weekdays" else 1))
    shown = by(ask(store, dataset, "overview", start=str(day), compare=compare), "metric")
    if before < dataset.first_day:
        assert shown["pv"]["before"] is None
        return
    old = [event for event in events if oracle.day_of(event, zone) == before]
    assert {name: shown[name]["before"] for name in oracle.counts(old, ())} == oracle.counts(old, ())


@often
@given(
    histories(span_days=40), ACTIVITY, st.sampled_from(["day", "week", "month", "hour", "hour of day", "hour of week"])
)
def test_activity_equals_its_oracle(
    store: Store, history: tuple[str, list[Event]], activity: tuple[str, ...], unit: str
) -> None:
    zone, events = history
    dataset = stored(store, zone, events, activity=activity)
    result = ask(store, dataset, "activity", by=unit)

    def bucket(event: Event) -> Any:
        at = oracle.local(event.ts, zone)
        if unit == "hour":
            return oracle.hour_of(event.ts, zone)
        if unit == "hour of day":
            return at.hour
        if unit == "hour of week":
            return (["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][at.weekday()], at.hour)
        return oracle.unit_of(at.date(), unit).isoformat()

    shown = {
        (row["weekday"], row["hour"]) if unit == "hour of week" else row[result.names[0]]: row for row in result.named()
    }
    assert len(shown) == len(result.rows)
    for key, row in shown.items():
        wanted = oracle.counts([event for event in events if bucket(event) == key], activity)
        assert {name: row[name] for name in wanted} == wanted
        assert close(row["buyers_of_uv"], wanted["buyers"] / wanted["uv"] if wanted["uv"] else None)
    assert {bucket(event) for event in events} <= set(shown)


@often
@given(histories(), ACTIVITY)
def test_behaviour_reach_equals_its_oracle(
    store: Store, history: tuple[str, list[Event]], activity: tuple[str, ...]
) -> None:
    zone, events = history
    dataset = stored(store, zone, events, activity=activity)
    shown = by(ask(store, dataset, "behaviour_reach"), "behaviour")
    total = oracle.counts(events, activity)
    assert set(shown) == {event.behaviour for event in events}
    for behaviour, row in shown.items():
        reached = oracle.users(events, oracle.is_(behaviour))
        number = Counter(event.behaviour for event in events)[behaviour]
        assert (row["events"], row["users"]) == (number, len(reached))
        assert close(row["share_of_active"], len(reached) / total["active_users"] if total["active_users"] else None)
        assert close(row["events_per_view"], number / total["pv"] if total["pv"] else None)


@often
@given(histories(span_days=40), st.sampled_from(["day", "week", "month"]))
def test_the_parts_of_a_change_add_up_to_it(store: Store, history: tuple[str, list[Event]], unit: str) -> None:
    zone, events = history
    events = [*events, events[0]._replace(behaviour="pv", role=1, amount=0, order="", city="view")]
    dataset = stored(store, zone, events)
    before = None
    for row in ask(store, dataset, "decomposition", by=unit).named():
        here = [event for event in events if oracle.unit_of(oracle.day_of(event, zone), unit).isoformat() == row[unit]]
        wanted = oracle.counts(here, ())
        assert (row["pv"], row["uv"]) == (wanted["pv"], wanted["uv"])
        if before and before["pv"] and row["pv"]:
            assert close(row["log_change"], math.log(row["pv"] / before["pv"]))
            assert math.isclose(row["log_users"] + row["log_depth"], row["log_change"], abs_tol=1e-9)
            assert math.isclose(row["log_users"], math.log(row["uv"] / before["uv"]), abs_tol=1e-9)
            assert row["change"] is not None
            assert row["sentence"]
        else:
            assert row["log_change"] is None
        before = row


KINDS = st.sampled_from(["n-day", "unbounded", "bracket"])
MEMBERS = st.sampled_from(["first ever", "first in range", "recurring"])
EVENTS = st.sampled_from([(), ("view",), ("cart", "share"), ("buy",)])
CODES = {"view": "pv"}


def test_of(names: tuple[str, ...], activity: tuple[str, ...]) -> oracle.Test:
    codes = [CODES.get(name, name) for name in names] or list(activity)
    return oracle.is_(*codes) if codes else lambda _: True


test_of.__test__ = False  # type: ignore[attr-defined]  # a helper, whatever its name


@settings(often, max_examples=2 * EXAMPLES)
@given(
    histories(span_days=40),
    st.sampled_from(["day", "week", "month"]),
    MEMBERS,
    KINDS,
    EVENTS,
    EVENTS,
    st.booleans(),
    st.data(),
)
def test_retention_equals_its_oracle(  # noqa: PLR0917  # what can be chosen
    store: Store,
    history: tuple[str, list[Event]],
    unit: str,
    membership: str,
    kind: str,
    begin: tuple[str, ...],
    back: tuple[str, ...],
    hours: bool,
    data: Any,
) -> None:
    zone, events = history
    hours = hours and unit != "month"
    known = {event.behaviour for event in events} | set(CODES) | {"fav", "cart", "buy"}
    begin, back = (tuple(name for name in names if name in known) for names in (begin, back))
    dataset = stored(store, zone, events)
    params, span = cut(data.draw, dataset)
    result = ask(
        store, dataset, "retention", unit=unit, membership=membership, kind=kind, begin=list(begin), back=list(back),
        offsets=9, brackets=["0-1", "1-3", "2-9"], count="24 hours" if hours else "calendar", **params,
    )  # fmt: skip
    own = list(oracle.cohorts(events, zone, unit, membership, test_of(begin, ()), span))
    for row in result.named():
        if row["cohort"] == "mean":
            continue
        members = [start for bucket, start in own if bucket.isoformat() == row["cohort"]]
        assert row["size"] == len(members)
        low = int(str(row["offset"]).split("-")[0])
        high = (
            {"n-day": low, "unbounded": math.inf}.get(kind) if kind != "bracket" else int(row["offset"].split("-")[1])
        )
        retained = sum(
            oracle.came_back(events, zone, unit, start, test_of(back, ()), (low, high), hours) for start in members
        )
        if row["retained"] is None:
            assert retained == 0
            assert not row["complete"]
        else:
            assert row["retained"] == retained
            assert close(row["rate"], retained / len(members) if members else None)
    assert {bucket.isoformat() for bucket, _ in own} <= {row["cohort"] for row in result.named()}
    raw = {
        "unit": unit, "membership": membership, "kind": kind, "begin": list(begin), "back": list(back), "offsets": 9,
        "brackets": ["0-1", "1-3", "2-9"], "count": "24 hours" if hours else "calendar", **params,
    }  # fmt: skip
    row = data.draw(st.sampled_from(result.named()))
    at = {"cohort": row["cohort"], "offset": row["offset"]}
    found = {
        name: report_listed(store, dataset, "retention", raw, {**at, "column": name})
        for name in ("size", "retained", "away")
    }
    assert (len(found["size"]), len(found["retained"])) == (row["size"], row["retained"] or 0)
    assert sorted(found["retained"] + found["away"]) == sorted(found["size"])
    if row["cohort"] != "mean":
        assert set(found["size"]) == {start.user for bucket, start in own if bucket.isoformat() == row["cohort"]}
    laws_of_retention(result, kind, same=begin == back)


def laws_of_retention(result: Result, kind: str, *, same: bool) -> None:
    """The mean is that of complete cells; day 0 is everybody where start and return agree; unbounded never rises."""
    rows = [row for row in result.named() if row["cohort"] != "mean"]
    for mean in (row for row in result.named() if row["cohort"] == "mean"):
        cells = [row for row in rows if row["offset"] == mean["offset"] and row["complete"] and row["size"]]
        assert mean["size"] == sum(row["size"] for row in cells)
        assert close(mean["rate"], sum(row["retained"] for row in cells) / mean["size"] if cells else None)
    if same and kind != "bracket":
        assert all(row["retained"] == row["size"] for row in rows if row["offset"] == 0 and row["retained"] is not None)
    if kind == "unbounded":
        for cohort in {row["cohort"] for row in rows}:
            counts = [row["retained"] for row in rows if row["cohort"] == cohort and row["retained"] is not None]
            assert counts == sorted(counts, reverse=True)
