"""Paths: where visits go, step by step.

A visit is a longest run of a user's events without a gap of more than 30 minutes (a setting); the range cuts it at
its edges. Each of its events is a step, a behaviour or a behaviour with its category; equal neighbours count once.
"Start at" takes what follows the visit's first such event, "end at" what leads to its last. The links with the most
visits are shown; a visit that leaves them goes to "other", one that ends to "exit", one that is longer than the depth
to "further" (backwards: other, entry and earlier); those that begin with a rare step are together, "others". So at
every step as many go in as come out. Counted are visits, or users: each by the first such visit.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from analytics import walks
from analytics.asking import Data
from analytics.clauses import Clause
from analytics.drill import LIST_AT_MOST, column_of, value_of
from analytics.spans import WORDS, Ranged
from sdk import Between, Help, ParamError, When
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

# Each visit with an anchor: its events in the user's order, (ts, role, micro, item, category, behaviour, is an anchor).
VISITS_SQL = """
SELECT user_id, arrayJoin(arrayFilter(v -> arrayExists(r -> r.7 = 1, v), visits)) AS visit
FROM (
    SELECT user_id, arraySplit((r, gap) -> gap > {gap:Int64}, rows, arrayDifference(rows.1)) AS visits
    FROM (
        SELECT
            user_id,
            arraySort(groupArray(
                (ts, role, micro, item_id, category_id, toString(behaviour), toUInt8($anchor))
            )) AS rows
        FROM $event
        WHERE $scope
        GROUP BY user_id
    )
)
"""
# The steps of each visit from its anchor on; one more than the depth is kept, to see whether it goes on.
PATHS_SQL = """
SELECT user_id, arraySlice($merged, 1, {depth:UInt8} + 1) AS steps, visit[1].1 AS began
FROM (SELECT user_id, visit, arrayMap(r -> $node, $part) AS nodes FROM ($visits))
"""
FIRST_SQL = "SELECT user_id, argMin(steps, began) AS steps FROM ($paths) GROUP BY user_id"
TOP_SQL = """
SELECT $key AS link, pair.1 AS place, pair.2 AS source
FROM (
    SELECT arrayJoin(arrayZip(arrayPopBack(arrayEnumerate(shown)), arrayPopBack(shown), arrayPopFront(shown))) AS pair
    FROM (SELECT arraySlice(steps, 1, {depth:UInt8}) AS shown FROM ($chosen))
)
GROUP BY pair
ORDER BY count() DESC, link
LIMIT {links:UInt16}
"""
FIRSTS_SQL = "SELECT steps[1] AS step FROM ($chosen) GROUP BY step ORDER BY count() DESC, step LIMIT {links:UInt16}"
# A visit that begins with none of the firsts goes out at place 0. Others are followed while their links are among the
# kept ones; at the step where they leave them, or end, they go out.
WALKS_SQL = """
SELECT
    user_id,
    arrayMap((i, a, b) -> $key_of_lambda, places, sources, targets) AS keys,
    arrayFirstIndex(key -> NOT has({kept:Array(String)}, key), keys) AS off,
    if(off = 0, length(shown), toUInt64(off)) AS last,
    multiIf(off > 0, 'other', length(steps) > {depth:UInt8}, 'further', 'exit') AS way,
    if(
        has({firsts:Array(String)}, steps[1]),
        arrayPushBack(
            arrayMap(
                (i, a, b) -> (toUInt64(i), a, b, ''),
                arraySlice(places, 1, last - 1), arraySlice(sources, 1, last - 1), arraySlice(targets, 1, last - 1)
            ),
            (last, shown[last], '', way)
        ),
        [(toUInt64(0), '', '', way)]
    ) AS links
