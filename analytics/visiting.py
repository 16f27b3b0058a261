"""Visits: longest runs of a user's events without a gap of more than some minutes."""

from analytics.days import IN_DAYS
from analytics.store.rollups import GAP

__all__ = ["GAP", "JOINED", "VISITS", "VISITS_OF_DAYS"]

# (user_id, ts, seconds, events) of each visit of $scope; ts is its first event's. {gap:Int64}: seconds.
VISITS = """
SELECT user_id, visit[1] AS ts, visit[-1] - visit[1] AS seconds, length(visit) AS events
FROM (
    SELECT user_id, arrayJoin(arraySplit((t, gap) -> gap > {gap:Int64}, times, arrayDifference(times))) AS visit
    FROM (SELECT user_id, arraySort(groupArray(ts)) AS times FROM $event WHERE $scope GROUP BY user_id)
)
"""
# Of a row of the rollup: its first visit goes on from the day before, and that day is in the range too.
JOINED = "before >= 0 AND day > {first_day:Date}"
# (user_id, day, seconds, events) of the same from the rollup, for a gap of GAP minutes. day is the first event's. Only
# rows whose visits may go on over midnight are put together again. Rows are chosen before ARRAY JOIN: where the engine
# moves the choice there by itself, it stumbles over users who are looked up in a list that is empty.
VISITS_OF_DAYS = f"""
SELECT user_id, day, toInt64(length_) AS seconds, toUInt64(events_) AS events
FROM (SELECT user_id, day, visit_seconds, visit_events FROM $user_day WHERE {IN_DAYS} AND before < 0 AND after < 0)
ARRAY JOIN visit_seconds AS length_, visit_events AS events_
UNION ALL
SELECT user_id, run[1].1 AS day, toInt64(arraySum(run.3)) AS seconds, toUInt64(arraySum(run.4)) AS events
FROM (
    SELECT user_id, arrayJoin(arraySplit(visit -> visit.2 = 0, arrayFlatten(arraySort(groupArray(of_day))))) AS run
    FROM (
        SELECT
            user_id,
            arrayMap(
                (of, number, n) -> (day, n = 1 AND {JOINED}, of + if(n = 1 AND {JOINED}, before, 0), number),
                visit_seconds, visit_events, arrayEnumerate(visit_seconds)
            ) AS of_day
        FROM $user_day
        WHERE {IN_DAYS} AND (before >= 0 OR after >= 0)
    )
    GROUP BY user_id
)
"""
