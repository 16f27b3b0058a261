"""Purchase path types: what users did with an item before they first bought it.

For each pair of a user and an item with a purchase in the range: which of view, fav and cart the user did with it
before the first purchase in the range, and at most 7 days (a setting) before it; in the purchase's own second counts
as before. That makes 8 types. A purchase so near to the beginning of the data that its window is cut may have a
longer path than can be seen.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.dataset import DAY
from analytics.drill import LIST_AT_MOST, column_of, one_at, people_of
from analytics.spans import Ranged
from sdk import Between, Help
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

PAIRS_SQL = """
SELECT
    user_id,
    minIf(ts, $buy AND $span) AS first_buy,
    arrayExists(t -> t <= first_buy AND t >= first_buy - {window:Int64}, groupArrayIf(ts, $view)) AS viewed,
    arrayExists(t -> t <= first_buy AND t >= first_buy - {window:Int64}, groupArrayIf(ts, $fav)) AS favoured,
    arrayExists(t -> t <= first_buy AND t >= first_buy - {window:Int64}, groupArrayIf(ts, $cart)) AS carted,
    viewed + 2 * favoured + 4 * carted AS type
FROM $event
WHERE ts >= {span_low:Int64} - {window:Int64} AND ts < {span_high:Int64} AND ($where) AND role <= 4
    AND cityHash64(user_id, item_id) IN (SELECT cityHash64(user_id, item_id) FROM $event WHERE $scope AND $buy)
GROUP BY user_id, item_id
HAVING countIf($buy AND $span) > 0
"""
SQL = """
SELECT type, count() AS pairs, uniqExact(user_id) AS people, countIf(first_buy - {window:Int64} < {first:Int64}) AS cut
FROM ($pairs)
GROUP BY type
"""
USERS_SQL = """
SELECT user_id FROM ($pairs) WHERE type = {type:UInt8} GROUP BY user_id ORDER BY user_id LIMIT {limit:UInt32}
"""
STEPS = {1: "view", 2: "fav", 4: "cart"}
COLUMNS = (
    Column("path", key=True),
    Column("pairs", "pairs"),
    Column("share", "share", of=("pairs", "all_pairs")),
    Column("users", "users", listed=True),
    Column("all_pairs", "pairs"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked. The range applies to the purchase."""

    days: Annotated[int, Between(1, 365), Help("How many days before the purchase are looked at.")] = 7


@report(category="paths", needs=("item", "buy"), chart=Chart("bar", "path", ("pairs",)))
def run(data: Data, params: Params) -> Result:
    """Count the pairs of each type; the most frequent first."""
    more, bind = _asked(data, params)
    found = {
        row["type"]: row
        for row in data.ask(SQL.replace("$pairs", PAIRS_SQL), more, **bind, first=data.dataset.first_ts)
    }
    every = sum(row["pairs"] for row in found.values())
    rows: list[list[Any]] = []
    for number, name in NAMES.items():
        pairs, people = (found[number]["pairs"], found[number]["people"]) if number in found else (0, 0)
        rows.append([name, pairs, share(pairs, every), people, every])
    rows.sort(key=lambda row: -row[1])
    cut = sum(row["cut"] for row in found.values())
    note = Text(
        "{cut:,} of {every:,} purchases are within {days} days of the first row: what came before may be missing.",
        cut=cut,
        every=every,
        days=params.days,
    )
    return Result(COLUMNS, rows, notes=(note,) if cut else ())


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users with a pair of a type: at["path"]."""
    column_of(at, ("users",))
    number = tuple(NAMES.values()).index(one_at(at, "path", tuple(NAMES.values())))
    more, bind = _asked(data, params)
    return people_of(data.ask(USERS_SQL.replace("$pairs", PAIRS_SQL), more, **bind, type=number, limit=limit))


def _name(number: int) -> str:
    before = " + ".join(name for bit, name in STEPS.items() if number & bit)
    return f"{before} → buy" if before else "buy only"


NAMES = {number: _name(number) for number in range(8)}


def _asked(data: Data, params: Params) -> tuple[dict[str, Clause], dict[str, int]]:
    span = data.span(params)
    bind = {"span_low": span.low, "span_high": span.high, "window": params.days * DAY}
    return data.scope(params, span), bind
