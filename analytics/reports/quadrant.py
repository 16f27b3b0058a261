"""Pay-rate quadrant: which categories (or items) many users look at, and which of them are bought.

x is UV, the distinct users with a view; y is the pay rate, buyers / UV. The plane is cut at the medians (or means, or
fixed values) of those with at least 30 users (a setting); the others are greyed, for their rates say little, as their
Wilson 95 % intervals show. On the cut counts as above. To look into a category (inside) take its items: the report
says how few of them make half of the buyers, and how many that are seen have none. Buyers without a view in the range
can make a rate pass 100 %; it then has no interval. To find one by a part of its name changes no cut.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause, both
from analytics.concentration import smallest
from analytics.drill import LIST_AT_MOST, column_of, value_of
from analytics.spans import Ranged
from analytics.wilson import wilson
from sdk import Between, Help, When
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

THINGS_SQL = """
SELECT $thing AS thing, uniqExactIf(user_id, $view) AS uv, uniqExactIf(user_id, $buy) AS buyers
FROM $event
WHERE $scope
GROUP BY thing
HAVING uv > 0
"""
# One pass. points: the first ones, (another name, -users, name, buyers).
SQL = """
SELECT
    count() AS every,
    countIf(uv >= {least:UInt32}) AS clear,
    quantileExactInclusiveIf(0.5)(uv, uv >= {least:UInt32}) AS median_uv,
    quantileExactInclusiveIf(0.5)(buyers / uv, uv >= {least:UInt32}) AS median_rate,
    avgIf(uv, uv >= {least:UInt32}) AS mean_uv,
    avgIf(buyers / uv, uv >= {least:UInt32}) AS mean_rate,
    groupArraySortedIf({top})(
        (name != {find:String}, -toInt64(uv), name, buyers), positionCaseInsensitiveUTF8(name, {find:String}) > 0
    ) AS points