FROM (
    SELECT
        user_id,
        steps,
        arraySlice(steps, 1, {depth:UInt8}) AS shown,
        arrayPopBack(arrayEnumerate(shown)) AS places,
        arrayPopBack(shown) AS sources,
        arrayPopFront(shown) AS targets
    FROM ($chosen)
)
"""
SQL = """
SELECT link.1 AS place, link.2 AS a, link.3 AS b, link.4 AS out, count() AS visits, uniqExact(user_id) AS people
FROM (SELECT user_id, arrayJoin(links) AS link FROM ($walks))
GROUP BY place, a, b, out
ORDER BY place, visits DESC, a, b, out
"""
USERS_SQL = """
SELECT user_id
FROM (SELECT user_id, arrayJoin(links) AS link FROM ($walks))
WHERE link.1 = {place:UInt64} AND link.2 = {a:String} AND link.3 = {b:String} AND link.4 = {out:String}
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
KEY = "concat(toString({i}), ':', toString(length({a})), ':', {a}, {b})"  # no two links have one
NODES = {"behaviour": "r.6", "behaviour and category": "concat(r.6, ' ', toString(r.5))"}
FORWARD = "arraySlice(visit, arrayFirstIndex(r -> r.7 = 1, visit))"
BACKWARD = "arrayReverse(arraySlice(visit, 1, arrayLastIndex(r -> r.7 = 1, visit)))"
BACKWARD_NAMES = {"other": "other", "further": "earlier", "exit": "entry"}
COLUMNS = (
    Column("source", key=True),
    Column("target", key=True),
    Column("visits", "visits"),
    Column("share", "share", of=("visits", "all_visits")),
    Column("users", "users", listed=True),
    Column("all_visits", "visits"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    node: Annotated[Literal["behaviour", "behaviour and category"], Help("What a step is.")] = "behaviour"
    direction: Annotated[Literal["from the beginning", "start at", "end at"], Help("Where the paths are cut.")] = (
        "from the beginning"
    )
    start_at: Annotated[
        list[str],
        Between(0, WORDS),
        When("direction", "start at"),
        Help("Roles or behaviours, one a line: the first of them in a visit."),
    ] = field(default_factory=lambda: ["view"])
    end_at: Annotated[
        list[str],
        Between(0, WORDS),
        When("direction", "end at"),
        Help("Roles or behaviours, one a line: the last of them in a visit."),
    ] = field(default_factory=lambda: ["buy"])
    depth: Annotated[int, Between(2, 10), Help("Steps.")] = 5
    links: Annotated[int, Between(1, 200), Help("So many links, those with the most visits; the rest is other.")] = 50
    merge: Annotated[bool, Help("Count equal neighbours once.")] = True
    gap: Annotated[int, Between(1, 1440), Help("Minutes without an event that end a visit.")] = 30
    count: Annotated[Literal["visits", "users"], Help("users: each by the first such visit.")] = "visits"


@report(category="paths", chart=Chart("sankey", "source", ("target",), value="visits"))
def run(data: Data, params: Params) -> Result:
    """Follow the visits along the links with the most of them."""
    if params.node != "behaviour":
        data.need("category")
    fast = _walks(data, params)
    found = fast.rows if fast else _links(data, *_asked(data, params))
    every = sum(row["visits"] for row in found if row["place"] <= 1)
    rows = [[*_labels(params, row), row["visits"], share(row["visits"], every), row["people"], every] for row in found]
    return Result(COLUMNS, rows, notes=() if rows else (Text("No visit of the range has such a step."),))


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users of a link: at["source"] and at["target"]."""
    column_of(at, ("users",))
    wanted = value_of(at, "source"), value_of(at, "target")
    if fast := _walks(data, params):
        for row in fast.rows:
            if _labels(params, row) == wanted:
                return walks.users(data, data.scope(params), _looked_for(data, params), fast, row, limit)
        raise _no_link(*wanted)
    sql, more, bind = _asked(data, params)
    for row in _links(data, sql, more, bind):
        if _labels(params, row) == wanted:
            link = {name: row[name] for name in ("place", "a", "b", "out")}
            found = data.ask(_with(USERS_SQL, sql), more, **bind, **link, limit=limit)
            return [user["user_id"] for user in found]
    raise _no_link(*wanted)


def _no_link(source: str, target: str) -> ParamError:
    words = {"source": source[:60], "target": target[:60]}
    return ParamError({"source": Text("There is no link from {source!r} to {target!r}.", **words)})


def _walks(data: Data, params: Params) -> walks.Walks | None:
    """Follow the visits in one pass where that can be; else None."""
    names = walks.names_of(data)
    if params.node != "behaviour" or names is None:
        return None
    return walks.walks(data, data.scope(params), _looked_for(data, params), names)


def _looked_for(data: Data, params: Params) -> walks.Asked:
    chosen = {"start at": params.start_at, "end at": params.end_at}.get(params.direction)
    if chosen:
        data.behaviours(chosen, params.direction.replace(" ", "_"))  # ParamError where there is no such behaviour
    known = walks.names_of(data) or {}
    roles = {rank for rank, code in known.items() if {code, data.dataset.roles.get(code)} & {*(chosen or ())}}
    return walks.Asked(
        depth=params.depth,
        links=params.links,
        gap=params.gap * 60,
        anchors=sorted(roles if chosen else known),
        backward=params.direction == "end at",
        merge=params.merge,
        by_user=params.count == "users",
    )


def _asked(data: Data, params: Params) -> tuple[str, dict[str, Clause], dict[str, Any]]:
    """Give the query of the paths, its clauses and its values. Asked too: which links are kept."""
    names = {"start at": params.start_at, "end at": params.end_at}.get(params.direction)
    anchor = data.behaviours(names, params.direction.replace(" ", "_")) if names else Clause("1")
    more = {**data.scope(params), "anchor": Clause(f"({anchor.sql})", anchor.bind)}
    sql = PATHS_SQL.replace("$visits", VISITS_SQL).replace("$node", NODES[params.node])
    sql = sql.replace("$part", BACKWARD if params.direction == "end at" else FORWARD)
    sql = sql.replace("$merged", "arrayCompact(nodes)" if params.merge else "nodes")
    sql = FIRST_SQL.replace("$paths", sql) if params.count == "users" else sql
    bind = {"gap": params.gap * 60, "depth": params.depth}
    top = data.ask(_with(TOP_SQL, sql), more, **bind, links=params.links)
    often = [row["step"] for row in data.ask(_with(FIRSTS_SQL, sql), more, **bind, links=params.links)]
    firsts = {*often, *(row["source"] for row in top if row["place"] == 1)}
    return sql, more, {**bind, "kept": [row["link"] for row in top], "firsts": sorted(firsts)}


def _links(data: Data, sql: str, more: dict[str, Clause], bind: dict[str, Any]) -> list[dict[str, Any]]:
    return data.ask(_with(SQL, sql), more, **bind)


def _with(text: str, paths: str) -> str:
    text = text.replace("$walks", WALKS_SQL).replace("$key_of_lambda", KEY.format(i="i", a="a", b="b"))
    return text.replace("$key", KEY.format(i="pair.1", a="pair.2", b="pair.3")).replace("$chosen", paths)


def _labels(params: Params, row: dict[str, Any]) -> tuple[str, str]:
    """Name where a link comes from and where it goes; a step by its place, for it can come again."""
    place, out = row["place"], row["out"]
    if not place:
        return ("others", out) if params.direction != "end at" else (BACKWARD_NAMES[out], "others")
    if params.direction != "end at":
        return f"{place}. {row['a']}", out or f"{place + 1}. {row['b']}"
    return BACKWARD_NAMES[out] if out else f"-{place}. {row['b']}", f"{1 - place}. {row['a']}"
