"""Activity: events, users and purchases by day, week, month or hour.

Days, weeks (from Monday) and months are those of the dataset's time zone. Users are distinct within each row, so
rows must not be added up. Buyers of UV is the share of the users with a view who bought. By hour of day and by hour
of the week every local hour of the range counts into its row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause, fixed
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
COUNTS = (
    Column("events", "events"),
    Column("pv", "views"),
    Column("uv", "users"),
    Column("active_users", "users"),
    Column("buyers", "users"),
    Column("purchases", "purchases"),
    Column("buyers_of_uv", "share", of=("buyers", "uv")),
)
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
    span = data.span(params)
    if params.by == "hour of week":
        return _by_week_hour(data, params)
    if params.by == "hour of day":
        found = _counted(data, params, fixed(data.dataset)["hour"])
        rows = [[hour, *_row(found.get(hour))] for hour in range(24)]
        return Result((Column("hour", "h"), *COUNTS), rows, chart=Chart("bar", "hour", ("events",)))
    if params.by == "hour":
        return _by_hour(data, params, span)
    unit = params.by
    found = _counted(data, params, fixed(data.dataset)[unit])
    rows = [
        [day, *_row(found.get(day)), int(is_complete(data.dataset, day, unit, span))] for day in buckets(span, unit)
    ]
    chart = Chart("line", unit, ("pv", "uv", "buyers"), incomplete="complete")
    return Result((Column(unit), *COUNTS, Column("complete")), rows, chart=chart)


def _by_hour(data: Data, params: Params, span: Span) -> Result:
    found = _counted(data, params, fixed(data.dataset)["hour_start"])
    text: Callable[[int], str] = local_text(data.dataset)
    first = min([*found, span.low])
    starts = range(first, span.high, 3600)
    shown = sorted({*found, *starts}) if len(starts) <= HOURS_AT_MOST else sorted(found)
    rows = [[text(ts), *_row(found.get(ts)), int(ts + 3600 <= data.dataset.end)] for ts in shown]
    chart = Chart("line", "hour", ("pv", "uv", "buyers"), incomplete="complete")
    return Result((Column("hour"), *COUNTS, Column("complete")), rows, chart=chart)


def _by_week_hour(data: Data, params: Params) -> Result:
    known = fixed(data.dataset)
    bucket = Clause(f"({known['weekday'].sql}, {known['hour'].sql})", known["hour"].bind)
    found = _counted(data, params, bucket)
    rows = [
        [name, hour, *_row(found.get((number, hour)))] for number, name in enumerate(WEEKDAYS, 1) for hour in range(24)
    ]
    columns = (Column("weekday"), Column("hour", "h"), *COUNTS)
    return Result(columns, rows, chart=Chart("heatmap", "hour", ("weekday",), value="events"))


def _counted(data: Data, params: Params, bucket: Clause) -> dict[Any, dict[str, Any]]:
    return {row.pop("bucket"): row for row in data.ask(SQL, {**data.scope(params), "bucket": bucket})}


def _row(found: dict[str, int] | None) -> list[float | None]:
    if found is None:
        return [0, 0, 0, 0, 0, 0, None]
    return [*found.values(), share(found["buyers"], found["uv"])]
