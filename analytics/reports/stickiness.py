"""Stickiness: of the users active in a month, how many are there on a day.

DAU are the distinct users active on a local day; WAU those of the 7 days that end with it, MAU those of the 30 days.
Stickiness is DAU / MAU; where the data are too short for that, DAU / WAU. WAU is not defined before there are 7 days
of data, MAU not before there are 30: those cells stay blank.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from analytics.asking import Data
from analytics.days import active_days, begun, day_number
from analytics.drill import LIST_AT_MOST, column_of, day_at, people_of
from analytics.spans import Ranged, is_complete
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

# A user counts for a window from each active day until the window or the next active day ends it: one more user on
# the first of these days, one fewer on the day after the last. The sums up to a day are its distinct users.
SQL = """
SELECT step.1 AS window, step.2 AS d, sum(step.3) AS more
FROM (
    SELECT arrayJoin(arrayFlatten(arrayMap(
        w -> arrayMap((x, y) -> [(w, x, 1), (w, least(x + w, y), -1)], days, nexts), {windows:Array(Int32)}
    ))) AS step
    FROM (
        SELECT
            user_id,
            arraySort(groupArray(d)) AS days,
            arrayPushBack(arrayPopFront(days), toInt32(2147483647)) AS nexts
        FROM ($days)
        WHERE d > {low:Int32} - 30 AND d <= {high:Int32}
        GROUP BY user_id
    )
)
GROUP BY window, d
"""
USERS_SQL = """
SELECT user_id
FROM ($days)
WHERE d > {day:Int32} - {window:Int32} AND d <= {day:Int32}
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
WINDOWS = {"dau": 1, "wau": 7, "mau": 30}
COLUMNS = (
    Column("day", key=True),
    Column("dau", "users", listed=True),
    Column("wau", "users", listed=True),
    Column("mau", "users", listed=True),
    Column("dau_wau", "share", of=("dau", "wau")),
    Column("dau_mau", "share", of=("dau", "mau")),
    Column("complete"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked. Days are whole: the range says which are shown."""


@report(category="lifecycle")
def run(data: Data, params: Params) -> Result:
    """Count the users of the day, the week and the month that end with each day of the range."""
    days = begun(data.dataset, data.span(params), "day")
    counts = _counts(data, params, day_number(days[0]), day_number(days[-1]))
    rows: list[list[Any]] = []
    for day in days:
        reach = (day - data.dataset.first_day).days + 1
        dau, wau, mau = (counts[w].get(day_number(day), 0) if reach >= w else None for w in WINDOWS.values())
        complete = is_complete(data.dataset, day, "day")
        rows.append([day, dau, wau, mau, share(dau, wau), share(dau, mau), int(complete)])
    have = (data.dataset.end_day - data.dataset.first_day).days
    ratio = "dau_mau" if any(row[3] is not None for row in rows) else "dau_wau"
    return Result(COLUMNS, rows, notes=_notes(have, ratio), chart=Chart("line", "day", (ratio,), incomplete="complete"))


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users behind a count: at["day"], and at["column"]: dau, wau or mau."""
    window = WINDOWS[column_of(at, tuple(WINDOWS))]
    days, more = active_days(data, params)
    found = data.ask(
        USERS_SQL.replace("$days", days), more, day=day_number(day_at(at, "day")), window=window, limit=limit
    )
    return people_of(found)


def _counts(data: Data, params: Params, low: int, high: int) -> dict[int, dict[int, int]]:
    """Give, for each window, the distinct users by day number."""
    days, more = active_days(data, params)
    steps: dict[int, dict[int, int]] = {window: {} for window in WINDOWS.values()}
    for row in data.ask(SQL.replace("$days", days), more, windows=list(steps), low=low, high=high):
        steps[row["window"]][row["d"]] = row["more"]
    every = range(low - max(WINDOWS.values()), high + 1)
    return {w: dict(zip(every, accumulate(found.get(d, 0) for d in every), strict=True)) for w, found in steps.items()}


def _notes(have: int, ratio: str) -> tuple[str, ...]:
    if ratio == "dau_mau":
        return ()
    if have < WINDOWS["wau"]:
        return (Text("DAU/WAU needs 7 days of data and DAU/MAU 30 days; there are {have}.", have=have),)
    if have < WINDOWS["mau"]:
        return (Text("DAU/MAU needs 30 days of data; there are {have}. DAU/WAU is drawn instead.", have=have),)
    return (Text("No day of the range has 30 days of data before it; DAU/WAU is drawn instead."),)
