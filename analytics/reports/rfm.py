"""RFM: buyers by how lately, how often and for how much they bought.

R: days from the last purchase day to the last day of the range; F: purchase days; M: the amount. Each is scored 1 to 5
by quintiles (nearest rank; equal values score the same; for R few days score high). A score is high where it is above
the mean score of all buyers; the three together give 8 classes. Without an amount column there are R and F only, and
4 classes.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.days import IN_DAYS, by_days, day_bounds, day_number
from analytics.drill import LIST_AT_MOST, column_of, number_at, one_at, people_of
from analytics.spans import Ranged
from sdk import Help
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

BUYERS_SQL = """
SELECT
    user_id,
    {last:Int32} - max(toInt32($day)) AS r,
    toInt32(uniqExact($day)) AS f,
    toFloat64(sum(amount)) AS m
FROM $event
WHERE $buy AND ($scope)
GROUP BY user_id
"""
BUYERS_OF_DAYS_SQL = f"""
SELECT
    user_id,
    {{last:Int32}} - max(toInt32(day)) AS r,
    toInt32(uniqExact(day)) AS f,
    toFloat64(sum(paid)) AS m
FROM $buy_hour
WHERE {IN_DAYS}
GROUP BY user_id
"""
CUTS_SQL = """
SELECT
    count() AS n,
    arrayMap(j -> arraySort(groupArray(r))[intDiv(j * n + 4, 5)], [1, 2, 3, 4]) AS r_cuts,
    arrayMap(j -> arraySort(groupArray(f))[intDiv(j * n + 4, 5)], [1, 2, 3, 4]) AS f_cuts,
    arrayMap(j -> arraySort(groupArray(m))[intDiv(j * n + 4, 5)], [1, 2, 3, 4]) AS m_cuts
FROM ($buyers)
"""
SCORED_SQL = """
SELECT
    user_id, r, f, m,
    5 - arrayCount(c -> r > c, {r_cuts:Array(Int32)}) AS r_score,
    1 + arrayCount(c -> f > c, {f_cuts:Array(Int32)}) AS f_score,
    1 + arrayCount(c -> m > c, {m_cuts:Array(Float64)}) AS m_score
FROM ($buyers)
"""
SQL = """
SELECT r_score, f_score, m_score, count() AS people, sum(r) AS r_sum, sum(f) AS f_sum, sum(m) AS m_sum
FROM ($scored)
GROUP BY r_score, f_score, m_score
"""
USERS_SQL = """
SELECT user_id
FROM ($scored)
WHERE has({scores:Array(UInt16)}, toUInt16(r_score * 100 + f_score * 10 + m_score))
ORDER BY user_id
LIMIT {limit:UInt32}
"""
# By whether recency, frequency and amount are high.
WITH_AMOUNT = {
    (True, True, True): "champions",
    (True, False, True): "big spenders to develop",
    (False, True, True): "big spenders to win back",
    (False, False, True): "big spenders nearly lost",
    (True, True, False): "often, for little",
    (True, False, False): "new or rare, for little",
    (False, True, False): "once often, for little",
    (False, False, False): "lost, for little",
}
WITHOUT = {
    (True, True): "loyal",
    (True, False): "new or rare",
    (False, True): "once loyal",
    (False, False): "lost",
}
CLASSES = (
    Column("class", key=True),
    Column("users", "users", listed=True),
    Column("share", "share", of=("users", "buyers")),
    Column("mean_recency", "days"),
    Column("mean_days", "days"),
    Column("mean_amount", "amount/user"),
    Column("amount", "amount"),
    Column("share_of_amount", "share", of=("amount", "all_amount")),
    Column("buyers", "users", listed=True),
    Column("all_amount", "amount"),
)
GRID = (Column("r_score", key=True), Column("f_score", key=True), Column("users", "users", listed=True))


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    show: Annotated[Literal["classes", "grid"], Help("The classes, or the users by the scores of R and F.")] = "classes"


@report(category="commerce", needs=("buy",))
def run(data: Data, params: Params) -> Result:
    """Score the buyers and sum up each class."""
    found = _scored(data, params)
    if params.show == "grid":
        counts: dict[tuple[int, int], int] = defaultdict(int)
        for row in found:
            counts[row["r_score"], row["f_score"]] += row["people"]
        rows: list[list[Any]] = [[r, f, counts[r, f]] for r in range(5, 0, -1) for f in range(1, 6)]
        return Result(GRID, rows, chart=Chart("heatmap", "f_score", ("r_score",), value="users"))
    money = "amount" in data.dataset.mapped
    columns = [c for c in CLASSES if money or "amount" not in c.name]
    rows = [[row[c.name] for c in columns] for row in _classes(found, money=money)]
    notes = () if money else (Text("There is no amount column: classes are by recency and frequency only."),)
    return Result(tuple(columns), rows, notes=notes, chart=Chart("bar", "class", ("users",)))


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users of a class: at["class"]; of the grid: at["r_score"] and at["f_score"].

    at["column"]: users, or for a class buyers, which are those of all classes.
    """
    column = column_of(at, ("users",) if params.show == "grid" else ("users", "buyers"))
    found = _scored(data, params)
    if column == "buyers":
        chosen = found
    elif params.show == "grid":
        wanted = number_at(at, "r_score"), number_at(at, "f_score")
        chosen = [row for row in found if (row["r_score"], row["f_score"]) == wanted]
    else:
        named = classed(found, money="amount" in data.dataset.mapped)
        chosen = named[one_at(at, "class", tuple(named))]
    scores = [row["r_score"] * 100 + row["f_score"] * 10 + row["m_score"] for row in chosen]
    sql, more, bind = _asked(data, params)
    return people_of(data.ask(USERS_SQL.replace("$scored", sql), more, **bind, scores=scores, limit=limit))


