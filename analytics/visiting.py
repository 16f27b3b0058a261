"""Visits: longest runs of a user's events without a gap of more than some minutes."""

GAP = 30  # minutes, where nothing else is asked for

# (user_id, ts, seconds, events) of each visit of $scope; ts is its first event's. {gap:Int64}: seconds.
VISITS = """
SELECT user_id, visit[1] AS ts, visit[-1] - visit[1] AS seconds, length(visit) AS events
FROM (
    SELECT user_id, arrayJoin(arraySplit((t, gap) -> gap > {gap:Int64}, times, arrayDifference(times))) AS visit
    FROM (SELECT user_id, arraySort(groupArray(ts)) AS times FROM $event WHERE $scope GROUP BY user_id)
)
"""
