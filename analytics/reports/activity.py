"""Activity: events, users and purchases by day, week, month or hour.

Days, weeks (from Monday) and months are those of the dataset's time zone. Users are distinct within each row, so
rows must not be added up. Buyers of UV is the share of the users with a view who bought. By hour of day and by hour
of the week every local hour of the range counts into its row.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause, fixed
from analytics.days import by_days
from analytics.drill import LIST_AT_MOST, column_of, day_at, number_at, one_at, people_of, second_at
from analytics.hours import hours
from analytics.spans import Ranged, Span, buckets, is_complete, local_text
from sdk import Help
from sdk.report import Chart, Column, Result, report, share

SQL = """
SELECT
    $bucket AS bucket,
    count() AS events,
    countIf($view) AS pv,
    uniqExactIf(user_id, $view) AS uv,
    uniqExactIf(user_id, $active) AS active_users,
    uniqExactIf(user_id, $buy) AS buyers,
    uniqExactIf(order_id, $buy AND order_id != '') + countIf($buy AND order_id = '') AS purchases
FROM $event
WHERE $scope
GROUP BY bucket
"""
DAYS_SQL = """
SELECT
    $bucket AS bucket,
    sum(events) AS events_,
    sum(views) AS pv,
    uniqExactIf(user_id, views > 0) AS uv,
    uniqExactIf(user_id, active > 0) AS active_users,
    uniqExactIf(user_id, buys > 0) AS buyers,
    sum(buys) AS purchases
FROM $user_day
WHERE day >= {first_day:Date} AND day < {end_day:Date} AND ($where)
GROUP BY bucket
"""
PURCHASES_SQL = """
SELECT $bucket AS bucket, uniqExactIf(order_id, order_id != '') + countIf(order_id = '') AS purchases
FROM $event
WHERE $scope AND $buy
GROUP BY bucket
"""
BUCKETS = {"day": "day", "week": "toMonday(day)", "month": "toStartOfMonth(day)"}
USERS_SQL = """
SELECT user_id
FROM $event
WHERE $scope AND ($did) AND toString($bucket) = {bucket:String}
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
DID = {"uv": "$view", "active_users": "$active", "buyers": "$buy"}
COUNTS = (
    Column("events", "events"),
    Column("pv", "views"),
    Column("uv", "users", listed=True),
    Column("active_users", "users", listed=True),
    Column("buyers", "users", listed=True),
    Column("purchases", "purchases"),
    Column("buyers_of_uv", "share", of=("buyers", "uv")),
)
NEEDS = {"pv": "view", "uv": "view", "buyers": "buy", "purchases": "buy", "buyers_of_uv": "buy"}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS_AT_MOST = 24 * 400


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    by: Annotated[
        Literal["day", "week", "month", "hour", "hour of day", "hour of week"],
        Help("hour: each hour of the range. hour of day: 0 to 23. hour of week: weekday and hour."),
    ] = "day"


@report(category="traffic")
def run(data: Data, params: Params) -> Result:
    """Count by the chosen bucket; buckets without a row are shown with zeros."""
    result = _counts(data, params)
    hidden, notes = data.lacking(NEEDS)
    rows = [
        [None if name in hidden else value for name, value in zip(result.names, row, strict=True)]
        for row in result.rows
    ]
    return replace(result, rows=rows, notes=notes)


def _counts(data: Data, params: Params) -> Result:
    span = data.span(params)
    found = _counted(data, params)
    if params.by == "hour of week":
        return _by_week_hour(found)
    if params.by == "hour of day":
        rows = [[hour, *_row(found.get(hour))] for hour in range(24)]
        return Result((Column("hour", "h", key=True), *COUNTS), rows, chart=Chart("bar", "hour", ("events",)))
    if params.by == "hour":
        return _by_hour(data, span, found)
    unit = params.by
    rows = [
        [day, *_row(found.get(day)), int(is_complete(data.dataset, day, unit, span))] for day in buckets(span, unit)
    ]
    chart = Chart("line", unit, ("pv", "uv", "buyers"), incomplete="complete")
    return Result((Column(unit, key=True), *COUNTS, Column("complete")), rows, chart=chart)


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users of a bucket, which the row's key columns name; at["column"]: uv, active_users or buyers."""
    more = {**_clauses(data, params), "did": Clause(DID[column_of(at, tuple(DID))])}
    return people_of(data.ask(USERS_SQL, more, bucket=_key_at(params, at), limit=limit))


def _key_at(params: Params, at: dict[str, str]) -> str:
    """Give the bucket's key in the store, as text."""
    if params.by == "hour":
        return str(second_at(at, "hour"))
    if params.by == "hour of day":
        return str(number_at(at, "hour"))
    if params.by == "hour of week":
        return f"({WEEKDAYS.index(one_at(at, 'weekday', WEEKDAYS)) + 1},{number_at(at, 'hour')})"
    return day_at(at, params.by).isoformat()


def _by_hour(data: Data, span: Span, found: dict[Any, dict[str, Any]]) -> Result:
    text: Callable[[int], str] = local_text(data.dataset)
    every = hours(data.dataset, span.low, span.high)
    shown = every if len(every) <= HOURS_AT_MOST else [hour for hour in every if hour[0] in found]
    rows = [[text(ts), *_row(found.get(ts)), int(end <= data.dataset.end)] for ts, end in shown]
    chart = Chart("line", "hour", ("pv", "uv", "buyers"), incomplete="complete")
    return Result((Column("hour", key=True), *COUNTS, Column("complete")), rows, chart=chart)


def _by_week_hour(found: dict[Any, dict[str, Any]]) -> Result:
    rows = [
        [name, hour, *_row(found.get((number, hour)))] for number, name in enumerate(WEEKDAYS, 1) for hour in range(24)
    ]
    columns = (Column("weekday", key=True), Column("hour", "h", key=True), *COUNTS)
    return Result(columns, rows, chart=Chart("heatmap", "hour", ("weekday",), value="events"))


def _clauses(data: Data, params: Params) -> dict[str, Clause]:
    known = fixed(data.dataset)
    week_hour = Clause(f"({known['weekday'].sql}, {known['hour'].sql})", known["hour"].bind)
    named = {**known, "hour": known["hour_start"], "hour of day": known["hour"], "hour of week": week_hour}
    return {**data.scope(params), "bucket": named[params.by]}


def _counted(data: Data, params: Params) -> dict[Any, dict[str, Any]]:
    span, more = data.span(params), _clauses(data, params)
    if params.by in BUCKETS and by_days(data, params, span):
        days = {**more, "bucket": Clause(BUCKETS[params.by])}
        asked = data.ask(DAYS_SQL, days, first_day=span.first, end_day=span.last)
        found = {row.pop("bucket"): row for row in asked}
        for row in data.ask(PURCHASES_SQL, more) if "order" in data.dataset.mapped else ():
            found[row["bucket"]]["purchases"] = row["purchases"]
        return found
    return {row.pop("bucket"): row for row in data.ask(SQL, _clauses(data, params))}


def _row(found: dict[str, int] | None) -> list[float | None]:
    if found is None:
        return [0, 0, 0, 0, 0, 0, None]
    return [*found.values(), share(found["buyers"], found["uv"])]