def classed(found: list[dict[str, Any]], *, money: bool) -> dict[str, list[dict[str, Any]]]:
    """Give the rows of scores of each class."""
    names = WITH_AMOUNT if money else WITHOUT
    scores = ("r_score", "f_score", "m_score")[: 3 if money else 2]
    every = sum(row["people"] for row in found)
    sums = {score: sum(row[score] * row["people"] for row in found) for score in scores}
    chosen: dict[str, list[dict[str, Any]]] = {name: [] for name in names.values()}
    for row in found:
        chosen[names[tuple(row[score] * every > sums[score] for score in scores)]].append(row)  # type: ignore[index]  # 2 or 3
    return chosen


def _classes(found: list[dict[str, Any]], *, money: bool) -> list[dict[str, Any]]:
    every, amount = sum(row["people"] for row in found), sum(row["m_sum"] for row in found)
    rows = []
    for name, members in classed(found, money=money).items():
        people, r, f, m = (sum(row[key] for row in members) for key in ("people", "r_sum", "f_sum", "m_sum"))
        means = {"mean_recency": share(r, people), "mean_days": share(f, people), "mean_amount": share(m, people)}
        shares = {"share": share(people, every), "share_of_amount": share(m, amount), "amount": m}
        rows.append({"class": name, "users": people, "buyers": every, "all_amount": amount, **means, **shares})
    return rows


def _scored(data: Data, params: Params) -> list[dict[str, Any]]:
    """Give the number of buyers, and their sums, for each three scores."""
    sql, more, bind = _asked(data, params)
    return data.ask(SQL.replace("$scored", sql), more, **bind)


def _asked(data: Data, params: Params) -> tuple[str, dict[str, Clause], dict[str, Any]]:
    """Give the query of the scored buyers, its clauses and its values."""
    more, span, buyers = data.scope(params), data.span(params), BUYERS_SQL
    bind: dict[str, Any] = {"last": day_number(last_day(data, params))}
    if by_days(data, params, span):
        buyers, bind = BUYERS_OF_DAYS_SQL, bind | day_bounds(data.dataset, span)
    (cuts,) = data.ask(CUTS_SQL.replace("$buyers", buyers), more, **bind)
    cut = {name: list(cuts[name]) if cuts["n"] else [] for name in ("r_cuts", "f_cuts", "m_cuts")}
    return SCORED_SQL.replace("$buyers", buyers), more, bind | cut


def last_day(data: Data, params: Params) -> date:
    """Give the day from which recency counts back: the range's last, or that of the last row."""
    return min(data.span(params).last, data.dataset.end_day) - timedelta(1)
