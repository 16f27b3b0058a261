"""Repurchase: of the users who bought, how many bought again, and after how long.

A purchase is an order id where there is one (at its first row in the range), else a buy row. Repurchase rate: users
with two purchases or more / users with one or more; the stricter one counts users who purchased on two different
local days or more. Within a day, week or month both are counted inside it. Intervals: local days from each purchase
to the user's next one in the range; those that have not come yet are missing, so short intervals prevail near the end.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause, fixed
from analytics.days import BUCKETS, IN_DAYS, begun, by_days, day_bounds
from analytics.drill import LIST_AT_MOST, column_of, day_at, number_at, one_at, people_of
from analytics.purchases import PURCHASES
from analytics.spans import Ranged, Span, is_complete
from sdk import Help
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

PEOPLE_SQL = """
SELECT user_id, $bucket AS bucket, count() AS purchases, uniqExact($day) AS days
FROM ($purchases)
GROUP BY user_id, bucket
"""
# The same from the rollup, for whole days whose orders lie within an hour each.
DAYS_SQL = f"""
SELECT user_id, $bucket AS bucket, sum(purchases) AS purchases, uniqExact(day) AS days, sum(again) AS spread
FROM $buy_hour
WHERE {IN_DAYS}
GROUP BY user_id, bucket
"""
RATE_SQL = """
SELECT
    bucket,
    count() AS buyers,
    countIf(purchases >= 2) AS again,
    countIf(days >= 2) AS on_days,
    sum(purchases) AS all_purchases$spread
FROM ($people)
GROUP BY bucket
"""
RATE_USERS_SQL = """
SELECT user_id
FROM ($people)
WHERE toString(bucket) = {bucket:String} AND purchases >= {least:UInt8} AND days >= {least_days:UInt8}
ORDER BY user_id
LIMIT {limit:UInt32}
"""
INTERVALS_SQL = """
SELECT user_id, arrayJoin(arrayPopFront(arrayDifference(arraySort(groupArray(toInt32($day)))))) AS days
FROM ($purchases)
GROUP BY user_id
"""
DISTRIBUTION_SQL = """
SELECT days, count() AS intervals, uniqExact(user_id) AS people FROM ($intervals) GROUP BY days ORDER BY days
"""
INTERVAL_USERS_SQL = """
SELECT user_id
FROM ($intervals)
WHERE days = {days:Int32}
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
LISTS = {"buyers": (1, 1), "repurchasers": (2, 1), "on_two_days": (1, 2)}  # at least so many purchases, days
RATE = (
    Column("buyers", "users", listed=True),
    Column("repurchasers", "users", listed=True),
    Column("rate", "share", of=("repurchasers", "buyers")),
    Column("on_two_days", "users", listed=True),
    Column("rate_on_two_days", "share", of=("on_two_days", "buyers")),
    Column("purchases", "purchases"),
    Column("purchases_per_buyer", "purchases/user", of=("purchases", "buyers")),
    Column("complete"),
)
INTERVALS = (
    Column("days", "days", key=True),
    Column("intervals", "intervals"),
    Column("share", "share", of=("intervals", "all")),
    Column("up_to", "intervals"),
    Column("share_up_to", "share", of=("up_to", "all")),
    Column("users", "users", listed=True),
    Column("all", "intervals"),
)
WHOLE = "range"


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    show: Annotated[Literal["rate", "intervals"], Help("How many bought again, or after how many days.")] = "rate"
    by: Annotated[
        Literal["range", "day", "week", "month"], Help("The rate in the whole range, or within each bucket.")
    ] = "range"


@report(category="commerce", needs=("buy",))
def run(data: Data, params: Params) -> Result:
    """Count the users who purchased again, or the intervals."""
    span = data.span(params)
    more = _clauses(data, params, span)
    if params.show == "intervals":
        return _intervals(data, more)
    found = {row["bucket"]: row for row in _rates(data, params, more, span)}
    rows: list[list[Any]] = []
    for key, complete in _buckets(data, params, span):
        row = found.get(key, {"buyers": 0, "again": 0, "on_days": 0, "all_purchases": 0})
        buyers, again, days, purchases = row["buyers"], row["again"], row["on_days"], row["all_purchases"]
        rates = [buyers, again, share(again, buyers), days, share(days, buyers), purchases, share(purchases, buyers)]
        rows.append([key, *rates, int(complete)])
    chart = Chart(
        "bar" if params.by == "range" else "line", params.by, ("rate", "rate_on_two_days"), incomplete="complete"
    )
    return Result((Column(params.by, key=True), *RATE), rows, chart=chart)


def _rates(data: Data, params: Params, more: dict[str, Clause], span: Span) -> list[dict[str, Any]]:
    """Count the buyers of each bucket: by the rollup where it can tell, else by the events."""
    if by_days(data, params, span):
        sql = RATE_SQL.replace("$people", DAYS_SQL).replace("$spread", ",\n    sum(spread) AS again_")
        of_days = {**more, "bucket": Clause(BUCKETS.get(params.by, f"'{WHOLE}'"))}
        found = data.ask(sql, of_days, **day_bounds(data.dataset, span))
        if not any(row["again_"] for row in found):
            return found
    return data.ask(_sql(RATE_SQL.replace("$spread", "")), more)


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users behind a count.

    Of a rate: at["day"] (as `by` names it) and at["column"]: buyers, repurchasers or on_two_days. Of an interval:
    at["days"].
    """
    more = _clauses(data, params, data.span(params))
    if params.show == "intervals":
        column_of(at, ("users",))
        return people_of(data.ask(_sql(INTERVAL_USERS_SQL), more, days=number_at(at, "days"), limit=limit))
    least, least_days = LISTS[column_of(at, tuple(LISTS))]
    bucket = one_at(at, "range", (WHOLE,)) if params.by == "range" else day_at(at, params.by).isoformat()
    rows = data.ask(_sql(RATE_USERS_SQL), more, bucket=bucket, least=least, least_days=least_days, limit=limit)
    return people_of(rows)


def _sql(sql: str) -> str:
    for name, text in (("people", PEOPLE_SQL), ("intervals", INTERVALS_SQL), ("purchases", PURCHASES)):
        sql = sql.replace(f"(${name})", f"({text})")
    return sql


def _clauses(data: Data, params: Params, span: Span) -> dict[str, Clause]:
    known = fixed(data.dataset)
    return {**data.scope(params, span), "bucket": known.get(params.by, Clause(f"'{WHOLE}'"))}


def _buckets(data: Data, params: Params, span: Span) -> list[tuple[Any, bool]]:
    if params.by == "range":
        return [(WHOLE, span.high <= data.dataset.end)]
    unit = params.by
    return [(day, is_complete(data.dataset, day, unit, span)) for day in begun(data.dataset, span, unit)]


def _intervals(data: Data, more: dict[str, Clause]) -> Result:
    found = data.ask(_sql(DISTRIBUTION_SQL), more)
    every, so_far, rows = sum(row["intervals"] for row in found), 0, []
    for row in found:
        so_far += row["intervals"]
        ratios = [row["intervals"], share(row["intervals"], every), so_far, share(so_far, every)]
        rows.append([row["days"], *ratios, row["people"], every])
    half = next((row["days"] for row, shown in zip(found, rows, strict=True) if 2 * shown[3] >= every), None)
    notes = (
        ()
        if half is None
        else (Text("Half of the {every} intervals are of at most {half} days.", every=every, half=half),)
    )
    return Result(INTERVALS, rows, notes=notes, chart=Chart("bar", "days", ("intervals",)))
