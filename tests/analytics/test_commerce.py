"""Repurchase, Pareto, quadrant, fav to buy and RFM equal their oracles."""

import dataclasses
import json
import math
from collections import Counter, defaultdict
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.dataset import DAY, Dataset, Kind, Layout
from analytics.reports import pareto, rfm
from analytics.store.client import Store
from analytics.store.schema import Tables, event_columns
from analytics.wilson import wilson
from sdk.report import NotSupported
from tests.analytics import oracle
from tests.analytics.events import Event, histories, stored
from tests.analytics.test_reports import ask, by, close, cut, often, within
from tests.analytics.test_trends import listed

THING = st.sampled_from(["category", "item"])


def purchases(events: list[Event]) -> dict[int, list[int]]:
    """Give the seconds of each user's purchases."""
    found: dict[int, list[int]] = defaultdict(list)
    for user in {e.user for e in events if e.behaviour == "buy"}:
        own = [e for e in events if e.user == user and e.behaviour == "buy"]
        found[user] = [e.ts for e in own if not e.order]
        found[user] += [min(e.ts for e in own if e.order == order) for order in {e.order for e in own} - {""}]
    return found


@often
@given(histories(span_days=10), st.sampled_from(["range", "day", "week", "month"]), st.data())
def test_repurchase_equals_its_oracle(store: Store, history: tuple[str, list[Event]], unit: str, data: Any) -> None:
    zone, events = history
    dataset = stored(store, zone, events)
    params, span = cut(data.draw, dataset)
    raw = {"by": unit, **params}

    def bucket(ts: int) -> str:
        return "range" if unit == "range" else oracle.unit_of(oracle.local(ts, zone).date(), unit).isoformat()

    times = purchases(within(events, span))
    rows = ask(store, dataset, "repurchase", **raw).named()
    assert {bucket(ts) for found in times.values() for ts in found} <= {row[unit] for row in rows}
    for row in rows:
        own = {user: [ts for ts in found if bucket(ts) == row[unit]] for user, found in times.items()}
        buyers = {user for user, found in own.items() if found}
        again = {user for user, found in own.items() if len(found) >= 2}
        two = {user for user, found in own.items() if len({oracle.local(ts, zone).date() for ts in found}) >= 2}
        assert row["purchases"] == sum(map(len, own.values()))
        assert close(row["rate"], len(again) / len(buyers) if buyers else None)
        assert close(row["rate_on_two_days"], len(two) / len(buyers) if buyers else None)
        for column, users in (("buyers", buyers), ("repurchasers", again), ("on_two_days", two)):
            assert row[column] == len(users)
            assert set(listed(store, dataset, "repurchase", raw, {unit: row[unit], "column": column})) == users


@often
@given(histories(span_days=10), st.data())
def test_the_intervals_of_purchases_equal_their_oracle(
    store: Store, history: tuple[str, list[Event]], data: Any
) -> None:
    zone, events = history
    events = [*events, *(e._replace(behaviour="buy", role=4, ts=e.ts + 90_000, city="again") for e in events[:5])]
    events = list(dict.fromkeys(events))
    dataset = stored(store, zone, events)
    params, span = cut(data.draw, dataset)
    raw = {"show": "intervals", **params}
    wanted: Counter[int] = Counter()
    people: dict[int, set[int]] = defaultdict(set)
    for user, times in purchases(within(events, span)).items():
        days = [oracle.local(ts, zone).date() for ts in sorted(times)]
        for one, other in pairwise(days):
            wanted[(other - one).days] += 1
            people[(other - one).days].add(user)
    rows = ask(store, dataset, "repurchase", **raw).named()
    assert {row["days"]: row["intervals"] for row in rows} == wanted
    for row in rows:
        assert row["up_to"] == sum(n for days, n in wanted.items() if days <= row["days"])
        assert row["users"] == len(people[row["days"]])
        assert set(listed(store, dataset, "repurchase", raw, {"days": row["days"]})) == people[row["days"]]
    if rows:
        assert rows[-1]["share_up_to"] == 1


