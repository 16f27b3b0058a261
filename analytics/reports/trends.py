"""Event trends: how often something is done over time, by how many users, and how often by each.

Counted are the events of the chosen behaviours (none chosen: every event that counts as activity). Users are the
distinct users with such an event in the bucket, so rows must not be added up; per user is events / users. A breakdown
shows the values of a field with the most events or users in the whole range, and all others together: a user with
several values is counted with each of them, once within each.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause, both, dimension, fixed
from analytics.drill import LIST_AT_MOST, apart, column_of, day_at, people_of, second_at, value_of
from analytics.hours import hours
from analytics.spans import WORDS, Ranged, Span, buckets, is_complete, local_text
from sdk import Between, Help, Matches, ParamError
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

TOP_SQL = """
SELECT $value AS value
FROM $event
WHERE $scope
GROUP BY value
ORDER BY $rank DESC, value
LIMIT {top:UInt32}
"""
SQL = """
SELECT
    $bucket AS bucket,
    {broken:UInt8} AND NOT has({values:Array(String)}, $value) AS rest,
    if(rest, '', $value) AS name,
    count() AS events,
    uniqExact(user_id) AS people
FROM $event
WHERE $scope
GROUP BY bucket, rest, name
"""
USERS_SQL = """
SELECT user_id
FROM $event
WHERE $scope AND ($bucket) = {bucket:String} AND ({any_value:UInt8} OR ($kept))
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
RANKS = {"events": "count()", "users": "uniqExact(user_id)", "per user": "count()"}
MEASURES = {"events": "events", "users": "users", "per user": "per_user"}
COLUMNS = (
    Column("events", "events"),
    Column("users", "users", listed=True),
    Column("per_user", "events/user", of=("events", "users")),
    Column("complete"),
)
ROWS_AT_MOST = 60_000


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    events: Annotated[
        list[str], Between(0, WORDS), Help("Roles or behaviours, one a line. Empty: all that count as activity.")
    ] = field(default_factory=list)
    measure: Annotated[
        Literal["events", "users", "per user"], Help("What is drawn, and decides which values are top.")
    ] = "events"
    by: Annotated[Literal["day", "week", "month", "hour"], Help("The buckets; weeks begin on Monday.")] = "day"
    breakdown: Annotated[
        str, Matches(r"\w{0,60}", "write a field's name"), Help("A field or dimension; empty: none.")
    ] = ""
    top: Annotated[int, Between(1, 50), Help("So many values of the breakdown; the others together.")] = 10


@report(category="traffic")
def run(data: Data, params: Params) -> Result:
    """Count each bucket, and each value of the breakdown in it; what did not happen is shown as zero."""
    span = data.span(params)
    more = _clauses(data, params)
    values = _top(data, params, more)
    asked = data.ask(SQL, more, values=values, broken=int(bool(params.breakdown)))
    found = {(row["bucket"], apart("other", values) if row["rest"] else row["name"]): row for row in asked}
    shown = values + [apart("other", values)] * any(row["rest"] for row in asked) if params.breakdown else [""]
    rows: list[list[Any]] = []
    for key, label, complete in _buckets(data, params, span, len(shown)):
        for value in shown:
            row = found.get((key, value), {"events": 0, "people": 0})
            counts = [row["events"], row["people"], share(row["events"], row["people"]), int(complete)]
            rows.append([label, *([value] if params.breakdown else []), *counts])
    keys = (Column(params.by, key=True), *([Column("value", key=True)] if params.breakdown else []))
    names = (*keys, *COLUMNS)
    by = "value" if params.breakdown else ""
    return Result(
        names, rows, chart=Chart("line", params.by, (MEASURES[params.measure],), by=by, incomplete="complete")
    )


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users of a row: at["day"] (as `by` names it) and, with a breakdown, at["value"]."""
    column_of(at, ("users",))
    more = _clauses(data, params)
    bucket, value = _key_at(params, at), Clause("1")
    if params.breakdown:
        values, wanted = _top(data, params, more), value_of(at, "value")
        known = more["value"].sql
        kept = (
            f"NOT has({{values:Array(String)}}, {known})"
            if wanted == apart("other", values)
            else f"{known} = {{wanted:String}}"
        )
        value = Clause(kept, {"values": values, "wanted": wanted})
    more |= {"bucket": Clause(f"toString({more['bucket'].sql})", more["bucket"].bind), "kept": value}
    return people_of(data.ask(USERS_SQL, more, bucket=bucket, any_value=int(not params.breakdown), limit=limit))


def _clauses(data: Data, params: Params) -> dict[str, Clause]:
    scope = both(data.scope(params)["scope"], data.behaviours(params.events, "events"))
    bucket = fixed(data.dataset)["hour_start" if params.by == "hour" else params.by]
    value = dimension(data.dataset, params.breakdown, "breakdown").sql if params.breakdown else "''"
    return {
        "scope": scope,
        "bucket": bucket,
        "value": Clause(f"toString({value})"),
        "rank": Clause(RANKS[params.measure]),
    }


def _top(data: Data, params: Params, more: dict[str, Clause]) -> list[str]:
    return [row["value"] for row in data.ask(TOP_SQL, more, top=params.top)] if params.breakdown else []


def _buckets(data: Data, params: Params, span: Span, width: int) -> list[tuple[Any, str, bool]]:
    """Give each bucket's key in the store, its label, and whether it is complete."""
    if params.by == "hour":
        every = hours(data.dataset, span.low, min(span.high, data.dataset.last_ts + 1))
        if len(every) * width > ROWS_AT_MOST:
            raise ParamError({"by": Text("These are {n} hours; choose day, or a shorter range.", n=len(every))})
        text, high = local_text(data.dataset), min(data.dataset.end, span.high)
        return [(low, text(low), span.low <= low and end <= high) for low, end in every]
    unit = params.by
    days = buckets(span, unit)
    if len(days) * width > ROWS_AT_MOST:
        raise ParamError({"by": Text("These are {n} buckets; choose month, or a shorter range.", n=len(days))})
    return [(day, day.isoformat(), is_complete(data.dataset, day, unit, span)) for day in days]


def _key_at(params: Params, at: dict[str, str]) -> str:
    """Give the bucket's key as text."""
    if params.by != "hour":
        return day_at(at, params.by).isoformat()
    return str(second_at(at, "hour"))
