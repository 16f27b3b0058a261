"""The rollups say of each user and day what the events say, and reports are the same with them as without."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.dataset import Dataset
from analytics.store import rollups, schema
from analytics.store.client import Store
from analytics.store.schema import Tables
from tests.analytics import oracle
from tests.analytics.events import Event, histories, stored
from tests.analytics.test_reports import ACTIVITY, ask, often
from tests.analytics.test_visits import visits_of

NEVER = date(1970, 1, 1)
GAP = 1800
Acts = dict[str, list[Event]]


def acts_of(events: list[Event], activity: tuple[str, ...]) -> Acts:
    """Tell a user's events apart by what the rollup counts."""
    return {
        "view": [event for event in events if event.role == 1],
        "active": [event for event in events if not activity or event.behaviour in activity],
        "buy": [event for event in events if event.role == 4],
    }


def rollup_of(zone: str, events: list[Event], activity: tuple[str, ...]) -> dict[tuple[int, date], dict[str, Any]]:
    """Sum up by hand."""
    found: dict[tuple[int, date], dict[str, Any]] = {}
    by_user: dict[int, list[Event]] = defaultdict(list)
    for event in sorted(events):
        by_user[event.user].append(event)
    for user, own in by_user.items():
        days = sorted({oracle.day_of(event, zone) for event in own})
        acts_ever = acts_of(own, activity)
        for day in days:
            today = [event for event in own if oracle.day_of(event, zone) == day]
            acts = acts_of(today, activity)
            visits = visits_of(today, GAP)
            row: dict[str, Any] = {"events": len(today), "visits": len(visits)}
            row["first_day"] = min((oracle.day_of(e, zone) for e in acts_ever["active"]), default=NEVER)
            for name, some in acts.items():
                row[f"{name}_hours"] = sum(1 << hour for hour in {oracle.local(e.ts, zone).hour for e in some})
                earlier = [d for e in acts_ever[name] if (d := oracle.day_of(e, zone)) < day]
                row[f"last_{name}"] = max(earlier, default=NEVER)
            row |= {"active": len(acts["active"]), "views": len(acts["view"]), "buys": len(acts["buy"])}
            row["visit_seconds"] = [visit[-1].ts - visit[0].ts for visit in visits]
            row["visit_events"] = [len(visit) for visit in visits]
            row["seconds"] = sum(row["visit_seconds"])
            gaps = [today[0].ts - e.ts for e in own if e.ts < today[0].ts and oracle.day_of(e, zone) < day]
            row["before"] = min((gap for gap in gaps if gap <= GAP), default=-1)
            gaps = [e.ts - today[-1].ts for e in own if oracle.day_of(e, zone) > day]
            row["after"] = min((gap for gap in gaps if gap <= GAP), default=-1)
            row["edges"] = sorted((e.ts, e.role, e.behaviour) for e in edges_of(today))
            found[user, day] = row
    return found


def edges_of(today: list[Event]) -> list[Event]:
    """Leave out who has the same behaviour as both neighbours, at another second than both."""
    own = sorted(today, key=lambda e: (e.ts, e.role, e.behaviour))
    padded = [None, *own, None]
    return [
        event
        for before, event, after in zip(padded, own, padded[2:], strict=False)
        if not all(near and near.behaviour == event.behaviour and near.ts != event.ts for near in (before, after))
    ]


