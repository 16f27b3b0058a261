"""Fav to buy, cart to buy: what becomes of the items that users like or put into the cart.

Share of pairs (the default): of the pairs of a user and an item that were favoured (or put into the cart) in the
range, those that the same user bought later, within 7 days (a setting) of some fav. A purchase in the fav's own
second is later. Ratio of counts: buy rows / fav rows of the range, whoever and whatever; it can pass 100 %. A pair
counts for the category of its first fav in the range. Still open: pairs not bought whose window reaches past the
end of the data.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.dataset import DAY
from analytics.drill import LIST_AT_MOST, apart, column_of, people_of, value_of
from analytics.spans import Ranged, Span
from sdk import Between, Help
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

# Pairs that were only bought are in it for what is counted of events. varied: events of the pair have several names.
# Then, and only then, it must be looked at whose name is the first fav's.
PAIRS_SQL = """
SELECT
    user_id,
    item_id,
    groupArrayIf(ts, $begin AND $span) AS starts,
    $name AS name,
    countIf($buy AND $span) AS sold,
    min($thing) != max($thing) AS varied,
    groupArrayIf(ts, $buy) AS buys,
    arrayExists(s -> arrayExists(b -> b >= s AND b <= s + {window:Int64}, buys), starts) AS bought,
    notEmpty(starts) AND NOT bought AND arrayMax(starts) + {window:Int64} >= {end:Int64} AS waiting
FROM $event
WHERE ($scan) AND ($where) AND ($begin OR $buy)
GROUP BY user_id, item_id
"""
ANY = Clause("min($thing)")
FIRST = Clause(f"if(notEmpty(starts), argMinIf($thing, (ts, $thing), $begin AND $span), {ANY.sql})")
SQL = """
SELECT
    toString(name) AS thing,
    grouping(name) AS whole,
    countIf(notEmpty(starts)) AS pairs,
    countIf(bought) AS converted,
    countIf(waiting) AS undecided,
    sum(length(starts)) AS begun,
    sum(sold) AS buys,
    max(varied) AS unsure,
    uniqExactIf(user_id, notEmpty(starts)) AS people,
    uniqExactIf(user_id, bought) AS buyers
FROM ($pairs)
GROUP BY GROUPING SETS ((name), ())
"""
USERS_SQL = """
SELECT user_id
FROM ($pairs)
WHERE notEmpty(starts) AND ({every:UInt8} OR toString(name) = {name:String}) AND (bought OR NOT {converted:UInt8})
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
COUNTS_SQL = """
SELECT toString($thing) AS thing, countIf($begin) AS begun, countIf($buy) AS buys
FROM $event
WHERE $scope AND ($begin OR $buy)
GROUP BY $thing
"""
COLUMNS = (
    Column("name", key=True),
    Column("pairs", "pairs"),
    Column("bought", "pairs"),
    Column("share_of_pairs", "share", of=("bought", "pairs")),
    Column("still_open", "pairs"),
    Column("began", "events"),
    Column("buys", "events"),
    Column("ratio_of_counts", "buys/event", of=("buys", "began")),
    Column("users", "users", listed=True),
    Column("buyers", "users", listed=True),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked. The range applies to the fav (or cart); the purchase may come after it."""

    begin: Annotated[Literal["fav", "cart"], Help("From where to buy.")] = "fav"
    definition: Annotated[
        Literal["share of pairs", "ratio of counts"], Help("Which of the two is drawn; both are in the table.")
    ] = "share of pairs"
    by: Annotated[Literal["category", "item", "nothing"], Help("One row for each, or one for all.")] = "category"
    days: Annotated[int, Between(1, 365), Help("The window, in days.")] = 7
    top: Annotated[int, Between(1, 1000), Help("So many rows, of those with the most pairs; the others together.")] = 30


@report(category="commerce", needs=("item", "buy"))
def run(data: Data, params: Params) -> Result:
    """Count the pairs, those that were bought, and the events."""
    data.need(params.begin, *([] if params.by == "nothing" else [params.by]))
    more, bind = _clauses(data, params, data.span(params))
    sql = SQL.replace("$pairs", PAIRS_SQL)
    asked = data.ask(sql, more | {"name": ANY}, **bind)
    events = [row for row in asked if not row["whole"]]
    if any(row["unsure"] for row in asked):
        asked, events = data.ask(sql, more | {"name": FIRST}, **bind), data.ask(COUNTS_SQL, more)
    found, people = _counted(asked, events)
    rows = [[apart("all", found), *_row(list(found.values())), *people[None]]]
    if params.by != "nothing":
        names = sorted(found, key=lambda name: (-found[name][0], -found[name][3], -found[name][4], name))
        rows += [[name, *_row([found[name]]), *people.get(name, (0, 0))] for name in names[: params.top]]
        if rest := names[params.top :]:
            rows.append([apart("other", found), *_row([found[name] for name in rest]), None, None])
    y = "share_of_pairs" if params.definition == "share of pairs" else "ratio_of_counts"
    return Result(COLUMNS, rows, notes=_notes(rows), chart=Chart("bar", "name", (y,)))


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users of a row, at["name"]; at["column"]: users, who favoured, or buyers, who bought in time."""
    converted, name = column_of(at, ("users", "buyers")) == "buyers", value_of(at, "name")
    more, bind = _clauses(data, params, data.span(params))
    names = [row["thing"] for row in data.ask(COUNTS_SQL, more)]
    chosen = {"every": int(name == apart("all", names)), "name": name, "converted": int(converted)}
    sql = USERS_SQL.replace("$pairs", PAIRS_SQL)
    return people_of(data.ask(sql, more | {"name": FIRST}, **bind, **chosen, limit=limit))


def _counted(
    pairs: list[dict[str, Any]], events: list[dict[str, Any]]
) -> tuple[dict[str, list[int]], dict[str | None, tuple[int, int]]]:
    """Give pairs, bought, still open, began and buys by name; and the users and buyers, of all under None."""
    found, people = {}, {None: (0, 0)}
    for row in pairs:
        people[None if row["whole"] else row["thing"]] = row["people"], row["buyers"]
        if not row["whole"]:
            found[row["thing"]] = [row["pairs"], row["converted"], row["undecided"], 0, 0]
    for row in events:
        if row["begun"] or row["buys"]:
            found.setdefault(row["thing"], [0] * 5)[3:] = [row["begun"], row["buys"]]
    return {name: counts for name, counts in found.items() if any(counts)}, people


def _clauses(data: Data, params: Params, span: Span) -> tuple[dict[str, Clause], dict[str, int]]:
    thing = {"category": "category_id", "item": "item_id", "nothing": "''"}[params.by]
    begin = data.behaviours([params.begin], "begin")
    more = {**data.scope(params, span), "thing": Clause(thing), "begin": Clause(f"({begin.sql})", begin.bind)}
    window = params.days * DAY
    more["scan"] = data.between(span.low, span.high + window, "scan")
    return more, {"window": window, "end": data.dataset.end}


def _row(counted: list[list[int]]) -> list[Any]:
    pairs, bought, waiting, began, buys = (sum(column) for column in zip(*counted, strict=True)) if counted else [0] * 5
    return [pairs, bought, share(bought, pairs), waiting, began, buys, share(buys, began)]


def _notes(rows: list[list[Any]]) -> tuple[str, ...]:
    waiting = rows[0][4]
    return (Text("{waiting:,} pairs can still be bought within their window.", waiting=waiting),) if waiting else ()
