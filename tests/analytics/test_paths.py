"""Paths equal their oracle, and at every step as many go in as come out."""

import random
from collections import Counter, defaultdict
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.dataset import Dataset
from analytics.store.client import Store
from sdk import ParamError
from tests.analytics.events import Event, histories, stored
from tests.analytics.test_reports import ask, cut, often, within
from tests.analytics.test_trends import counted_as, listed
from tests.analytics.test_visits import visits_of

ANCHOR = {"from the beginning": [], "start at": ["fav", "cart"], "end at": ["buy"]}


def steps_of(visit: list[Event], direction: str, node: str, merge: bool) -> list[str]:
    """Give a visit's steps from its anchor on; none where it has no anchor."""
    is_anchor = counted_as(ANCHOR[direction])
    anchors = [n for n, event in enumerate(visit) if not ANCHOR[direction] or is_anchor(event)]
    if not anchors:
        return []
    part = visit[anchors[-1] :: -1] if direction == "end at" else visit[anchors[0] :]
    names = [e.behaviour if node == "behaviour" else f"{e.behaviour} {e.category}" for e in part]
    return [name for name, _ in groupby(names)] if merge else names


def walked(paths: list[list[str]], depth: int, most: int) -> list[list[tuple[str, str]]]:
    """Give the links that each visit takes, as (source, target)."""
    pairs = [[(i, p[i], p[i + 1]) for i in range(min(len(p), depth) - 1)] for p in paths]
    counts = Counter(pair for own in pairs for pair in own)

    def key(pair: tuple[int, str, str]) -> bytes:
        return f"{pair[0] + 1}:{len(pair[1].encode())}:{pair[1]}{pair[2]}".encode()

    kept = sorted(counts, key=lambda pair: (-counts[pair], key(pair)))[:most]
    starts = Counter(path[0] for path in paths)
    firsts = set(sorted(starts, key=lambda step: (-starts[step], step))[:most]) | {a for i, a, _ in kept if not i}
    found = []
    for path, own in zip(paths, pairs, strict=True):
        links, out = [], "further" if len(path) > depth else "exit"
        for pair in own:
            if pair not in kept:
                out = "other"
                break
            links.append((f"{pair[0] + 1}. {pair[1]}", f"{pair[0] + 2}. {pair[2]}"))
        found.append(
            [*links, (f"{len(links) + 1}. {path[len(links)]}", out)] if path[0] in firsts else [("others", out)]
        )
    return found


def backwards(link: tuple[str, str]) -> tuple[str, str]:
    outs = {"other": "other", "exit": "entry", "further": "earlier", "others": "others"}

    def label(text: str) -> str:
        number, _, name = text.partition(". ")
        return f"{1 - int(number)}. {name}" if name else outs[text]

    return label(link[1]), label(link[0])


def balanced(rows: list[dict[str, Any]], count: str, *, every: int) -> None:
    """See that in = out at every step between, and that all come in and all go out."""
    flow: dict[str, int] = defaultdict(int)
    for row in rows:
        flow[row["source"]] -= row[count]
        flow[row["target"]] += row[count]
    sources = {row["source"] for row in rows} - {row["target"] for row in rows}
    sinks = {row["target"] for row in rows} - {row["source"] for row in rows}
    assert all(left == 0 for node, left in flow.items() if node not in sources | sinks)
    assert -sum(flow[node] for node in sources) == sum(flow[node] for node in sinks) == every


@often
@given(
    histories(most=40, span_days=1),
    st.sampled_from(sorted(ANCHOR)),
    st.sampled_from(["behaviour", "behaviour and category"]),
    st.integers(2, 5),
    st.sampled_from([1, 3, 50]),
    st.booleans(),
    st.sampled_from(["visits", "users"]),
    st.data(),
)
def test_paths_equal_their_oracle(  # noqa: PLR0917  # what can be chosen
    store: Store,
    history: tuple[str, list[Event]],
    direction: str,
    node: str,
    depth: int,
    links: int,
    merge: bool,
    count: str,
    data: Any,
) -> None:
    zone, events = history
    dataset = stored(store, zone, events)
    params, span = cut(data.draw, dataset)
    raw = {"direction": direction, "node": node, "depth": depth, "links": links, "merge": merge, "count": count}
    raw |= {"gap": 600, "start_at": ANCHOR["start at"], "end_at": ANCHOR["end at"], **params}
    raw = {
        name: value for name, value in raw.items() if name not in {"start_at", "end_at"} - {direction.replace(" ", "_")}
    }
    found = [
        (visit[0].user, steps_of(visit, direction, node, merge)) for visit in visits_of(within(events, span), 36_000)
    ]
    found = [(user, steps) for user, steps in found if steps]
    if count == "users":
        found = list(dict(reversed(found)).items())  # visits are in the order of their beginnings
    wanted: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (user, _), own in zip(found, walked([steps for _, steps in found], depth, links), strict=True):
        for link in own:
            wanted[backwards(link) if direction == "end at" else link].append(user)
    rows = ask(store, dataset, "paths", **raw).named()
    assert {(row["source"], row["target"]): row["visits"] for row in rows} == {
        link: len(users) for link, users in wanted.items()
    }
    assert len(rows) == len(wanted)
    balanced(rows, "visits", every=len(found))
    if count == "users":
        balanced(rows, "users", every=len(found))
    for row in rows[:2]:
        users = set(wanted[row["source"], row["target"]])
        shown = listed(store, dataset, "paths", raw, {name: row[name] for name in ("source", "target")})
        assert len(shown) == row["users"]
        assert set(shown) == users


def small(store: Store) -> Dataset:
    event = Event(1, 1_511_539_200, 1, 0, 1, 1, "pv", 0, "", "ads", "x")  # type: ignore[arg-type]
    return stored(store, "UTC", [event])


def test_paths_too_many_to_be_named_in_one_question_are_followed_one_by_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(4)
    codes = {"pv": 1, "fav": 2, "cart": 3, "buy": 4}
    events = [
        Event(user, 1_511_539_200 + 60 * n, codes[code], 0, 1, 1, code, 0, "", "", "")  # type: ignore[arg-type]
        for user in range(40)
        for n, code in enumerate(chance.choices(list(codes), k=8))
    ]
    dataset, raw = stored(store, "UTC", events), {"links": 3, "depth": 5}
    fast = ask(store, dataset, "paths", **raw)
    row = max(fast.named(), key=lambda row: row["users"])
    at = {name: row[name] for name in ("source", "target")}
    users = listed(store, dataset, "paths", raw, at)
    monkeypatch.setattr("analytics.walks.PATHS_AT_ONCE", 3)
    assert listed(store, dataset, "paths", raw, at) == users
    monkeypatch.setattr("analytics.walks.BOUND_AT_MOST", 100)
    slow = ask(store, dataset, "paths", **raw)
    assert ("link.1 AS place" in slow.sql, "link.1 AS place" in fast.sql) == (True, False)
    assert slow.rows == fast.rows
    assert sorted(listed(store, dataset, "paths", raw, at)) == users


def test_a_range_without_the_wanted_step_says_so(store: Store) -> None:
    result = ask(store, small(store), "paths", direction="end at", end_at=["buy"])
    assert (list(result.rows), result.notes) == ([], ("No visit of the range has such a step.",))


def test_a_link_that_is_not_there_has_no_list(store: Store) -> None:
    with pytest.raises(ParamError, match="There is no link"):
        listed(store, small(store), "paths", {}, {"source": "1. pv", "target": "x' OR 1 --"})
