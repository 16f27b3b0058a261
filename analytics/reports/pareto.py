"""Pareto: how few categories (or items) make most of the buys.

They are ranked by their buy rows, those with as many by name. k is the smallest number of them whose buys together
reach 80 % (a setting) of all; it is shown as a share of those that were sold and of those that were viewed. The
Gini coefficient is of the buys of all that were sold: 0 where each sold as much, near 1 where one sold all.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.concentration import smallest
from analytics.drill import LIST_AT_MOST, column_of, people_of, value_of
from analytics.spans import Ranged
from sdk import Between, Help
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

# One pass. sizes: how many things were bought so many times, which is all that k and the Gini coefficient need, however
# many things there are. ranking: the first ones, (-buys, name, buyers).
SQL = """
SELECT
    countIf(views > 0) AS viewed,
    sumMapIf([buys], [toUInt64(1)], buys > 0) AS sizes,
    groupArraySortedIf({top})((-toInt64(buys), toString(thing), people), buys > 0) AS ranking
FROM (
    SELECT
        $thing AS thing,
        countIf($buy) AS buys,
        countIf($view) AS views,
        uniqExactIf(user_id, $buy) AS people
    FROM $event
    WHERE $scope
    GROUP BY thing
)
"""
USERS_SQL = """
SELECT user_id
FROM $event
WHERE $buy AND ($scope) AND toString($thing) = {name:String}
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
RANKING = (
    Column("rank"),
    Column("name", key=True),
    Column("buys", "buys"),
    Column("share", "share", of=("buys", "all")),
    Column("up_to", "buys"),
    Column("share_up_to", "share", of=("up_to", "all")),
    Column("in_top"),
    Column("buyers", "users", listed=True),
    Column("all", "buys"),
)
SUMMARY = (Column("metric", key=True), Column("unit"), Column("value"), Column("numerator"), Column("denominator"))


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    of: Annotated[Literal["category", "item"], Help("What is ranked.")] = "category"
    reach: Annotated[int, Between(1, 100), Help("Per cent of the buys that the top ones reach.")] = 80
    show: Annotated[Literal["ranking", "summary"], Help("The ranking, or its figures as a table.")] = "ranking"
    top: Annotated[int, Between(1, 10_000), Help("Rows of the ranking.")] = 200


@report(category="commerce", needs=("buy",))
def run(data: Data, params: Params) -> Result:
    """Rank what was sold, and say how many make most of it."""
    data.need(params.of)
    (found,) = data.ask(SQL.replace("{top}", str(params.top)), _clauses(data, params))
    sizes = sorted(zip(*found["sizes"], strict=True), reverse=True)
    viewed, sold = found["viewed"], sum(things for _, things in sizes)
    every = sum(buys * things for buys, things in sizes)
    k = smallest(sizes, params.reach)
    figures = {"sold": sold, "viewed": viewed, "buys": every, "k": k}
    if params.show == "summary":
        return Result(SUMMARY, _summary(figures, gini(sizes)), chart=None)
    rows, so_far = [], 0
    for rank, (minus, name, people) in enumerate(found["ranking"], 1):
        so_far -= minus
        shares = [-minus, share(-minus, every), so_far, share(so_far, every)]
        rows.append([rank, name, *shares, int(rank <= (k or 0)), people, every])
    chart = Chart("line", "rank", ("share_up_to",))
    return Result(RANKING, rows, notes=_notes(params, figures, gini(sizes)), chart=chart)


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the buyers of a row: at["name"]."""
    column_of(at, ("buyers",))
    return people_of(data.ask(USERS_SQL, _clauses(data, params), name=value_of(at, "name"), limit=limit))


def gini(sizes: list[tuple[int, int]]) -> float | None:
    """Give the Gini coefficient of the buys of what was sold; None where nothing was."""
    n, every = sum(things for _, things in sizes), sum(buys * things for buys, things in sizes)
    place = weighted = 0
    for buys, things in reversed(sizes):
        weighted += buys * (things * place + things * (things + 1) // 2)  # the sum of the places of these
        place += things
    return (2 * weighted - (n + 1) * every) / (n * every) if every else None


def _clauses(data: Data, params: Params) -> dict[str, Clause]:
    return {**data.scope(params), "thing": Clause("category_id" if params.of == "category" else "item_id")}


def _summary(figures: dict[str, Any], inequality: float | None) -> list[list[Any]]:
    k = figures["k"]
    counts = [[name, "buys" if name == "buys" else "things", value, None, None] for name, value in figures.items()]
    rates = [[f"k_of_{name}", "share", share(k, figures[name]), k, figures[name]] for name in ("sold", "viewed")]
    return [*counts, *rates, ["gini", "", inequality, None, None]]


def _notes(params: Params, figures: dict[str, Any], inequality: float | None) -> tuple[str, ...]:
    if figures["k"] is None:
        return (Text("Nothing was sold in the range."),)
    k, sold, viewed = figures["k"], figures["sold"], figures["viewed"]
    known = {**figures, "reach": params.reach, "of_sold": k / sold, "gini": inequality}
    made = Text("{k:,} categories make {reach}% of {buys:,} buys: {of_sold:.1%} of the {sold:,} sold.", **known)
    if params.of == "item":
        made = Text("{k:,} items make {reach}% of {buys:,} buys: {of_sold:.1%} of the {sold:,} sold.", **known)
    if not viewed:
        return (made, Text("Gini {gini:.3f}.", **known))
    seen = Text("They are {of_viewed:.1%} of the {viewed:,} viewed. Gini {gini:.3f}.", of_viewed=k / viewed, **known)
    return (made, seen)
