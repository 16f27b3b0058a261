"""Visits: how many there are, how long they are, and how often a user comes.

A visit is a longest run of a user's events without a gap of more than 30 minutes (a setting); the range cuts it at
its edges, and it counts in the bucket where it begins. Its length is from its first event to its last, so that a visit
of one event lasts 0 s: see the median and the single ones too. Frequency is visits / active users.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause, fixed
from analytics.days import BUCKETS, IN_DAYS, SINCE_BUCKET, begun, by_days, day_bounds, distinct
from analytics.drill import LIST_AT_MOST, column_of, day_at, number_at, one_at, people_of
from analytics.spans import Ranged, Span, is_complete
from analytics.visiting import GAP, VISITS, VISITS_OF_DAYS
from sdk import Between, Help
from sdk.report import Chart, Column, Result, report, share

SQL = """
SELECT
    $bucket AS bucket,
    count() AS visits,
    uniqExact(user_id) AS visitors,
    sum(seconds) AS total_seconds,
    quantileExactInclusive(0.5)(seconds) AS median,
    countIf(events = 1) AS single,
    sum(events) AS all_events
FROM ($visits)
GROUP BY bucket
"""
WHOLE = "range"
DAY_BUCKETS = {**BUCKETS, WHOLE: f"'{WHOLE}'"}  # of the rollup
ACTIVE_SQL = (
    "SELECT $bucket AS bucket, uniqExactIf(user_id, $active) AS people FROM $event WHERE $scope GROUP BY bucket"
)
ACTIVE_DAYS_SQL = f"""
SELECT $bucket AS bucket, {distinct("$since")["active_users"]} AS people
FROM $user_day
WHERE {IN_DAYS}
GROUP BY bucket
"""
USERS_SQL = """
SELECT user_id
FROM ($visits)
WHERE toString($bucket) = {bucket:String}
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
ACTIVE_USERS_SQL = """
SELECT user_id
FROM $event
WHERE $scope AND ($active) AND toString($bucket) = {bucket:String}
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
LISTS = {"users": USERS_SQL, "active_users": ACTIVE_USERS_SQL}
COLUMNS = (
    Column("visits", "visits"),
    Column("users", "users", listed=True),
    Column("active_users", "users", listed=True),
    Column("frequency", "visits/user", of=("visits", "active_users")),
    Column("seconds", "s"),
    Column("mean_length", "s", of=("seconds", "visits")),
    Column("median_length", "s"),
    Column("single", "visits"),
    Column("single_share", "share", of=("single", "visits")),
    Column("events", "events"),
    Column("events_per_visit", "events/visit", of=("events", "visits")),
    Column("complete"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    by: Annotated[
        Literal["day", "week", "month", "hour of day", "range"],
        Help("The bucket in which a visit begins. range: all as one."),
    ] = "day"
    gap: Annotated[int, Between(1, 1440), Help("Minutes without an event that end a visit.")] = GAP


@report(category="traffic")
def run(data: Data, params: Params) -> Result:
    """Count the visits that begin in each bucket."""
    span = data.span(params)
    more, bind = _clauses(data, params, span)
    visits, active_sql = VISITS, ACTIVE_SQL
    if params.gap == GAP and params.by in DAY_BUCKETS and by_days(data, params, span):
        visits, active_sql, bind = VISITS_OF_DAYS, ACTIVE_DAYS_SQL, day_bounds(data.dataset, span)
        more |= {
            "bucket": Clause(DAY_BUCKETS[params.by]),
            "since": Clause(SINCE_BUCKET if params.by in BUCKETS else "{first_day:Date}"),
        }
    found = {row["bucket"]: row for row in data.ask(SQL.replace("$visits", visits), more, **bind)}
    active = {row["bucket"]: row["people"] for row in data.ask(active_sql, more, **bind)}
    rows = []
    for key, complete in _buckets(data, params, span):
        rows.append([key, *_row(found.get(key), active.get(key, 0)), int(complete)])
    name = params.by.replace(" ", "_")
    kind = "line" if params.by in ("day", "week", "month") else "bar"
    return Result((Column(name, key=True), *COLUMNS), rows, chart=Chart(kind, name, ("visits",), incomplete="complete"))


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users of a bucket, at["day"] or as `by` names it.

    at["column"]: users (with a visit) or active_users.
    """
    sql = LISTS[column_of(at, tuple(LISTS))]
    if params.by == "range":
        bucket = one_at(at, "range", (WHOLE,))
    elif params.by == "hour of day":
        bucket = str(number_at(at, "hour_of_day"))
    else:
        bucket = day_at(at, params.by).isoformat()
    more, bind = _clauses(data, params, data.span(params))
    return people_of(data.ask(sql.replace("$visits", VISITS), more, **bind, bucket=bucket, limit=limit))


def _clauses(data: Data, params: Params, span: Span) -> tuple[dict[str, Clause], dict[str, int]]:
    known = fixed(data.dataset)
    name = {"hour of day": "hour"}.get(params.by, params.by)
    bucket = known[name] if name in known else Clause(f"'{WHOLE}'")
    return {**data.scope(params, span), "bucket": bucket}, {"gap": params.gap * 60}


def _buckets(data: Data, params: Params, span: Span) -> list[tuple[Any, bool]]:
    """Give each bucket, and whether it is complete."""
    if params.by == "range":
        return [(WHOLE, span.high <= data.dataset.end)]
    if params.by == "hour of day":
        return [(hour, span.high <= data.dataset.end) for hour in range(24)]
    unit = params.by
    return [(day, is_complete(data.dataset, day, unit, span)) for day in begun(data.dataset, span, unit)]


def _row(found: dict[str, Any] | None, active: int) -> list[float | None]:
    if found is None:
        return [0, 0, active, share(0, active), 0, None, None, 0, None, 0, None]
    visits, seconds, single = found["visits"], found["total_seconds"], found["single"]
    return [
        visits,
        found["visitors"],
        active,
        share(visits, active),
        seconds,
        share(seconds, visits),
        found["median"],
        single,
        share(single, visits),
        found["all_events"],
        share(found["all_events"], visits),
    ]
