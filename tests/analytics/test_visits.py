"""Visits, purchase path types and paths equal their oracles; at every node of a path as many go in as come out."""

from collections import defaultdict
from typing import Any

import numpy
from hypothesis import given
from hypothesis import strategies as st

from analytics.dataset import DAY
from analytics.store.client import Store
from tests.analytics import oracle
from tests.analytics.events import Event, histories, stored
from tests.analytics.test_reports import ACTIVITY, ask, close, cut, often, within
from tests.analytics.test_trends import listed


def visits_of(events: list[Event], gap: int) -> list[list[Event]]:
    """Give each visit's events, in the user's order."""
    found: list[list[Event]] = []
    for event in sorted(events):
        if found and found[-1][-1].user == event.user and event.ts - found[-1][-1].ts <= gap:
            found[-1].append(event)
        else:
            found.append([event])
    return found


@often
@given(
    histories(span_days=3),
    ACTIVITY,
    st.sampled_from(["day", "week", "month", "hour of day", "range"]),
    st.sampled_from([1, 30, 60, 1440]),
    st.data(),
)
def test_visits_equal_their_oracle(
    store: Store, history: tuple[str, list[Event]], activity: tuple[str, ...], unit: str, gap: int, data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events, activity=activity)
    params, span = cut(data.draw, dataset)
    raw = {"by": unit, "gap": gap, **params}

    def bucket(event: Event) -> Any:
        at = oracle.local(event.ts, zone)
        if unit in ("range", "hour of day"):
            return at.hour if unit == "hour of day" else "range"
        return oracle.unit_of(at.date(), unit).isoformat()

    events = within(events, span)
    visits = visits_of(events, gap * 60)
    name = unit.replace(" ", "_")
    rows = ask(store, dataset, "visits", **raw).named()
    assert {bucket(event) for event in events} <= {row[name] for row in rows}
    assert sum(row["visits"] for row in rows) == len(visits)
    for row in rows:
        own = [visit for visit in visits if bucket(visit[0]) == row[name]]
        lengths = [visit[-1].ts - visit[0].ts for visit in own]
        active = {e.user for e in events if bucket(e) == row[name] and (not activity or e.behaviour in activity)}
        assert (row["visits"], row["seconds"], row["active_users"]) == (len(own), sum(lengths), len(active))
        assert (row["single"], row["events"]) == (sum(len(v) == 1 for v in own), sum(map(len, own)))
        assert close(row["median_length"], float(numpy.median(lengths)) if own else None)
        assert close(row["mean_length"], sum(lengths) / len(own) if own else None)
        assert close(row["frequency"], len(own) / len(active) if active else None)
        assert row["users"] == len({visit[0].user for visit in own})
    row = data.draw(st.sampled_from(rows))
    found = listed(store, dataset, "visits", raw, {name: row[name]})
    assert len(found) == row["users"]
    assert set(found) == {visit[0].user for visit in visits if bucket(visit[0]) == row[name]}


@often
@given(histories(span_days=5), st.integers(1, 3), st.data())
def test_purchase_paths_equal_their_oracle(
    store: Store, history: tuple[str, list[Event]], days: int, data: Any
) -> None:
    zone, events = history
    events = [*events, events[0]._replace(behaviour="buy", role=4, city="x")]
    dataset = stored(store, zone, events)
    params, span = cut(data.draw, dataset)
    raw = {"days": days, **params}
    wanted: dict[str, list[int]] = defaultdict(list)
    for user, item in {(e.user, e.item) for e in events}:
        own = [e for e in events if (e.user, e.item) == (user, item)]
        bought = [e.ts for e in within(own, span) if e.behaviour == "buy"]
        if not bought:
            continue
        before = {e.behaviour for e in own if min(bought) - days * DAY <= e.ts <= min(bought)}
        names = [name for code, name in (("pv", "view"), ("fav", "fav"), ("cart", "cart")) if code in before]
        wanted[f"{' + '.join(names)} → buy" if names else "buy only"].append(user)
    rows = ask(store, dataset, "purchase_paths", **raw).named()
    assert len(rows) == 8
    assert set(wanted) <= {row["path"] for row in rows}
    every = sum(len(users) for users in wanted.values())
    for row in rows:
        assert row["pairs"] == len(wanted[row["path"]])
        assert close(row["share"], row["pairs"] / every if every else None)
        found = listed(store, dataset, "purchase_paths", raw, {"path": row["path"]})
        assert len(found) == row["users"]
        assert set(found) == set(wanted[row["path"]])