@often
@given(histories(), THING, st.integers(1, 100), st.data())
def test_pareto_equals_its_oracle(
    store: Store, history: tuple[str, list[Event]], of: str, reach: int, data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events)
    params, span = cut(data.draw, dataset)
    raw = {"of": of, "reach": reach, **params}
    kept = within(events, span)
    bought = Counter(str(getattr(e, of)) for e in kept if e.behaviour == "buy")
    ranked = sorted(bought.items(), key=lambda pair: (-pair[1], pair[0].encode()))
    every = sum(bought.values())
    k = next(
        (n for n in range(len(ranked) + 1) if ranked and 100 * sum(c for _, c in ranked[:n]) >= reach * every), None
    )
    rows = ask(store, dataset, "pareto", **raw).named()
    assert [(row["name"], row["buys"]) for row in rows] == ranked
    assert sum(row["in_top"] for row in rows) == (k or 0)
    for number, row in enumerate(rows, 1):
        assert row["rank"] == number
        assert close(row["share_up_to"], sum(c for _, c in ranked[:number]) / every)
        users = {e.user for e in kept if e.behaviour == "buy" and str(getattr(e, of)) == row["name"]}
        assert row["buyers"] == len(users)
        assert set(listed(store, dataset, "pareto", raw, {"name": row["name"]})) == users
    figures = by(ask(store, dataset, "pareto", show="summary", **raw), "metric")
    viewed = {getattr(e, of) for e in kept if e.behaviour == "pv"}
    assert (figures["sold"]["value"], figures["viewed"]["value"]) == (len(ranked), len(viewed))
    assert (figures["buys"]["value"], figures["k"]["value"]) == (every, k)
    assert close(figures["k_of_sold"]["value"], k / len(ranked) if ranked else None)
    assert close(figures["gini"]["value"], float(mean_difference([c for _, c in ranked])) if ranked else None)


def mean_difference(counts: list[int]) -> Fraction:
    """Give the Gini coefficient by its definition: half the mean difference over the mean."""
    differences = sum(abs(one - other) for one in counts for other in counts)
    return Fraction(differences, 2 * len(counts) * sum(counts))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 100))
def test_k_and_gini_from_sizes_are_those_of_the_things(counts: list[int], reach: int) -> None:
    counts.sort(reverse=True)
    sizes = sorted(Counter(counts).items(), reverse=True)
    k = next(n for n in range(len(counts) + 1) if 100 * sum(counts[:n]) >= reach * sum(counts))
    assert pareto.smallest(sizes, reach) == k
    assert math.isclose(pareto.gini(sizes) or 0, mean_difference(counts), abs_tol=1e-12)