@often
@given(histories(span_days=3), ACTIVITY)
def test_a_day_of_a_user_is_summed_up_as_by_hand(
    store: Store, history: tuple[str, list[Event]], activity: tuple[str, ...]
) -> None:
    zone, events = history
    stored(store, zone, events, activity=activity)
    tables = Tables(store, "random")
    rows = {(row["user_id"], row["day"]): row for row in store.ask(f"SELECT * FROM {tables.user_day(1)}").named()}
    wanted = rollup_of(zone, events, activity)
    assert rows.keys() == wanted.keys()
    for row in rows.values():
        row["edges"] = sorted(zip(row["edge_ts"], row["edge_role"], row["edge_behaviour"], strict=True))
    for key, row in wanted.items():
        assert {name: rows[key][name] for name in row} == row, key
    hours = store.ask(f"SELECT day, hour, events, views, buys FROM {tables.hour(1)}").rows
    by_hand: dict[tuple[date, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for event in events:
        at = oracle.local(event.ts, zone)
        for place, counts in enumerate((True, event.role == 1, event.role == 4)):
            by_hand[at.date(), at.hour][place] += counts
    assert sorted(hours) == sorted((*key, *counts) for key, counts in by_hand.items())


@often
@given(histories(span_days=3))
def test_purchases_of_an_hour_are_summed_up_as_by_hand(store: Store, history: tuple[str, list[Event]]) -> None:
    zone, events = history
    stored(store, zone, events)
    bought = [(event.user, oracle.local(event.ts, zone), event) for event in events if event.role == 4]
    places: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for user, at, event in bought:
        places[event.order].add((user, at.date(), at.hour))
    wanted: dict[tuple[Any, ...], list[Event]] = defaultdict(list)
    for user, at, event in bought:
        wanted[user, at.date(), at.hour].append(event)
    rows = store.ask(f"SELECT * FROM {Tables(store, 'random').buy_hour(1)}").named()
    found = {(row["user_id"], row["day"], row["hour"]): row for row in rows}
    assert found.keys() == wanted.keys()
    for key, own in wanted.items():
        orders = {event.order for event in own if event.order}
        assert found[key]["purchases"] == len(orders) + sum(not event.order for event in own)
        assert found[key]["paid"] == sum(event.amount for event in own)
        assert found[key]["again"] == sum(bool(event.order) and len(places[event.order]) > 1 for event in own)


WHOLE_DAYS = (
    ("overview", {"compare": "none"}),
    ("activity", {"by": "week"}),
    ("activity", {"by": "hour of day"}),
    ("activity", {"by": "hour of week"}),
    ("activity", {"by": "hour of week", "figures": "events"}),
    ("visits", {"by": "range"}),
    ("visits", {"by": "week"}),
    ("retention", {"unit": "week", "offsets": "3"}),
    ("decomposition", {"by": "week"}),
    ("funnel", {"window": "1h"}),
    *(
        ("funnel", {"same": "nothing", "steps": steps, "window": window, **more})
        for steps in (["view", "cart", "buy"], ["fav|view", "buy", "cart"], ["buy", "fav|view"], ["fav", "fav"])
        for window in ("1h", "2d", "same day")
        for more in ({}, {"times": "no"}, {"show": "days"})
    ),
)


@often
@given(histories(span_days=12), ACTIVITY, st.integers(0, 11), st.integers(1, 12), st.sampled_from(WHOLE_DAYS))
def test_whole_days_give_the_same_with_a_filter_that_all_events_pass(  # which looks at events: no rollup answers it
    store: Store,
    history: tuple[str, list[Event]],
    activity: tuple[str, ...],
    skipped: int,
    length: int,
    asked: tuple[str, dict[str, Any]],
) -> None:
    zone, events = history
    dataset = stored(store, zone, events, activity=activity)
    days = sorted({oracle.day_of(event, zone) for event in events})
    first = days[skipped % len(days)]
    last = days[min(len(days) - 1, skipped % len(days) + length)]
    name, params = asked
    params = {**params, "start": first.isoformat(), "end": (last + timedelta(1)).isoformat()}
    by_days = ask(store, dataset, name, **params)
    by_events = ask(store, dataset, name, **params, where=["item>=0"])
    assert by_days.rows == by_events.rows


def test_users_are_summed_up_in_shares_of_them(store: Store, monkeypatch: Any) -> None:
    events = [Event(user, 1_511_539_200 + n, 1, 0, 1, 1, "pv", 0, "", "", "") for user in range(40) for n in range(3)]  # type: ignore[arg-type]
    dataset = stored(store, "UTC", events)
    tables = Tables(store, "random")
    whole = sorted(store.ask(f"SELECT * FROM {tables.user_day(1)}").rows)
    monkeypatch.setattr(schema, "PASS_ROWS", 25)
    assert len(tables.user_ranges("event_v1", "Int64", 25)) == 5
    tables.build_rollups(dataset, 1)
    assert sorted(store.ask(f"SELECT * FROM {tables.user_day(1)}").rows) == whole


def test_a_rollup_of_an_older_form_is_seen(store: Store, monkeypatch: Any) -> None:
    stored(store, "UTC", [Event(1, 1_511_539_200, 1, 0, 1, 1, "pv", 0, "", "", "")])  # type: ignore[arg-type]
    tables = Tables(store, "random")
    assert tables.has_rollups(1)
    with monkeypatch.context() as changed:
        changed.setattr(rollups, "FILL_HOUR", rollups.FILL_HOUR.replace("countIf(role = 4)", "countIf(role >= 4)"))
        assert not tables.has_rollups(1), "another filling of the same columns"
    with monkeypatch.context() as changed:
        changed.setattr(rollups, "USER_DAY", rollups.USER_DAY[:-1])
        assert not tables.has_rollups(1)
    assert tables.has_rollups(1)
    tables.drop("hour_v1")
    assert not tables.has_rollups(1)


def test_rollups_that_were_not_filled_to_their_end_are_none(store: Store, monkeypatch: Any) -> None:
    dataset: Dataset = stored(store, "UTC", [Event(1, 1_511_539_200, 1, 0, 1, 1, "pv", 0, "", "", "")])  # type: ignore[arg-type]
    tables = Tables(store, "random")
    with monkeypatch.context() as killed:
        killed.setattr(tables, "user_ranges", _end)
        with pytest.raises(KeyboardInterrupt):
            tables.build_rollups(dataset, 1)
    assert not tables.has_rollups(1)
    tables.build_rollups(dataset, 1)
    assert tables.has_rollups(1)


def _end(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
