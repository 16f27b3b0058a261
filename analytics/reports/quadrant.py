"""Pay-rate quadrant: which categories (or items) many users look at, and which of them are bought.

x is UV, the distinct users with a view; y is the pay rate, buyers / UV. The plane is cut at the medians (or means, or
fixed values) of those with at least 30 users (a setting); the others are greyed, for their rates say little, as their
Wilson 95 % intervals show. On the cut counts as above. To look into a category take its items, with the filter
category=...: a few that sell, or many that do not. Buyers without a view in the range can make a rate pass 100 %; it
then has no interval.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.drill import LIST_AT_MOST, column_of, value_of
from analytics.spans import Ranged
from analytics.wilson import wilson
from sdk import Between, Help, When
from sdk.report import Chart, Column, Result, report, share

THINGS_SQL = """
SELECT $thing AS thing, uniqExactIf(user_id, $view) AS uv, uniqExactIf(user_id, $buy) AS buyers
FROM $event
WHERE $scope
GROUP BY thing
HAVING uv > 0
"""
SQL = "SELECT toString(thing) AS name, uv, buyers FROM ($things) ORDER BY uv DESC, name LIMIT {top:UInt32}"
CUTS_SQL = """
SELECT
    count() AS every,
    countIf(uv >= {least:UInt32}) AS clear,
    quantileExactInclusiveIf(0.5)(uv, uv >= {least:UInt32}) AS median_uv,
    quantileExactInclusiveIf(0.5)(buyers / uv, uv >= {least:UInt32}) AS median_rate,
    avgIf(uv, uv >= {least:UInt32}) AS mean_uv,
    avgIf(buyers / uv, uv >= {least:UInt32}) AS mean_rate
FROM ($things)
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
COLUMNS = (
    Column("name"),
    Column("uv", "users"),
    Column("buyers", "users"),
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
    cut: Annotated[Literal["median", "mean", "fixed"], Help("Where the plane is cut.")] = "median"
    cut_uv: Annotated[float, Between(0, 1e9), When("cut", "fixed"), Help("Users.")] = 100.0
    cut_rate: Annotated[float, Between(0, 100), When("cut", "fixed"), Help("Pay rate in per cent.")] = 5.0
    least: Annotated[int, Between(1, 1_000_000), Help("Fewer users than these are greyed.")] = 30
    top: Annotated[int, Between(1, 10_000), Help("Points: those with the most users.")] = 1000


@report(
    category="commerce",
    needs=("view", "buy"),
    chart=Chart("scatter", "uv", ("pay_rate",), by="name", incomplete="clear"),
)
def run(data: Data, params: Params) -> Result:
    """Place each category or item in its quadrant."""
    data.need(params.of)
    more = _clauses(data, params)
    found = data.ask(SQL.replace("$things", THINGS_SQL), more, top=params.top)
    (cuts,) = data.ask(CUTS_SQL.replace("$things", THINGS_SQL), more, least=params.least)
    at = _cut(params, cuts)
    rows = []
    for row in found:
        uv, buyers = row["uv"], row["buyers"]
        low, high = wilson(buyers, uv) or (None, None)
        where = NAMES[uv >= at[0], buyers / uv >= at[1]] if at else ""
        rows.append([row["name"], uv, buyers, share(buyers, uv), low, high, where, int(uv >= params.least)])
    return Result(COLUMNS, rows, notes=tuple(_notes(params, cuts, at, len(rows))))


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users behind a count: at["name"], and at["column"]: uv or buyers."""
    role = {"uv": "role = 1", "buyers": "role = 4"}[column_of(at, ("uv", "buyers"))]
    more = {**_clauses(data, params), "role": Clause(role)}
    return [row["user_id"] for row in data.ask(USERS_SQL, more, name=value_of(at, "name"), limit=limit)]


def _clauses(data: Data, params: Params) -> dict[str, Clause]:
    return {**data.scope(params), "thing": Clause("category_id" if params.of == "category" else "item_id")}


def _cut(params: Params, cuts: dict[str, Any]) -> tuple[float, float] | None:
    """Give where x and y are cut; None where nothing is clear enough to say."""
    if params.cut == "fixed":
        return params.cut_uv, params.cut_rate / 100
    return (cuts[f"{params.cut}_uv"], cuts[f"{params.cut}_rate"]) if cuts["clear"] else None


def _notes(params: Params, cuts: dict[str, Any], at: tuple[float, float] | None, shown: int) -> list[str]:
    things = {"category": "categories", "item": "items"}[params.of]
    notes = []
    if at:
        notes.append(f"Cut at {at[0]:,.6g} users and a pay rate of {at[1]:.2%} ({params.cut}).")
    else:
        notes.append(f"None of the {things} has {params.least} users: there is nothing to cut at.")
    if cuts["every"] > cuts["clear"]:
        notes.append(
            f"{cuts['every'] - cuts['clear']:,} of {cuts['every']:,} {things} have fewer than {params.least} users."
        )
    if cuts["every"] > shown:
        notes.append(f"Shown are the {shown:,} with the most users, of {cuts['every']:,}.")
    return notes