@often
@given(histories(), THING, st.sampled_from(["median", "mean", "fixed"]), st.integers(1, 3), st.data())
def test_quadrant_equals_its_oracle(  # what can be chosen
    store: Store, history: tuple[str, list[Event]], of: str, how: str, least: int, data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events)
    params, span = cut(data.draw, dataset)
    raw = {"of": of, "cut": how, "least": least, **params}
    raw |= {"cut_uv": 2, "cut_rate": 50} if how == "fixed" else {}
    kept = within(events, span)
    people: dict[str, tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    for event in kept:
        if event.behaviour in ("pv", "buy"):
            people[str(getattr(event, of))][event.behaviour == "buy"].add(event.user)
    people = {name: found for name, found in people.items() if found[0]}
    rows = ask(store, dataset, "quadrant", **raw).named()
    assert {row["name"]: (row["uv"], row["buyers"]) for row in rows} == {
        name: (len(viewers), len(buyers)) for name, (viewers, buyers) in people.items()
    }
    clear = [row for row in rows if row["uv"] >= least]
    middle = {"median": numpy.median, "mean": numpy.mean}.get(how)
    x, y = (2.0, 0.5) if not middle else (middle([r[c] for r in clear]) if clear else None for c in ("uv", "pay_rate"))
    for row in rows:
        assert row["clear"] == (row["uv"] >= least)
        assert (row["low"] is None) == (row["buyers"] > row["uv"])
        if row["low"] is not None:
            assert 0 <= row["low"] <= row["pay_rate"] <= row["high"] <= 1
        if x is None:
            assert row["quadrant"] == ""
        elif min(abs(row["uv"] - x), abs(row["pay_rate"] - y)) > 1e-9:
            many = "many" if row["uv"] > x else "few"
            high = "high" if row["pay_rate"] > y else "low"
            assert row["quadrant"] == f"{many} users, {high} rate"
        for column, users in zip(("uv", "buyers"), people[row["name"]], strict=True):
            found = listed(store, dataset, "quadrant", raw, {"name": row["name"], "column": column})
            assert len(found) == row[column]
            assert set(found) == users


@often
@given(histories(most=40), THING, st.sampled_from(["median", "mean", "fixed"]), st.integers(1, 3), st.data())
def test_the_figures_of_a_quadrant_are_those_of_its_points(
    store: Store, history: tuple[str, list[Event]], of: str, how: str, least: int, data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events)
    params, span = cut(data.draw, dataset)
    raw = {"of": of, "cut": how, "least": least, **params}
    inside = data.draw(st.sampled_from(["", "0", "1"])) if of == "item" else ""
    raw |= {"inside": inside} if inside else {}
    points = ask(store, dataset, "quadrant", **raw).named()
    kept = [e for e in within(events, span) if not inside or str(e.category) == inside]
    assert {row["name"] for row in points} == {str(getattr(e, of)) for e in kept if e.behaviour == "pv"}
    figures = by(ask(store, dataset, "quadrant", show="summary", **raw), "metric")
    clear = [row for row in points if row["uv"] >= least]
    assert (figures["every"]["value"], figures["clear"]["value"]) == (len(points), len(clear))
    for name in ("many users, high rate", "many users, low rate", "few users, high rate", "few users, low rate"):
        assert figures[name]["value"] == sum(row["quadrant"] == name for row in clear)
    assert figures["unsold"]["value"] == sum(not row["buyers"] for row in clear)
    bought = sorted(points, key=lambda row: (-row["buyers"], row["name"].encode()))
    pairs = sum(row["buyers"] for row in points)
    k = next((n for n in range(len(bought) + 1) if pairs and 2 * sum(r["buyers"] for r in bought[:n]) >= pairs), None)
    assert figures["best"]["value"] == k
    seen = {row["name"] for row in points}
    best = {row["name"] for row in bought[: k or 0]}
    buyers = {e.user for e in kept if e.behaviour == "buy" and str(getattr(e, of)) in seen}
    of_best = {e.user for e in kept if e.behaviour == "buy" and str(getattr(e, of)) in best}
    assert figures["buyers"]["value"] == len(buyers)
    assert close(figures["best_buyers"]["value"], len(of_best) / len(buyers) if buyers else None)
    for row in points[:1]:
        found = listed(store, dataset, "quadrant", raw, {"name": row["name"], "column": "buyers"})
        assert len(found) == row["buyers"]


def with_category(store: Store, name: str) -> Dataset:
    """Put a view and a purchase in a category of this name, and a view in another, into a dataset of their own."""
    layout, tables = Layout(category=Kind.TEXT), Tables(store, "named")
    tables.create_database()
    tables.drop_version(1)
    tables.create("event_v1", event_columns(layout), "(user_id, ts, role)")
    names = [column.name for column in event_columns(layout)]
    for user, behaviour, category in ((1, "pv", name), (1, "buy", name), (2, "pv", "another")):
        role = {"pv": 1, "buy": 4}[behaviour]
        row = {"user_id": user, "ts": 1_511_539_200 + role, "role": role, "micro": 0, "item_id": user}
        row |= {"category_id": category, "behaviour": behaviour, "amount": 0, "order_id": "", "channel": ""}
        text = json.dumps({key: row[key] for key in names})
        store.insert(tables.event(1), names, text.encode(), "JSONEachRow")
    return dataclasses.replace(
        stored(store, "UTC", [Event(1, 1_511_539_200, 1, 0, 1, 1, "pv", 0, "", "ads", "x")]),  # type: ignore[arg-type]
        name="named",
        layout=layout,
        last_ts=1_511_539_300,
    )


@pytest.mark.parametrize("name", ["O'Hare; --", "a,b", "50%", "{x:String}", "</script>", "北京 手机"])
def test_a_hostile_category_is_found_and_looked_into(store: Store, name: str) -> None:
    dataset = with_category(store, name)
    raw = {"least": 1}
    (row,) = ask(store, dataset, "quadrant", find=name, **raw).named()
    assert (row["name"], row["uv"], row["buyers"]) == (name, 1, 1)
    assert ask(store, dataset, "quadrant", find=name, **raw).notes[0] == ask(store, dataset, "quadrant", **raw).notes[0]
    (item,) = ask(store, dataset, "quadrant", of="item", inside=name, **raw).named()
    assert (item["uv"], item["buyers"]) == (1, 1)
    assert listed(store, dataset, "quadrant", raw, {"name": name, "column": "buyers"}) == [1]


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)]
)
def test_wilsons_interval_is_the_published_one(hits: int, trials: int, low: float, high: float) -> None:
    found = wilson(hits, trials)
    assert found
    assert (round(found[0], 4), round(found[1], 4)) == (low, high)
    assert wilson(0, 0) is None
    assert wilson(2, 1) is None


