"""Lifecycle: who is new, who returns, who is back after a pause, and who has gone dormant.

New: active in the period, and first seen in it; where there is a users table, registered in it. Returning: active in it
and in the one before, not new. Resurrected: active in it, not in the one before, not new. Dormant: active in the one
before, not in it. So active = new + returning + resurrected, and active - active before = new + resurrected - dormant.
The churn rate is dormant / active before. Registered, where there is a users table: all who were registered in the
period, active or not, and who is first seen in it without being in that table. Periods are whole days, weeks or
months: the range says which are shown, never what lies in them.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Annotated, Any

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.days import UNITS, active_days, begun, bucket_number
from analytics.drill import LIST_AT_MOST, column_of, day_at, people_of
from analytics.newcomers import DAY, known, notes
from analytics.spans import Ranged, Unit, bucket_of, is_complete
from sdk import Help
from sdk.report import Chart, Column, Result, report, share

# Of each user: the state in each period, 0 new, 1 returning, 2 resurrected, 3 dormant; and 4, when registered.
STATES_SQL = """
SELECT user_id, state.1 AS period, state.2 AS kind
FROM (
    SELECT user_id, arrayJoin(arrayConcat(
        arrayMap(
            (p, i) -> (toInt64(p), toUInt8(multiIf(p = born, 0, i > 1 AND periods[i - 1] = p - 1, 1, 2))),
            periods, arrayEnumerate(periods)
        ),
        arrayMap(p -> (toInt64(p + 1), toUInt8(3)), arrayFilter(p -> NOT has(periods, p + 1), periods))$registered
    )) AS state
    FROM ($lives)
)
"""
REGISTRATION = ", [(toInt64(born), toUInt8(4))]"
PEOPLE_SQL = """
SELECT user_id, arraySort(groupUniqArray($period)) AS periods, periods[1] AS born
FROM ($days)
GROUP BY user_id
"""
REGISTERED_SQL = f"""
SELECT
    user_id,
    arraySort(groupUniqArrayIf($period, NOT known)) AS periods,
    if(countIf(known) > 0, minIf($period, known), periods[1]) AS born
FROM (
    SELECT user_id, d, 0 AS known FROM ($days)
    UNION ALL
    SELECT user_id, {DAY} AS d, 1 AS known FROM $people WHERE $who
)
GROUP BY user_id
HAVING $counted
"""
SQL = """
SELECT period, kind, count() AS people
FROM ($states)
WHERE period >= {low:Int64} AND period <= {high:Int64}
GROUP BY period, kind
"""
USERS_SQL = """
SELECT user_id
FROM ($states)
WHERE period = {period:Int64} AND has({kinds:Array(UInt8)}, kind)
ORDER BY user_id
LIMIT {limit:UInt32}
"""
KINDS = {"active": [0, 1, 2], "new": [0], "returning": [1], "resurrected": [2], "dormant": [3]}
REGISTERED = {"registered": [4]}
COUNTS = tuple(Column(name, "users", listed=True) for name in (*KINDS, "active_before"))
RATES = (
    Column("churn_rate", "share", of=("dormant", "active_before")),
    Column("new_share", "share", of=("new", "active")),
    Column("complete"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    by: Annotated[Unit, Help("The periods; weeks begin on Monday.")] = "day"


@report(category="lifecycle")
def run(data: Data, params: Params) -> Result:
    """Count the users of each state in each period."""
    periods = begun(data.dataset, data.span(params), params.by)
    low, high = bucket_number(periods[0], params.by), bucket_number(periods[-1], params.by)
    sql, more = _states(data, params)
    kinds = _kinds(data)
    counts: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in data.ask(SQL.replace("$states", sql), more, low=low - 1, high=high):
        counts[row["period"]][row["kind"]] = row["people"]
    rows: list[list[Any]] = []
    for bucket in periods:
        now, before = (counts[bucket_number(bucket, params.by) - n] for n in (0, 1))
        found = {name: sum(now[kind] for kind in some) for name, some in kinds.items()}
        active_before = sum(before[kind] for kind in KINDS["active"])
        rates = [share(found["dormant"], active_before), share(found["new"], found["active"])]
        registered = [found.pop(name) for name in REGISTERED if name in found]
        complete = int(is_complete(data.dataset, bucket, params.by))
        rows.append([bucket, *found.values(), active_before, *registered, *rates, complete])
    more_counts = [Column(name, "users", listed=True) for name in REGISTERED if name in kinds]
    chart = Chart("bar", params.by, ("new", "returning", "resurrected", "dormant"), incomplete="complete")
    return Result((Column(params.by, key=True), *COUNTS, *more_counts, *RATES), rows, notes=notes(data), chart=chart)


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users behind a count: at["day"] (as `by` names it) and at["column"], for example dormant."""
    every = _kinds(data)
    column = column_of(at, (*every, "active_before"))
    kinds = every[column.removesuffix("_before")]
    period = bucket_number(bucket_of(day_at(at, params.by), params.by), params.by) - (column == "active_before")
    sql, more = _states(data, params)
    return people_of(data.ask(USERS_SQL.replace("$states", sql), more, period=period, kinds=kinds, limit=limit))


def _kinds(data: Data) -> dict[str, list[int]]:
    return {**KINDS, **REGISTERED} if data.dataset.people_version else KINDS


def _states(data: Data, params: Params) -> tuple[str, dict[str, Clause]]:
    days, more = active_days(data, params)
    lives, registered = PEOPLE_SQL, ""
    if data.dataset.people_version:
        lives, registered, more = REGISTERED_SQL, REGISTRATION, {**more, **known(data, params)}
    lives = lives.replace("$period", UNITS[params.by]).replace("$days", days)
    return STATES_SQL.replace("$registered", registered).replace("$lives", lives), more
