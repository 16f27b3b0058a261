"""Lost users: of the users active on a day, how many then stayed away for a number of days.

A user whose last activity was on day L is lost on day L + T + 1 if nothing came on the T days after L. Rows are by L,
the last day; the days too near to the end of the data cannot be judged yet and stay blank. Back since: those of the
lost who were active again later.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.days import active_days, begun, day_number
from analytics.drill import LIST_AT_MOST, column_of, day_at, people_of
from analytics.spans import Ranged, is_complete
from sdk import Between, Help
from sdk.report import Chart, Column, NotSupported, Result, report, share
from sdk.text import Text

# Each active day of each user, with the next one; 0 where there is none.
NEXT_SQL = """
SELECT user_id, pair.1 AS last, pair.2 AS next
FROM (
    SELECT
        user_id,
        arraySort(groupArray(d)) AS days,
        arrayJoin(arrayZip(days, arrayPushBack(arrayPopFront(days), 0))) AS pair
    FROM ($days)
    GROUP BY user_id
)
"""
SQL = """
SELECT
    last,
    count() AS active,
    countIf(next = 0 OR next > last + {away:Int32}) AS lost,
    countIf(next > last + {away:Int32}) AS back
FROM ($next)
WHERE last >= {low:Int32} AND last < {high:Int32}
GROUP BY last
"""
USERS_SQL = """
SELECT user_id
FROM ($next)
WHERE last = {day:Int32} AND ($lost)
ORDER BY user_id
LIMIT {limit:UInt32}
"""
LISTS = {
    "lost": "next = 0 OR next > last + {away:Int32}",
    "active": "1",
    "back_since": "next > last + {away:Int32}",
}
COLUMNS = (
    Column("last_day", key=True),
    Column("counted_on"),
    Column("active", "users", listed=True),
    Column("lost", "users", listed=True),
    Column("lost_share", "share", of=("lost", "active")),
    Column("back_since", "users", listed=True),
    Column("complete"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    away: Annotated[int, Between(1, 365), Help("Days without activity after which a user is lost.")] = 7


@report(category="lifecycle", chart=Chart("line", "last_day", ("lost",), incomplete="complete"))
def run(data: Data, params: Params) -> Result:
    """Count the users lost after each day of the range."""
    dataset = data.dataset
    days = begun(dataset, data.span(params), "day")
    judged = {day for day in days if is_complete(dataset, day + timedelta(params.away), "day")}
    if not judged:
        have = (dataset.end_day - dataset.first_day).days
        raise NotSupported(
            Text(
                "no day of the range has {away} complete days of data after it; the data have {have} days."
                " Choose fewer days away, or import {away} days more than the range",
                away=params.away,
                have=have,
            )
        )
    sql, more = _next(data, params)
    low, high = day_number(days[0]), day_number(days[-1]) + 1
    found = {
        row["last"]: row for row in data.ask(SQL.replace("$next", sql), more, away=params.away, low=low, high=high)
    }
    rows: list[list[Any]] = []
    for day in days:
        row = found.get(day_number(day), {"active": 0, "lost": 0, "back": 0})
        lost, back = (row["lost"], row["back"]) if day in judged else (None, None)
        after = day + timedelta(params.away + 1)
        rows.append([day, after, row["active"], lost, share(lost, row["active"]), back, int(day in judged)])
    blank = len(days) - len(judged)
    notes = (Text("The last {blank} days of the range cannot be judged yet.", blank=blank),) if blank else ()
    return Result(COLUMNS, rows, notes=notes)


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users behind a count: at["last_day"], and at["column"]: lost, active or back_since."""
    lost = LISTS[column_of(at, tuple(LISTS))]
    sql, more = _next(data, params)
    text = USERS_SQL.replace("$next", sql).replace("$lost", lost)
    return people_of(data.ask(text, more, day=day_number(day_at(at, "last_day")), away=params.away, limit=limit))


def _next(data: Data, params: Params) -> tuple[str, dict[str, Clause]]:
    days, more = active_days(data, params)
    return NEXT_SQL.replace("$days", days), more
