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
from analytics.spans import Ranged, Span
from sdk import Between, Help
from sdk.report import Chart, Column, Result, report, share

PAIRS_SQL = """
SELECT
    user_id,
    item_id,
    argMinIf($thing, (ts, $thing), $begin AND $span) AS name,
    groupArrayIf(ts, $begin AND $span) AS starts,
    groupArrayIf(ts, $buy) AS buys,
    arrayExists(s -> arrayExists(b -> b >= s AND b <= s + {window:Int64}, buys), starts) AS bought,
    NOT bought AND arrayMax(starts) + {window:Int64} >= {end:Int64} AS waiting
FROM $event
WHERE ts >= {span_low:Int64} AND ts < {span_high:Int64} + {window:Int64} AND ($where) AND ($begin OR $buy)
GROUP BY user_id, item_id
HAVING notEmpty(starts)
"""
SQL = """
SELECT toString(name) AS thing, count() AS pairs, countIf(bought) AS converted, countIf(waiting) AS undecided
FROM ($pairs)
GROUP BY thing
"""
COUNTS_SQL = """
SELECT toString($thing) AS thing, countIf($begin) AS begun, countIf($buy) AS buys
FROM $event
WHERE $scope
GROUP BY thing
HAVING begun + buys > 0
"""
COUNTS = ("pairs", "bought", "still_open", "began", "buys")
COLUMNS = (
    Column("name"),
    Column("pairs", "pairs"),
    Column("bought", "pairs"),
    Column("share_of_pairs", "share", of=("bought", "pairs")),
    Column("still_open", "pairs"),
    Column("began", "events"),
    Column("buys", "events"),
    Column("ratio_of_counts", "buys/event", of=("buys", "began")),
)
ALL, OTHER = "all", "other"


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
    found: dict[str, list[int]] = {}
    for row in data.ask(SQL.replace("$pairs", PAIRS_SQL), more, **bind):
        found[row["thing"]] = [row["pairs"], row["converted"], row["undecided"], 0, 0]
    for row in data.ask(COUNTS_SQL, more):
        found.setdefault(row["thing"], [0] * len(COUNTS))[3:] = [row["begun"], row["buys"]]
    rows = [_row(ALL, list(found.values()))]
    if params.by != "nothing":
        names = sorted(found, key=lambda name: (-found[name][0], -found[name][3], -found[name][4], name))
        rows += [_row(name, [found[name]]) for name in names[: params.top]]
        if len(names) > params.top:
            rows.append(_row(OTHER, [found[name] for name in names[params.top :]]))
    y = "share_of_pairs" if params.definition == "share of pairs" else "ratio_of_counts"
    return Result(COLUMNS, rows, notes=_notes(rows), chart=Chart("bar", "name", (y,)))


def _clauses(data: Data, params: Params, span: Span) -> tuple[dict[str, Clause], dict[str, int]]:
    thing = {"category": "category_id", "item": "item_id", "nothing": "''"}[params.by]
    begin = data.behaviours([params.begin], "begin")
    more = {**data.scope(params, span), "thing": Clause(thing), "begin": Clause(f"({begin.sql})", begin.bind)}
    bind = {"window": params.days * DAY, "end": data.dataset.end, "span_low": span.low, "span_high": span.high}
    return more, bind


def _row(name: str, counted: list[list[int]]) -> list[Any]:
    pairs, bought, waiting, began, buys = (sum(column) for column in zip(*counted, strict=True)) if counted else [0] * 5
    return [name, pairs, bought, share(bought, pairs), waiting, began, buys, share(buys, began)]


def _notes(rows: list[list[Any]]) -> tuple[str, ...]:
    waiting = rows[0][4]
    return (f"{waiting:,} pairs can still be bought within their window.",) if waiting else ()
