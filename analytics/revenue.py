"""What the users who are new in each day, week or month have paid since."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.days import IN_DAYS, UNITS, bucket_number, by_days, day_bounds
from analytics.drill import people_of
from analytics.newcomers import DAY, known
from analytics.returning import by_first_day
from analytics.spans import Ranged, Span, Unit, buckets, following, is_complete

# Each user new in the range: the unit of that, and what was paid in which unit.
PEOPLE_SQL = """
SELECT
    user_id,
    countIf(known) > 0 AS registered,
    if(registered, minIf(unit, known), minIf(unit, acts > 0)) AS cohort,
    if(registered, minIf(first, known), minIf(first, acts > 0)) AS seen,
    groupArray((unit, paid)) AS money
FROM (
    SELECT
        user_id,
        $unit AS unit,
        0 AS known,
        countIf($active) AS acts,
        minIf(ts, $active) AS first,
        sumIf(amount, $buy) AS paid
    FROM (SELECT *, toInt32($day) AS d FROM $event WHERE $where)
    GROUP BY user_id, unit
    $registered
)
GROUP BY user_id
HAVING ($counted) AND countIf(known OR acts > 0) > 0 AND seen >= {span_low:Int64} AND seen < {span_high:Int64}
"""
REGISTERED_SQL = f"""
UNION ALL
SELECT user_id, $unit AS unit, 1 AS known, 0 AS acts, registered_at AS first, toDecimal128(0, 4) AS paid
FROM (SELECT *, {DAY} AS d FROM $people WHERE $who)
"""
SIZES_SQL = "SELECT cohort, count() AS size FROM ($new) GROUP BY cohort"
USERS_SQL = """
SELECT user_id
FROM ($new)
WHERE has({cohorts:Array(Int32)}, cohort)
ORDER BY user_id
LIMIT {limit:UInt32}
"""
REVENUE_SQL = """
SELECT cohort, toInt64(one.1) - toInt64(cohort) AS n, sum(one.2) AS revenue
FROM (SELECT cohort, arrayJoin(money) AS one FROM ($new))
WHERE n >= 0 AND one.2 != 0
GROUP BY cohort, n
"""


# The same from the rollups, where a user is new when first seen and whole days are asked for.
DAY_SIZES_SQL = f"""
SELECT $first AS cohort, count() AS size
FROM $user_day
WHERE active > 0 AND day = first_day AND {IN_DAYS}
GROUP BY cohort
"""
DAY_REVENUE_SQL = """
SELECT $first AS cohort, $unit - cohort AS n, sum(bought.paid) AS revenue
FROM (
    SELECT user_id, day, first_day
    FROM $user_day
    WHERE buys > 0 AND first_day >= {first_day:Date} AND first_day < {end_day:Date} AND ($where)
) AS seen
INNER JOIN (SELECT user_id, day, sum(paid) AS paid FROM $buy_hour GROUP BY user_id, day) AS bought USING (user_id, day)
GROUP BY cohort, n
HAVING n >= 0 AND revenue != 0
"""


def by_cohort(data: Data, params: Ranged, span: Span, unit: Unit) -> tuple[dict[int, int], dict[int, dict[int, float]]]:
    """Give the users of each cohort, and their revenue by offset; cohorts by number."""
    sizes_sql, revenue_sql = DAY_SIZES_SQL, DAY_REVENUE_SQL
    bind: dict[str, Any]
    if by_days(data, params, span) and not data.dataset.people_version:
        bind = day_bounds(data.dataset, span)
        more = {name: Clause(text) for name, text in by_first_day(unit).items()} | {
            "where": data.scope(params, span)["where"]
        }
    else:
        new, more, bind = _people(data, params, span, unit)
        sizes_sql, revenue_sql = SIZES_SQL.replace("$new", new), REVENUE_SQL.replace("$new", new)
    sizes = data.ask(sizes_sql, more, **bind)
    paid: dict[int, dict[int, float]] = defaultdict(dict)
    for row in data.ask(revenue_sql, more, **bind):
        paid[row["cohort"]][row["n"]] = float(row["revenue"])
    return {row["cohort"]: row["size"] for row in sizes}, paid


def users(data: Data, params: Ranged, span: Span, unit: Unit, *, cohorts: Sequence[date], limit: int) -> list[Any]:
    """Give the users of some cohorts."""
    sql, more, bind = _people(data, params, span, unit)
    wanted = [bucket_number(cohort, unit) for cohort in cohorts]
    return people_of(data.ask(USERS_SQL.replace("$new", sql), more, **bind, cohorts=wanted, limit=limit))


def each_day(data: Data, span: Span, sizes: dict[int, int], paid: dict[int, dict[int, float]]) -> list[float]:
    """Give what a user of the cohorts complete there brought on each day, as long as there are such cohorts."""
    found: list[float] = []
    days: list[date] = buckets(span, "day")
    while True:
        n = len(found)
        there = [
            bucket_number(day, "day") for day in days if is_complete(data.dataset, following(day, "day", n), "day")
        ]
        users = sum(sizes.get(number, 0) for number in there)
        if not users:
            return found
        found.append(sum(paid[number].get(n, 0.0) for number in there) / users)


def complete(data: Data, span: Span, unit: Unit, n: int) -> list[date]:
    """Give the cohorts of the span that are whole, and whose unit n has ended."""
    return [
        cohort
        for cohort in buckets(span, unit)
        if is_complete(data.dataset, cohort, unit, span) and is_complete(data.dataset, following(cohort, unit, n), unit)
    ]


def _people(data: Data, params: Ranged, span: Span, unit: Unit) -> tuple[str, dict[str, Clause], dict[str, int]]:
    """Give the query of the new users with what they paid, its clauses and its values."""
    more = {"where": data.scope(params, span)["where"], "unit": Clause(UNITS[unit])}
    more |= known(data, params, span, acted="NOT known AND acts > 0")
    sql = PEOPLE_SQL.replace("$registered", REGISTERED_SQL if data.dataset.people_version else "")
    return sql, more, {"span_low": span.low, "span_high": span.high}
