"""Paths of behaviours in one pass: each visit becomes a number, and what is followed is followed once for each number.

It answers where each role stands for one behaviour at most, so that a row's second and role say all that its place in
the user's order depends on. Some 30 times faster than to sort and follow whole rows; the paths report keeps that for
all else.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.dataset import OWN

# Each visit as a number: four bits for each step's role, the first lowest; one step more than the depth is kept.
PACKED = """
SELECT
    user_id,
    arrayJoin(arrayMap(
        steps -> arraySum((role, n) -> bitShiftLeft(toUInt64(role), toUInt8(4 * n - 4)), steps, arrayEnumerate(steps)),
        arrayMap(visit -> arraySlice($merged, 1, {depth:UInt8} + 1), $which)
    )) AS path
FROM (
    SELECT
        user_id,
        arraySort(groupArray(toUInt64(ts) * 16 + role)) AS rows,
        arrayDifference(arrayMap(row -> bitShiftRight(row, 4), rows)) AS gaps,
        arraySplit((role, gap) -> gap > {gap:Int64}, arrayMap(row -> toUInt8(bitAnd(row, 15)), rows), gaps) AS every,
        arrayFilter(visit -> hasAny(visit, {anchors:Array(UInt8)}), every) AS visits
    FROM $event
    WHERE $scope
    GROUP BY user_id
)
"""
STEPS = "arrayFilter(role -> role > 0, arrayMap(n -> bitAnd(bitShiftRight(path, 4 * n), 15), range(11)))"
# Of each path its own number, from 2^60 on, and its links as if all of them were kept.
EVERY = """
SELECT
    key,
    sum(times) AS visits,
    uniqExactMerge(walkers) AS people
FROM (
    SELECT
        $steps AS steps,
        arraySlice(steps, 1, {depth:UInt8}) AS shown,
        arrayPushBack(arrayPushBack(
            arrayMap(
                (n, a, b) -> toUInt64(n * 256 + a * 16 + b),
                arrayPopBack(arrayEnumerate(shown)), arrayPopBack(shown), arrayPopFront(shown)
            ),
            toUInt64(length(shown) * 256 + shown[-1] * 16 + if(length(steps) > {depth:UInt8}, 15, 0))
        ), path + bitShiftLeft(toUInt64(1), 60)) AS keys,
        times,
        walkers
    FROM (SELECT path, count() AS times, uniqExactState(user_id) AS walkers FROM ($packed) GROUP BY path)
)
ARRAY JOIN keys AS key
GROUP BY key
LIMIT {most:UInt32}
"""
SOME = """
SELECT key, sum(times) AS visits, uniqExactMerge(walkers) AS people
FROM (
    SELECT {keys:Array(Array(UInt64))}[indexOf({paths:Array(UInt64)}, path)] AS own, times, walkers
    FROM (SELECT path, count() AS times, uniqExactState(user_id) AS walkers FROM ($packed) GROUP BY path)
)
ARRAY JOIN own AS key
GROUP BY key
"""
USERS = """
SELECT user_id
FROM ($packed)
WHERE path IN {paths:Array(UInt64)}
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
PATHS_AT_MOST = 20_000  # different ones; with more, each visit is looked at
BOUND_AT_MOST = 100_000  # signs of one value; ClickHouse's http_max_field_value_size is 128 KiB
PATHS_AT_ONCE = 5_000  # of one question: a number of ten steps has 14 digits at most
FIRST_PATH = 1 << 60
WAYS = {0: "exit", 14: "other", 15: "further"}
FORWARD = "arraySlice(visit, arrayFirstIndex(role -> has({anchors:Array(UInt8)}, role), visit))"
BACKWARD = "arrayReverse(arraySlice(visit, 1, arrayLastIndex(role -> has({anchors:Array(UInt8)}, role), visit)))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is looked for. anchors: the roles at which paths begin or end."""

    depth: int
    links: int
    gap: int  # seconds
    anchors: Sequence[int]
    backward: bool
    merge: bool
    by_user: bool  # only each user's first


@dataclass(frozen=True, slots=True)
class Walks:
    """What was found. rows: place, a, b, out, visits, people; keys: of each path, as numbers the links it takes."""

    rows: list[dict[str, Any]]
    keys: Mapping[int, list[int]]


def names_of(data: Data) -> dict[int, str] | None:
    """Give the behaviour of each role; None where a role stands for several, or times may be negative."""
    ranks = data.dataset.ranks()
    found = {ranks.get(code, OWN): code for code in data.dataset.behaviours}
    return found if found and len(found) == len(data.dataset.behaviours) and data.dataset.first_ts >= 0 else None


