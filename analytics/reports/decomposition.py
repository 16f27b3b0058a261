"""Change decomposition: how much of a change in views comes from more users, how much from more views for each.

PV = UV x R with R = PV / UV, so ln(PV1 / PV0) = ln(UV1 / UV0) + ln(R1 / R0): both parts add up to the change
exactly. Each row compares a day (week, month) with the one before it.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from analytics.asking import Data
from analytics.clauses import Clause, fixed
from analytics.days import BUCKETS, IN_DAYS, SINCE_BUCKET, by_days, day_bounds, distinct
from analytics.decomposed import parts
from analytics.drill import LIST_AT_MOST, column_of, day_at, people_of
from analytics.spans import Ranged, Unit, buckets, is_complete
from sdk import Help
from sdk.report import Chart, Column, Result, report

SQL = """
SELECT $bucket AS bucket, countIf($view) AS pv, uniqExactIf(user_id, $view) AS uv
FROM $event
WHERE $scope
GROUP BY bucket
"""
DAYS_SQL = f"""
SELECT $bucket AS bucket, sum(views) AS pv, {distinct(SINCE_BUCKET)["uv"]} AS uv
FROM $user_day
WHERE {IN_DAYS}
GROUP BY bucket
"""
USERS_SQL = """
SELECT user_id
FROM $event
WHERE $scope AND $view AND $bucket = {bucket:Date}
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
COLUMNS = (
    Column("pv", "views"),
    Column("uv", "users", listed=True),
    Column("pv_per_user", "views/user", of=("pv", "uv")),
    Column("change", "share"),
    Column("log_change", "ln"),
    Column("log_users", "ln"),
    Column("log_depth", "ln"),
    Column("from_users", "share", of=("log_users", "log_change")),
    Column("from_depth", "share", of=("log_depth", "log_change")),
    Column("sentence"),
    Column("complete"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    by: Annotated[Unit, Help("What is compared with the one before it; weeks begin on Monday.")] = "day"


@report(category="traffic", needs=("view",))
def run(data: Data, params: Params) -> Result:
    """Decompose the change of each bucket against the one before."""
    span = data.span(params)
    days = by_days(data, params, span)
    more = {**data.scope(params), "bucket": Clause(BUCKETS[params.by]) if days else fixed(data.dataset)[params.by]}
    asked = data.ask(DAYS_SQL, more, **day_bounds(data.dataset, span)) if days else data.ask(SQL, more)
    found = {row["bucket"]: (row["pv"], row["uv"]) for row in asked}
    rows, before = [], (0, 0)
    for day in buckets(span, params.by):
        now = found.get(day, (0, 0))
        rows.append([day, *parts(day, before, now), int(is_complete(data.dataset, day, params.by, span))])
        before = now
    chart = Chart("bar", params.by, ("log_users", "log_depth"), incomplete="complete")
    return Result((Column(params.by, key=True), *COLUMNS), rows, chart=chart)


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users with a view in a bucket: at["day"], or as `by` names it."""
    column_of(at, ("uv",))
    more = {**data.scope(params), "bucket": fixed(data.dataset)[params.by]}
    return people_of(data.ask(USERS_SQL, more, bucket=day_at(at, params.by), limit=limit))