FROM (SELECT *, toString(thing) AS name FROM ($things))
"""
COUNTS_SQL = """
SELECT uv >= {least:UInt32} AS clear, uv >= {x:Float64} AS many, buyers / uv >= {y:Float64} AS high, count() AS things
FROM ($things)
GROUP BY clear, many, high
"""
SIZES_SQL = """
SELECT buyers, count() AS things, countIf(uv >= {least:UInt32}) AS seen
FROM ($things)
GROUP BY buyers
ORDER BY buyers DESC
"""
BEST_SQL = "SELECT toString(thing) AS name FROM ($things) ORDER BY buyers DESC, name LIMIT {k:UInt32}"
BUYERS_SQL = """
SELECT uniqExact(user_id) AS buyers, uniqExactIf(user_id, has({best:Array(String)}, toString($thing))) AS of_best
FROM $event
WHERE $scope AND $buy AND $thing GLOBAL IN (SELECT thing FROM ($things))
"""
USERS_SQL = """
SELECT user_id
FROM $event
WHERE $scope AND toString($thing) = {name:String} AND $role
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
NAMES = {
    (True, True): "many users, high rate",
    (True, False): "many users, low rate",
    (False, True): "few users, high rate",
    (False, False): "few users, low rate",
}
THINGS = {"category": Text("categories"), "item": Text("items")}
CUTS = {"median": Text("medians"), "mean": Text("means"), "fixed": Text("fixed values")}
BEST_AT_MOST = 10_000  # more are not a few, and their names would fill the query
SUMMARY = (Column("metric", key=True), Column("unit"), Column("value"), Column("numerator"), Column("denominator"))
COLUMNS = (
    Column("name", key=True),
    Column("uv", "users", listed=True),
    Column("buyers", "users", listed=True),
    Column("pay_rate", "share", of=("buyers", "uv")),
    Column("low", "share"),
    Column("high", "share"),
    Column("quadrant"),
    Column("clear"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    of: Annotated[Literal["category", "item"], Help("What each point is.")] = "category"
    inside: Annotated[str, When("of", "item"), Help("Only the items of this category.")] = ""
    find: Annotated[str, Help("Only those with this in their name; the cuts stay.")] = ""
    show: Annotated[Literal["points", "summary"], Help("Each of them, or the figures of all as a table.")] = "points"
    cut: Annotated[Literal["median", "mean", "fixed"], Help("Where the plane is cut.")] = "median"
    cut_uv: Annotated[float, Between(0, 1e9), When("cut", "fixed"), Help("Users.")] = 100.0
    cut_rate: Annotated[float, Between(0, 100), When("cut", "fixed"), Help("Pay rate in per cent.")] = 5.0
    least: Annotated[int, Between(1, 1_000_000), Help("Fewer users than these are greyed.")] = 30
    top: Annotated[int, Between(1, 10_000), Help("Points: those with the most users.")] = 1000


@report(category="commerce", needs=("view", "buy"))
def run(data: Data, params: Params) -> Result:
    """Place each category or item in its quadrant."""
    data.need(params.of, *(["category"] if params.inside else []))
    more = _clauses(data, params)
    sql = SQL.replace("{top}", str(params.top)).replace("$things", THINGS_SQL)
    (cuts,) = data.ask(sql, more, least=params.least, find=params.find)
    at = _cut(params, cuts)
    if params.show == "summary":
        return Result(SUMMARY, _summary(data, params, cuts, at), notes=tuple(_notes(params, cuts, at)))
    rows = []
    for _, minus, name, buyers in cuts["points"]:
        uv = -minus
        low, high = wilson(buyers, uv) or (None, None)
        where = NAMES[uv >= at[0], buyers / uv >= at[1]] if at else ""
        rows.append([name, uv, buyers, share(buyers, uv), low, high, where, int(uv >= params.least)])
    notes = _notes(params, cuts, at)
    if cuts["every"] > len(rows):
        notes.append(_shown(params, len(rows), cuts["every"]))
    chart = Chart("scatter", "uv", ("pay_rate",), by="name", incomplete="clear")
    return Result(COLUMNS, rows, notes=tuple(notes), chart=chart)


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users behind a count: at["name"], and at["column"]: uv or buyers."""
    role = {"uv": "role = 1", "buyers": "role = 4"}[column_of(at, ("uv", "buyers"))]
    more = {**_clauses(data, params), "role": Clause(role)}
    return [row["user_id"] for row in data.ask(USERS_SQL, more, name=value_of(at, "name"), limit=limit)]


def _clauses(data: Data, params: Params) -> dict[str, Clause]:
    more = {**data.scope(params), "thing": Clause("category_id" if params.of == "category" else "item_id")}
    if params.inside:
        own = Clause("toString(category_id) = {inside:String}", {"inside": params.inside})
        more["scope"] = both(more["scope"], own)
    return more


def _summary(
    data: Data, params: Params, cuts: dict[str, Any], at: tuple[float, float] | None
) -> list[list[str | float | None]]:
    """Give the figures of all: how many there are, where they are cut, how many lie in each quadrant, how few sell."""
    counts = dict.fromkeys(NAMES.values(), 0)
    x, y = at or (0.0, 0.0)
    sql = COUNTS_SQL.replace("$things", THINGS_SQL)
    for row in data.ask(sql, _clauses(data, params), least=params.least, x=x, y=y) if at else ():
        if row["clear"]:
            counts[NAMES[bool(row["many"]), bool(row["high"])]] += row["things"]
    rows: list[list[str | float | None]] = [
        ["every", "things", cuts["every"], None, None],
        ["clear", "things", cuts["clear"], None, None],
        ["cut_uv", "users", at[0] if at else None, None, None],
        ["cut_rate", "share", at[1] if at else None, None, None],
        *([name, "things", number, None, None] for name, number in counts.items()),
    ]
    return [*rows, *_concentration(data, params)]


def _concentration(data: Data, params: Params) -> list[list[str | float | None]]:
    """Say how few make half of the buyers, each counted once for each thing bought, and their part of all buyers.

    unsold: those clear enough to judge that nobody bought.
    """
    more = _clauses(data, params)
    sizes = data.ask(SIZES_SQL.replace("$things", THINGS_SQL), more, least=params.least)
    unsold = sum(row["seen"] for row in sizes if not row["buyers"])
    k = smallest([(row["buyers"], row["things"]) for row in sizes if row["buyers"]], 50)
    best: list[str] = []
    if k and k <= BEST_AT_MOST:
        best = [row["name"] for row in data.ask(BEST_SQL.replace("$things", THINGS_SQL), more, k=k)]
    (found,) = data.ask(BUYERS_SQL.replace("$things", THINGS_SQL), more, best=best)
    of_best = found["of_best"] if best else None
    return [
        ["buyers", "users", found["buyers"], None, None],
        ["best", "things", k, None, None],
        ["best_buyers", "share", share(of_best, found["buyers"]), of_best, found["buyers"]],
        ["unsold", "things", unsold, None, None],
    ]


def _cut(params: Params, cuts: dict[str, Any]) -> tuple[float, float] | None:
    """Give where x and y are cut; None where nothing is clear enough to say."""
    if params.cut == "fixed":
        return params.cut_uv, params.cut_rate / 100
    return (cuts[f"{params.cut}_uv"], cuts[f"{params.cut}_rate"]) if cuts["clear"] else None


def _notes(params: Params, cuts: dict[str, Any], at: tuple[float, float] | None) -> list[str]:
    things, notes = THINGS[params.of], []
    if at:
        where = {"uv": at[0], "rate": at[1], "cut": CUTS[params.cut]}
        notes.append(Text("Cut at {uv:,.6g} users and a pay rate of {rate:.2%} ({cut}).", **where))
    else:
        notes.append(
            Text(
                "None of the {things} has {least} users: there is nothing to cut at.", things=things, least=params.least
            )
        )
    if cuts["every"] > cuts["clear"]:
        few = {"few": cuts["every"] - cuts["clear"], "every": cuts["every"], "things": things, "least": params.least}
        notes.append(Text("{few:,} of {every:,} {things} have fewer than {least} users.", **few))
    return notes


def _shown(params: Params, shown: int, every: int) -> str:
    if params.find:
        words = {"shown": shown, "find": params.find[:60], "every": every}
        return Text("Shown are {shown:,} with “{find}” in the name, of {every:,}.", **words)
    return Text("Shown are the {shown:,} with the most users, of {every:,}.", shown=shown, every=every)
