"""Stickiness distribution: how many users were active on exactly k of the range's n days.

Active on a day: at least one event that counts as activity on that local day. Days are whole. At least: the users
active on k days or more. Shares are of the users active in the range.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.days import active_days, begun, day_number
from analytics.drill import LIST_AT_MOST, column_of, number_at, people_of
from analytics.spans import Ranged, is_complete
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

PEOPLE_SQL = """
SELECT user_id, count() AS days_active
FROM ($days)
WHERE d >= {low:Int32} AND d < {high:Int32}
GROUP BY user_id
"""
SQL = "SELECT days_active, count() AS people FROM ($people) GROUP BY days_active"
USERS_SQL = """
SELECT user_id
FROM ($people)
WHERE days_active >= {least:UInt32} AND days_active <= {most:UInt32}
ORDER BY user_id
LIMIT {limit:UInt32}
"""
COLUMNS = (
    Column("days", "days", key=True),
    Column("users", "users", listed=True),
    Column("share", "share", of=("users", "active")),
    Column("at_least", "users", listed=True),
    Column("share_at_least", "share", of=("at_least", "active")),
    Column("active", "users", listed=True),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""


@report(category="lifecycle", chart=Chart("bar", "days", ("users",)))
def run(data: Data, params: Params) -> Result:
    """Count the users by their number of active days."""
    sql, more, bind = _people(data, params)
    found = {row["days_active"]: row["people"] for row in data.ask(SQL.replace("$people", sql), more, **bind)}
    days = begun(data.dataset, data.span(params), "day")
    counts = [found.get(k, 0) for k in range(1, len(days) + 1)]
    at_least = list(accumulate(reversed(counts)))[::-1]
    active = at_least[0]
    rows = [
        [k, users, share(users, active), more_of, share(more_of, active), active]
        for k, (users, more_of) in enumerate(zip(counts, at_least, strict=True), 1)
    ]
    whole = is_complete(data.dataset, days[-1], "day")
    notes = () if whole else (Text("The last day, {day}, is not complete.", day=days[-1]),)
    return Result(COLUMNS, rows, notes=notes)


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users behind a count: at["days"], and at["column"]: users, at_least or active."""
    column, least = column_of(at, ("users", "at_least", "active")), number_at(at, "days")
    least = 1 if column == "active" else least
    sql, more, bind = _people(data, params)
    most = least if column == "users" else 2**31
    rows = data.ask(USERS_SQL.replace("$people", sql), more, **bind, least=least, most=most, limit=limit)
    return people_of(rows)


def _people(data: Data, params: Params) -> tuple[str, dict[str, Clause], dict[str, int]]:
    span = data.span(params)
    days, more = active_days(data, params)
    return PEOPLE_SQL.replace("$days", days), more, {"low": day_number(span.first), "high": day_number(span.last)}
