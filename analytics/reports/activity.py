"""Activity: events, users and purchases by day, week, month or hour.

Days, weeks (from Monday) and months are those of the dataset's time zone. Users are distinct within each row, so
rows must not be added up. Buyers of UV is the share of the users with a view who bought. By hour of day and by hour
of the week every local hour of the range counts into its row.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause, fixed
from analytics.days import BUCKETS, IN_DAYS, SINCE_BUCKET, by_days, day_bounds, distinct
from analytics.drill import LIST_AT_MOST, column_of, day_at, number_at, one_at, people_of, second_at
from analytics.hours import hours
from analytics.spans import Ranged, Span, buckets, is_complete, local_text
from sdk import Help
from sdk.report import Chart, Column, Result, report, share

SQL = """
SELECT
    $bucket AS bucket,
    count() AS events_,
    countIf($view) AS pv,
    uniqExactIf(user_id, $view) AS uv,
    uniqExactIf(user_id, $active) AS active_users,
    uniqExactIf(user_id, $buy) AS buyers,
    uniqExactIf(order_id, $buy AND order_id != '') + countIf($buy AND order_id = '') AS purchases
FROM $event
WHERE $scope
GROUP BY bucket
"""
USERS = distinct(SINCE_BUCKET)
DAYS_SQL = f"""
SELECT
    $bucket AS bucket,
    sum(events) AS events_,
    sum(views) AS pv,
    {USERS["uv"]} AS uv,
    {USERS["active_users"]} AS active_users,
    {USERS["buyers"]} AS buyers,
    sum(buys) AS purchases
FROM $user_day
WHERE {IN_DAYS}
GROUP BY bucket
"""
# By hours of the day or of the week: events from the sums of the hours, users from the hours in which each acted.
HOURS_SQL = """
SELECT $bucket AS bucket, sum(events) AS events_, sum(views) AS pv, sum(buys) AS purchases
FROM $hour_sums
WHERE day >= {first_day:Date} AND day < {end_day:Date}
GROUP BY bucket
"""
HOUR_USERS_SQL = f"""
SELECT $bucket AS bucket, uv, active_users, buyers
FROM (
    SELECT
        weekday,
        [{", ".join(f"sum(bitTest(viewed, {hour}))" for hour in range(24))}] AS uvs,
        [{", ".join(f"sum(bitTest(acted, {hour}))" for hour in range(24))}] AS actives,
        [{", ".join(f"sum(bitTest(bought, {hour}))" for hour in range(24))}] AS buyers_
    FROM (
        SELECT
            $weekday AS weekday,
            groupBitOr(view_hours) AS viewed,
            groupBitOr(active_hours) AS acted,
            groupBitOr(buy_hours) AS bought
        FROM $user_day
        WHERE {IN_DAYS}
        GROUP BY user_id, weekday
    )
    GROUP BY weekday
)
ARRAY JOIN uvs AS uv, actives AS active_users, buyers_ AS buyers, range(24) AS hour
"""
BUY_HOURS_SQL = f"""
SELECT $bucket AS bucket, sum(purchases) AS purchases_, sum(again) AS again_
FROM $buy_hour
WHERE {IN_DAYS}
GROUP BY bucket
"""
PURCHASES_SQL = """
SELECT $bucket AS bucket, uniqExactIf(order_id, order_id != '') + countIf(order_id = '') AS purchases_
FROM $event
WHERE $scope AND $buy
GROUP BY bucket
"""
WEEKDAY_OF = {"hour of day": "0", "hour of week": "toDayOfWeek(day)"}
HOUR_BUCKETS = {"hour of day": "hour", "hour of week": "(weekday, hour)"}
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
OF_USERS = tuple(column for column in COUNTS if column.unit in ("users", "share"))
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
    figures: Annotated[
        Literal["all", "events"], Help("events: without users, whom to count takes longest on large data.")
    ] = "all"


@report(category="traffic")
def run(data: Data, params: Params) -> Result:
    """Count by the chosen bucket; buckets without a row are shown with zeros."""
    result = _counts(data, params)
    hidden, notes = data.lacking(NEEDS)
    rows = [
        [None if name in hidden else value for name, value in zip(result.names, row, strict=True)]
        for row in result.rows
    ]
    result = replace(result, rows=rows, notes=notes)
    return result if params.figures == "all" else _of_events(result)


def _of_events(result: Result) -> Result:
    """Give a result without what counts users."""
    kept = [place for place, column in enumerate(result.columns) if column not in OF_USERS]
    columns = tuple(result.columns[place] for place in kept)
    names = [column.name for column in columns]
    chart = result.chart and replace(result.chart, y=tuple(y for y in result.chart.y if y in names) or ("events",))
    return replace(result, columns=columns, rows=[[row[place] for place in kept] for row in result.rows], chart=chart)


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
    """Give the counts of each bucket that has a row."""
    span, more = data.span(params), _clauses(data, params)
    if not by_days(data, params, span):
        return _by_bucket(data.ask(SQL, more))
    bind = day_bounds(data.dataset, span)
    if params.by in BUCKETS:
        found = _by_bucket(data.ask(DAYS_SQL, {**more, "bucket": Clause(BUCKETS[params.by])}, **bind))
    elif params.by in HOUR_BUCKETS and not params.where and not params.users:
        found = _by_hours(data, params, bind)
    else:
        return _by_bucket(data.ask(SQL, more))
    for row in _purchases(data, params, more, bind) if "order" in data.dataset.mapped else ():
        found[row["bucket"]]["purchases"] = row["purchases_"]
    return found


def _purchases(data: Data, params: Params, more: dict[str, Clause], bind: dict[str, date]) -> list[dict[str, Any]]:
    """Give the purchases of each bucket, an order once in each; from the events where an order has several hours."""
    weekday = WEEKDAY_OF.get(params.by, "")
    bucket = BUCKETS.get(params.by) or HOUR_BUCKETS[params.by].replace("weekday", weekday)
    found = data.ask(BUY_HOURS_SQL, {**more, "bucket": Clause(bucket)}, **bind)
    return data.ask(PURCHASES_SQL, more) if any(row["again_"] for row in found) else found


def _by_hours(data: Data, params: Params, bind: dict[str, Any]) -> dict[Any, dict[str, Any]]:
    named = {"bucket": HOUR_BUCKETS[params.by], "weekday": WEEKDAY_OF[params.by]}
    more = {"where": Clause("1"), **{name: Clause(sql) for name, sql in named.items()}}
    hours = HOURS_SQL.replace("$bucket", named["bucket"].replace("weekday", named["weekday"]))
    found = _by_bucket(data.ask(hours, more, **bind))
    for row in data.ask(HOUR_USERS_SQL, more, **bind) if params.figures == "all" else ():
        if row["bucket"] in found:
            found[row["bucket"]] |= row
    return found


def _by_bucket(rows: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    return {row["bucket"]: row for row in rows}


def _row(found: dict[str, Any] | None) -> list[float | None]:
    """Give the cells of COUNTS; those of users are not there where only events are asked for."""
    if found is None:
        return [0, 0, 0, 0, 0, 0, None]
    cells = [found.get(name) for name in ("events_", "pv", "uv", "active_users", "buyers", "purchases")]
    return [*cells, share(found.get("buyers"), found.get("uv"))]
