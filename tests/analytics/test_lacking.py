"""What the data cannot support is said by every report, and no number stands in its place."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from analytics import catalog
from analytics.store.client import Store
from sdk.report import NotSupported
from tests.analytics.events import Event, stored
from tests.analytics.test_reports import ask

START = 1_511_539_200
VIEW = Event(1, START, 9, 0, 1, 1, "seen", Decimal(0), "", "ads", "Berlin")
WORKS = "works without"  # the report needs none of it

# Of a dataset without roles, amounts, items, categories and channels, of nine days: what a report says.
BARE: dict[str, tuple[dict[str, Any], str]] = {
    "activity": ({}, "no behaviour of this dataset has the role view"),
    "anomalies": ({}, "no behaviour of this dataset has the role view"),
    "behaviour_reach": ({}, "no behaviour of this dataset has the role view"),
    "decomposition": ({}, "no behaviour of this dataset has the role view"),
    "fav_to_buy": ({}, "this dataset has no item column"),
    "funnel": ({}, "no behaviour of this dataset has the role view"),
    "lifecycle": ({}, WORKS),
    "lost_users": ({"away": 30}, "no day of the range has 30 complete days of data after it; the data have 9 days"),
    "ltv": ({}, "no behaviour of this dataset has the role buy"),
    "overview": ({}, "Revenue needs an amount column"),
    "pareto": ({}, "no behaviour of this dataset has the role buy"),
    "paths": ({"node": "behaviour and category"}, "this dataset has no category column"),
    "purchase_paths": ({}, "this dataset has no item column"),
    "quadrant": ({}, "no behaviour of this dataset has the role view"),
    "repurchase": ({}, "no behaviour of this dataset has the role buy"),
    "retention": ({}, "D30 needs more days: 22"),
    "rfm": ({}, "no behaviour of this dataset has the role buy"),
    "stickiness": ({}, "DAU/MAU needs 30 days of data; there are 9"),
    "stickiness_distribution": ({}, WORKS),
    "trends": ({"events": ["buy"]}, "no behaviour of this dataset has the role buy"),
    "visits": ({}, WORKS),
}


def said(store: Store, dataset: Any, name: str, raw: dict[str, Any]) -> str:
    """Give all that a report says, a refusal or its notes."""
    try:
        return " ".join(ask(store, dataset, name, **raw).notes)
    except NotSupported as error:
        return str(error.text)


@pytest.mark.parametrize("name", catalog.names())
def test_a_report_says_what_is_missing(store: Store, name: str) -> None:
    events = [VIEW._replace(user=user, ts=START + day * 86_400 + user) for day in range(9) for user in range(5)]
    dataset = stored(store, "UTC", events, high=START + 9 * 86_400, rollup=True)
    bare = replace(dataset, roles={}, mapped=frozenset())
    raw, wanted = BARE[name]
    text = said(store, bare, name, raw)
    assert wanted.lower() in text.lower() or wanted == WORKS
    if wanted == WORKS:
        assert ask(store, bare, name, **raw).rows


def test_no_number_stands_for_what_is_not_known(store: Store) -> None:
    dataset = replace(stored(store, "UTC", [VIEW]), roles={}, mapped=frozenset())
    shown = {row["metric"]: row["value"] for row in ask(store, dataset, "overview").named()}
    assert all(shown[name] is None for name in ("pv", "uv", "buyers", "purchases", "pv_per_user", "user_conversion"))
    assert (shown["events"], shown["active_users"]) == (1, 1)
    (row,) = ask(store, dataset, "activity").named()
    assert (row["pv"], row["uv"], row["buyers"], row["buyers_of_uv"], row["events"]) == (None, None, None, None, 1)


@pytest.mark.parametrize("name", catalog.names())
def test_one_row_is_enough_to_be_told_what_is_missing_or_to_see_it(store: Store, name: str) -> None:
    dataset = stored(store, "Asia/Shanghai", [VIEW._replace(behaviour="pv", role=1)], rollup=True)
    text = said(store, dataset, name, {})
    assert text or ask(store, dataset, name).rows is not None


@pytest.mark.parametrize("name", catalog.names())
def test_a_row_whose_clock_is_fast_does_not_complete_the_day_on_which_it_came(store: Store, name: str) -> None:
    """The last row lies 20 hours after the import that brought it: every report answers, also of that day alone."""
    events = [
        VIEW._replace(user=user, role=role, behaviour=behaviour, ts=START + day * 86_400 + user)
        for day in range(40)
        for user in range(5)
        for role, behaviour in ((1, "pv"), (4, "buy"))
    ]
    read = START + 39 * 86_400 + 36_000  # 10:00 of the last day
    fast = VIEW._replace(ts=read + 20 * 3600, role=1, behaviour="pv")
    dataset = replace(stored(store, "Asia/Shanghai", [*events, fast], rollup=True), read_ts=read)
    assert dataset.end == read
    today, tomorrow = (str(dataset.day_of(ts)) for ts in (read, fast.ts))
    for raw in ({}, {"start": today}, {"start": tomorrow}):
        try:
            found = ask(store, dataset, name, **raw)
        except NotSupported:
            continue
        names = [column.name for column in found.columns]
        if "complete" not in names:
            continue
        for row in found.rows:
            bucket = dict(zip(names, row, strict=True))
            day = str(bucket.get("day") or bucket.get("cohort") or "")
            assert not (bucket["complete"] and today <= day < "mean"), bucket