@often
@given(
    histories(most=40, span_days=6),
    st.sampled_from(["fav", "cart"]),
    st.sampled_from(["category", "item", "nothing"]),
    st.integers(1, 3),
    st.data(),
)
def test_fav_to_buy_equals_its_oracle(  # what can be chosen
    store: Store, history: tuple[str, list[Event]], begin: str, unit: str, days: int, data: Any
) -> None:
    zone, events = history
    dataset = stored(store, zone, events)
    params, span = cut(data.draw, dataset)

    def name(event: Event) -> str:
        return "all" if unit == "nothing" else str(getattr(event, unit))

    wanted: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for event in within(events, span):
        wanted[name(event)][3] += event.behaviour == begin
        wanted[name(event)][4] += event.behaviour == "buy"
    for user, item in {(e.user, e.item) for e in events}:
        own = [e for e in events if (e.user, e.item) == (user, item)]
        starts = [e for e in within(own, span) if e.behaviour == begin]
        if not starts:
            continue
        bought = any(s.ts <= e.ts <= s.ts + days * DAY for s in starts for e in own if e.behaviour == "buy")
        waiting = not bought and max(e.ts for e in starts) + days * DAY >= dataset.end
        counted = wanted[name(min(starts))]
        counted[:3] = [counted[0] + 1, counted[1] + bought, counted[2] + waiting]
    rows = ask(store, dataset, "fav_to_buy", begin=begin, by=unit, days=days, top=1, **params).named()
    shown = {row["name"]: [row[c] for c in ("pairs", "bought", "still_open", "began", "buys")] for row in rows}
    total = [sum(column) for column in zip(*wanted.values(), strict=True)] if wanted else [0] * 5
    assert shown["all"] == total
    for row in rows:
        assert row["bought"] <= row["pairs"]
        assert close(row["share_of_pairs"], row["bought"] / row["pairs"] if row["pairs"] else None)
        assert close(row["ratio_of_counts"], row["buys"] / row["began"] if row["began"] else None)
    if unit != "nothing":
        parts = [found for key, found in shown.items() if key != "all"]
        assert [sum(column) for column in zip(*parts, strict=True)] == total if parts else not any(total)
        for key in set(shown) - {"all", "other"}:
            assert shown[key] == wanted[key]


