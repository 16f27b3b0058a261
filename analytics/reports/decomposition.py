"""Change decomposition: how much of a change in views comes from more users, how much from more views for each.

PV = UV x R with R = PV / UV, so ln(PV1 / PV0) = ln(UV1 / UV0) + ln(R1 / R0): both parts add up to the change
exactly. Each row compares a day (week, month) with the one before it.
"""

import math
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from analytics.asking import Data
from analytics.clauses import fixed
from analytics.spans import Ranged, Unit, buckets, is_complete
from sdk import Help
from sdk.report import Chart, Column, Result, report, share

SQL = """
SELECT $bucket AS bucket, countIf($view) AS pv, uniqExactIf(user_id, $view) AS uv
FROM $event
WHERE $scope
GROUP BY bucket
"""
COLUMNS = (
    Column("pv", "views"),
    Column("uv", "users"),
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
    bucket = fixed(data.dataset)[params.by]
    found = {row["bucket"]: (row["pv"], row["uv"]) for row in data.ask(SQL, {**data.scope(params), "bucket": bucket})}
    rows, before = [], (0, 0)
    for day in buckets(span, params.by):
        now = found.get(day, (0, 0))
        rows.append([day, *parts(day, before, now), int(is_complete(data.dataset, day, params.by, span))])
        before = now
    chart = Chart("bar", params.by, ("log_users", "log_depth"), incomplete="complete")
    return Result((Column(params.by), *COLUMNS), rows, chart=chart)


def parts(day: date, before: tuple[int, int], now: tuple[int, int]) -> list[float | str | None]:
    """Give PV, UV and PV per user, the change, its two parts, and the sentence.

    None where there is no change to part.
    """
    (pv0, uv0), (pv1, uv1) = before, now
    depth = share(pv1, uv1)
    if not pv0 or not pv1:
        return [pv1, uv1, depth, None, None, None, None, None, None, ""]
    users, each = math.log(uv1 / uv0), math.log(pv1 / uv1) - math.log(pv0 / uv0)
    whole = math.log(pv1 / pv0)
    of_users, of_each = (users / whole, each / whole) if pv0 != pv1 else (None, None)
    text = sentence(day, pv1 / pv0 - 1, users, each, of_users)
    return [pv1, uv1, depth, pv1 / pv0 - 1, whole, users, each, of_users, of_each, text]


def sentence(day: date, change: float, users: float, each: float, of_users: float | None) -> str:
    """Say the change in words; shares only where both parts go its way."""
    head = f"{day.day} {day:%b}: PV {change:+.0%}"
    if of_users is None:
        return f"{day.day} {day:%b}: PV unchanged"
    if 0 <= of_users <= 1:
        more = "more" if change > 0 else "fewer"
        return f"{head}; {of_users:.0%} of it from {more} users, {1 - of_users:.0%} from {more} pages for each"
    return f"{head}; users {math.exp(users) - 1:+.0%}, pages for each {math.exp(each) - 1:+.0%}"