def walks(data: Data, scope: Mapping[str, Clause], asked: Asked, names: Mapping[int, str]) -> Walks | None:
    """Follow all visits; None where there are too many different ones, or they are too much for one question."""
    bind = {"depth": asked.depth, "gap": asked.gap, "anchors": list(asked.anchors)}
    packed = _packed(asked)
    sql = EVERY.replace("$steps", STEPS).replace("$packed", packed)
    found = {row["key"]: row for row in data.ask(sql, scope, **bind, most=PATHS_AT_MOST + 1)}
    if len(found) > PATHS_AT_MOST:
        return None
    paths = {key - FIRST_PATH: row["visits"] for key, row in found.items() if key >= FIRST_PATH}
    keys = _keys(paths, asked, names)
    wanted = {key for own in keys.values() for key in own}
    if not wanted <= found.keys() or _totals(paths, keys) != {k: r["visits"] for k, r in found.items() if k in wanted}:
        values = {"paths": list(keys), "keys": list(keys.values())}
        if any(len(str(value)) > BOUND_AT_MOST for value in values.values()):
            return None
        found = {row["key"]: row for row in data.ask(SOME.replace("$packed", packed), scope, **bind, **values)}
    rows = [_row(row, names) for key, row in found.items() if key in wanted]
    rows.sort(key=lambda row: (row["place"], -row["visits"], row["a"].encode(), row["b"].encode(), row["out"]))
    return Walks(rows, keys)


def users(
    data: Data, scope: Mapping[str, Clause], asked: Asked, found: Walks, row: Mapping[str, Any], limit: int
) -> list[Any]:
    """Give the users whose paths take a link."""
    paths = [path for path, own in found.keys.items() if row["key"] in own]
    bind = {"depth": asked.depth, "gap": asked.gap, "anchors": list(asked.anchors), "limit": limit}
    sql, there = USERS.replace("$packed", _packed(asked)), set()
    for at in range(0, len(paths), PATHS_AT_ONCE):
        some = data.ask(sql, scope, **bind, paths=paths[at : at + PATHS_AT_ONCE])
        there.update(user["user_id"] for user in some)
    return sorted(there)[:limit]


def _packed(asked: Asked) -> str:
    part = BACKWARD if asked.backward else FORWARD
    sql = PACKED.replace("$which", "arraySlice(visits, 1, 1)" if asked.by_user else "visits")
    return sql.replace("$merged", f"arrayCompact({part})" if asked.merge else part)


def _keys(paths: Mapping[int, int], asked: Asked, names: Mapping[int, str]) -> dict[int, list[int]]:
    """Give the links that each path takes, once it is known which are kept: as many as asked for, the most taken."""
    counts: Counter[int] = Counter()
    starts: Counter[int] = Counter()
    for path, visits in paths.items():
        steps = _steps(path)
        starts[steps[0]] += visits
        for link in _links(steps[: asked.depth]):
            counts[link] += visits

    def text(link: int) -> bytes:
        """Write a link as the slower way has it, for the order of links taken equally often."""
        a, b = names[link >> 4 & 15].encode(), names[link & 15].encode()
        return f"{link >> 8}:{len(a)}:".encode() + a + b

    kept = set(sorted(counts, key=lambda link: (-counts[link], text(link)))[: asked.links])
    often = sorted(starts, key=lambda role: (-starts[role], names[role].encode()))[: asked.links]
    firsts = {*often, *(link >> 4 & 15 for link in kept if link >> 8 == 1)}
    return {path: _taken(_steps(path), asked.depth, kept, firsts) for path in paths}


def _taken(steps: list[int], depth: int, kept: set[int], firsts: set[int]) -> list[int]:
    links = _links(steps[:depth])
    off = next((n for n, link in enumerate(links) if link not in kept), None)
    way = 14 if off is not None else 15 if len(steps) > depth else 0
    if steps[0] not in firsts:
        return [way]
    last = len(links) if off is None else off
    return [*links[:last], (last + 1) * 256 + steps[last] * 16 + way]


def _links(steps: list[int]) -> list[int]:
    return [n * 256 + a * 16 + b for n, (a, b) in enumerate(pairwise(steps), 1)]


def _steps(path: int) -> list[int]:
    found = []
    while path:
        found.append(path & 15)
        path >>= 4
    return found


def _totals(paths: Mapping[int, int], keys: Mapping[int, list[int]]) -> dict[int, int]:
    totals: Counter[int] = Counter()
    for path, own in keys.items():
        for key in own:
            totals[key] += paths[path]
    return dict(totals)


def _row(row: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    place, a, b = row["key"] >> 8, row["key"] >> 4 & 15, row["key"] & 15
    ends = not place or b in WAYS
    first, second = names[a] if place else "", "" if ends else names[b]
    found = {"place": place, "a": first, "b": second, "out": WAYS[b] if ends else ""}
    return {**found, "visits": row["visits"], "people": row["people"], "key": row["key"]}