@often
@given(histories(most=40), st.booleans(), st.data())
def test_rfm_equals_its_oracle(store: Store, history: tuple[str, list[Event]], money: bool, data: Any) -> None:
    zone, events = history
    events = [
        *events,
        *(e._replace(user=n, behaviour="buy", role=4, amount=n, city="x") for n, e in enumerate(events[:7], 5)),
    ]
    dataset = stored(store, zone, events)
    if not money:
        dataset = dataclasses.replace(dataset, mapped=dataset.mapped - {"amount"})
    params, span = cut(data.draw, dataset)
    last = dataset.day_of(span[1] - 1)
    figures = {}
    for user in {e.user for e in within(events, span) if e.behaviour == "buy"}:
        own = [e for e in within(events, span) if e.user == user and e.behaviour == "buy"]
        days = {oracle.day_of(e, zone) for e in own}
        figures[user] = ((max(days) - last) / timedelta(1), len(days), float(sum(e.amount for e in own)))
    scores = {user: [1] * 3 for user in figures}
    for place in range(3):
        ordered = sorted(found[place] if place else -found[place] for found in figures.values())
        cuts = [ordered[math.ceil(j * len(ordered) / 5) - 1] for j in (1, 2, 3, 4)] if ordered else []
        for user, found in figures.items():
            above = sum((found[place] if place else -found[place]) > c for c in cuts)
            scores[user][place] = 1 + above if place else 5 - above
    means = [
        Fraction(sum(s[place] for s in scores.values()), max(1, len(scores))) for place in range(3 if money else 2)
    ]
    classes: dict[tuple[bool, ...], set[int]] = defaultdict(set)
    for user, found in scores.items():
        classes[tuple(score > mean for score, mean in zip(found, means, strict=False))].add(user)
    rows = ask(store, dataset, "rfm", **params).named()
    assert len(rows) == (8 if money else 4)
    assert sum(row["users"] for row in rows) == len(figures)
    assert ("mean_amount" in rows[0]) == money
    seen = set()
    for row in rows:
        users = set(listed(store, dataset, "rfm", params, {"class": row["class"]}))
        assert len(users) == row["users"]
        names = {name: highs for highs, name in (rfm.WITH_AMOUNT if money else rfm.WITHOUT).items()}
        assert users == classes[names[row["class"]]]
        if users:
            seen |= users
            assert close(row["mean_recency"], -sum(figures[u][0] for u in users) / len(users))
            assert close(row["mean_days"], sum(figures[u][1] for u in users) / len(users))
        if users and money:
            assert close(row["amount"], sum(figures[u][2] for u in users))
    assert seen == set(figures)
    for row in ask(store, dataset, "rfm", show="grid", **params).named():
        users = {u for u, s in scores.items() if (s[0], s[1]) == (row["r_score"], row["f_score"])}
        assert row["users"] == len(users)


def test_without_purchases_no_report_of_them_gives_a_number(store: Store) -> None:
    event = Event(1, 1_511_539_200, 1, 0, 1, 1, "pv", 0, "", "ads", "x")  # type: ignore[arg-type]
    dataset = dataclasses.replace(stored(store, "UTC", [event]), roles={"pv": "view"})
    for name in ("repurchase", "pareto", "quadrant", "fav_to_buy", "rfm", "purchase_paths"):
        with pytest.raises(NotSupported, match="role buy"):
            ask(store, dataset, name)
    dataset = dataclasses.replace(stored(store, "UTC", [event]), mapped=frozenset())
    for name in ("pareto", "quadrant", "fav_to_buy", "purchase_paths"):
        with pytest.raises(NotSupported, match=r"no (item|category) column"):
            ask(store, dataset, name)
    rows = ask(store, stored(store, "UTC", [event]), "rfm").named()
    assert {row["share"] for row in rows} == {None}
