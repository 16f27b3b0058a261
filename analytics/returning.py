"""The SQL that finds, for each user of each cohort, in which of the units after it they came back."""

from analytics.dataset import DAY

NUMBERS = {  # as days.bucket_number counts them
    "day": "toInt32($day)",
    "week": "intDiv(toInt32($day) + 3, 7)",
    "month": "toYear($day) * 12 + toMonth($day) - 1",
}


def by_first_day(unit: str) -> dict[str, str]:
    """Give, of a row of the rollup, the number of the unit in which the user was first seen, and that of its day."""
    return {"first": NUMBERS[unit].replace("$day", "first_day"), "unit": NUMBERS[unit].replace("$day", "day")}


LENGTHS = {"day": DAY, "week": 7 * DAY}

# For each user: the units with a start (and when the first in it was), and those with a return (and the last in it).
CALENDAR = """
SELECT
    user_id,
    groupArrayIf((unit, first_start), starts > 0) AS began,
    groupArrayIf((unit, last_return), returns > 0) AS came
FROM (
    SELECT
        user_id,
        $unit AS unit,
        minIf(ts, $start) AS first_start,
        countIf($start) AS starts,
        maxIf(ts, $return) AS last_return,
        countIf($return) AS returns
    FROM $event
    WHERE $where
    GROUP BY user_id, unit
)
GROUP BY user_id
HAVING notEmpty(began)
"""
# The rollup as if it were events of no behaviour: whether a day lies before, in or after the range is all that counts.
DAYS = """(
    SELECT user_id, day, multiIf(day < {first_day:Date}, {span_low:Int64} - 1, day >= {end_day:Date}, {span_high:Int64},
        {span_low:Int64}) AS ts
    FROM $user_day
    WHERE active > 0
)"""
WINDOWS = """
SELECT user_id, groupArrayIf((unit, first_start), starts > 0) AS began, arrayFlatten(groupArray(times)) AS came
FROM (
    SELECT
        user_id,
        $unit AS unit,
        minIf(ts, $start) AS first_start,
        countIf($start) AS starts,
        groupArrayIf(ts, $return) AS times
    FROM $event
    WHERE $where
    GROUP BY user_id, unit
)
GROUP BY user_id
HAVING notEmpty(began)
"""
# Where a users table says who began when: its moments instead of the first starts.
REGISTERED = """
SELECT user_id, [($unit, first)] AS began, came
FROM ($first) AS new
GLOBAL LEFT JOIN (SELECT user_id, came FROM ($acting)) AS acting USING (user_id)
"""
OFFSETS = {
    "calendar": (
        "arrayMap(r -> r.1 - cohort.1, arrayFilter(r -> r.1 > cohort.1 OR (r.1 = cohort.1 AND r.2 >= cohort.2), came))"
    ),
    "24 hours": (
        "arrayDistinct(arrayMap(t -> intDiv(t - cohort.2, {length:Int64}), arrayFilter(t -> t >= cohort.2, came)))"
    ),
}
COHORTS = {
    "first ever": "arrayFilter(s -> s.2 >= {span_low:Int64} AND s.2 < {span_high:Int64}, [arraySort(began)[1]])",
    "first in range": "[arraySort(began)[1]]",
    "recurring": "began",
}
HITS = {
    "n-day": "arrayFilter(o -> o <= {last:Int64}, offsets)",
    "unbounded": "if(empty(offsets), [], range(toUInt64(least(arrayMax(offsets), {last:Int64}) + 1)))",
    "bracket": (
        "arrayFilter(b -> arrayExists("
        "o -> o >= {lows:Array(Int64)}[b + 1] AND o <= {highs:Array(Int64)}[b + 1], offsets),"
        " range(length({lows:Array(Int64)})))"
    ),
}
PAIRS = """
SELECT user_id, cohort.1 AS unit, $hits AS hits
FROM (
    SELECT user_id, cohort, $offsets AS offsets
    FROM (SELECT user_id, came, arrayJoin($cohorts) AS cohort FROM ($people))
)
"""
