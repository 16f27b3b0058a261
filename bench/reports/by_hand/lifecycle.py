"""Lifecycle and retention: who comes, comes back, stays away."""

from bench.reports.case import DAY, Case, D, Row

LIFECYCLE = f"""
SELECT
    toDate(state.1) AS day,
    countIf(state.2 != 'dormant') AS active,
    countIf(state.2 = 'new') AS new,
    countIf(state.2 = 'returning') AS returning,
    countIf(state.2 = 'resurrected') AS resurrected,
    countIf(state.2 = 'dormant') AS dormant
FROM (
    SELECT
        arraySort(groupUniqArray({D})) AS days,
        arrayJoin(arrayConcat(
            arrayMap(
                (d, i) -> (d, multiIf(i = 1, 'new', days[i - 1] = d - 1, 'returning', 'resurrected')),
                days, arrayEnumerate(days)
            ),
            arrayMap(d -> (d + 1, 'dormant'), arrayFilter(d -> NOT has(days, d + 1), days))
        )) AS state
    FROM $event
    GROUP BY user_id
)
GROUP BY day"""
LOST = f"""
SELECT
    toDate(last) AS last_day,
    count() AS active,
    countIf(next = 0 OR next > last + 7) AS lost,
    countIf(next > last + 7) AS back_since
FROM (
    SELECT pair.1 AS last, pair.2 AS next
    FROM (
        SELECT
            arraySort(groupUniqArray({D})) AS days,
            arrayJoin(arrayZip(days, arrayPushBack(arrayPopFront(days), 0))) AS pair
        FROM $event
        GROUP BY user_id
    )
)
GROUP BY last_day, last"""
STICKINESS = f"""
SELECT
    toDate(d + n) AS day,
    countIf(n = 0) AS dau,
    if(day >= '2017-12-01', uniqExactIf(user_id, n < 7), NULL) AS wau
FROM (SELECT DISTINCT user_id, {D} AS d FROM $event)
ARRAY JOIN range(30) AS n
WHERE day <= '2017-12-03'
GROUP BY day"""
DISTRIBUTION = f"""
SELECT days, count() AS users
FROM (SELECT uniqExact({DAY}) AS days FROM $event GROUP BY user_id)
GROUP BY days"""
RETENTION = f"""
SELECT toDate(days[1]) AS cohort, arrayJoin(arrayMap(d -> d - days[1], days)) AS offset, count() AS retained
FROM (SELECT arraySort(groupUniqArray({D})) AS days FROM $event GROUP BY user_id)
GROUP BY cohort, offset"""


def came_back(rows: list[Row]) -> list[Row]:
    """Leave out the means, and the cells of which the SQL by hand has no row."""
    return [row for row in rows if row["cohort"] != "mean" and row["retained"]]


CASES = (
    Case(
        report="lifecycle",
        key=("day",),
        figures=("active", "new", "returning", "resurrected", "dormant"),
        sql=[LIFECYCLE],
    ),
    Case(report="lost_users", key=("last_day",), figures=("active", "lost", "back_since"), sql=[LOST]),
    Case(report="stickiness", key=("day",), figures=("dau", "wau"), sql=[STICKINESS]),
    Case(report="stickiness_distribution", key=("days",), figures=("users",), sql=[DISTRIBUTION]),
    Case(report="retention", key=("cohort", "offset"), figures=("retained",), sql=[RETENTION], ours=came_back, aim=0.5),
)
