"""Traffic: how much happens, by how many users, and when."""

from datetime import timedelta
from typing import Any

from bench.reports.case import DAY, ZONE, Case, Row

PV_AND_UV = (
    f"SELECT {DAY} AS day, countIf(role = 1) AS pv, uniqExactIf(user_id, role = 1) AS uv FROM $event GROUP BY day"
)
VISITS = """
SELECT user_id, visit[1] AS ts, visit[-1] - visit[1] AS lasted, length(visit) AS held
FROM (
    SELECT user_id, arrayJoin(arraySplit((t, gap) -> gap > 1800, times, arrayDifference(times))) AS visit
    FROM (SELECT user_id, arraySort(groupArray(ts)) AS times FROM $event GROUP BY user_id)
)"""
ACTIVITY = f"""
SELECT
    {DAY} AS day,
    count() AS events,
    countIf(role = 1) AS pv,
    uniqExactIf(user_id, role = 1) AS uv,
    uniqExact(user_id) AS active_users,
    uniqExactIf(user_id, role = 4) AS buyers,
    uniqExactIf(order_id, role = 4) AS purchases
FROM $event
GROUP BY day"""
HOUR_OF_WEEK = f"""
SELECT
    ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][toDayOfWeek(toDateTime(ts, '{ZONE}'))] AS weekday,
    toHour(toDateTime(ts, '{ZONE}')) AS hour,
    count() AS events,
    countIf(role = 1) AS pv,
    uniqExactIf(user_id, role = 1) AS uv,
    uniqExact(user_id) AS active_users,
    uniqExactIf(user_id, role = 4) AS buyers,
    uniqExactIf(order_id, role = 4) AS purchases
FROM $event
GROUP BY weekday, hour"""
REACH = """
SELECT behaviour, count() AS events, uniqExact(user_id) AS users
FROM $event
GROUP BY behaviour WITH ROLLUP"""
DECOMPOSED = f"""
SELECT day, pv, uv, log(pv / lagInFrame(pv) OVER days) AS log_change, log(uv / lagInFrame(uv) OVER days) AS log_users
FROM ({PV_AND_UV})
WINDOW days AS (ORDER BY day ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"""
OVERVIEW = (
    """
    SELECT
        count() AS events,
        countIf(role = 1) AS pv,
        uniqExactIf(user_id, role = 1) AS uv,
        uniqExact(user_id) AS active_users,
        uniqExactIf(user_id, role = 4) AS buyers,
        uniqExactIf(order_id, role = 4) AS purchases,
        sumIf(amount, role = 4) AS revenue
    FROM $event""",
    "SELECT countIf(first >= 1511539200) AS new_users FROM (SELECT min(ts) AS first FROM $event GROUP BY user_id)",
    f"SELECT count() AS visits, quantileExactInclusive(0.5)(lasted) AS median_visit_length FROM ({VISITS})",
)
TRENDS = f"SELECT {DAY} AS day, count() AS events, uniqExact(user_id) AS users FROM $event GROUP BY day"
VISITS_BY_DAY = (
    f"""
    SELECT
        {DAY} AS day,
        count() AS visits,
        uniqExact(user_id) AS users,
        sum(lasted) AS seconds,
        quantileExactInclusive(0.5)(lasted) AS median_length,
        countIf(held = 1) AS single,
        sum(held) AS events
    FROM ({VISITS})
    GROUP BY day""",
    f"SELECT {DAY} AS day, uniqExact(user_id) AS active_users FROM $event GROUP BY day",
)
# The last seven days stand in where there are fewer than four weeks: so it is on nine days of data.
ANOMALIES = f"""
SELECT
    day,
    value,
    before,
    arrayReduce('quantileExactInclusive(0.5)', before) AS middle,
    arrayMap(v -> abs(v - middle), before) AS away,
    arrayReduce('quantileExactInclusive(0.5)', away) AS mad,
    if(length(before) < 4, NULL, middle) AS expected,
    if(mad > 0, 0.6745 * (value - expected) / mad, (value - expected) / (1.253 * arrayAvg(away))) AS z,
    abs(z) >= 3.5 AND abs(value / expected - 1) >= 0.1 AS flagged
FROM (
    SELECT day, pv AS value, uv, groupArray(pv) OVER (ORDER BY day ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING) AS before
    FROM ({PV_AND_UV})
)
ORDER BY day"""
MOVED = f"""
SELECT
    toDate('{{now}}') AS day,
    multiIf(grouping(behaviour) = 0, 'behaviour', grouping(channel) = 0, 'channel', 'category') AS dimension,
    multiIf(dimension = 'behaviour', behaviour, dimension = 'channel', channel, toString(category_id)) AS name,
    toInt64(countIf({DAY} = '{{now}}')) - toInt64(countIf({DAY} = '{{then}}')) AS moved
FROM $event
WHERE role = 1 AND {DAY} IN ('{{now}}', '{{then}}')
GROUP BY GROUPING SETS ((behaviour), (channel), (category_id))
HAVING moved != 0
ORDER BY abs(moved) DESC, name
LIMIT 3 BY dimension"""


def explained(days: list[Row]) -> str:
    """Ask which values moved on each flagged day, against the day nearest to the median."""
    asked = []
    for row in days:
        if row["flagged"]:
            back = dict(enumerate(reversed(row["before"]), 1))
            then = row["day"] - timedelta(min(back, key=lambda n: abs(back[n] - row["expected"])))
            asked.append(MOVED.format(now=row["day"], then=then))
    return "\nUNION ALL\n".join(f"SELECT * FROM ({sql})" for sql in asked)


def judged(answers: list[list[Row]]) -> list[Row]:
    """Put what moved beside its day, as the report writes it."""
    days = {row["day"]: {**row, "moved": ""} for row in answers[0]}
    words: dict[Any, dict[str, list[str]]] = {}
    for row in answers[1] if len(answers) > 1 else ():
        words.setdefault(row["day"], {}).setdefault(row["dimension"], []).append(f"{row['name']} {row['moved']:+,}")
    for day, by in words.items():
        names = [name for name in ("behaviour", "channel", "category") if name in by]
        days[day]["moved"] = "; ".join(f"{name}: {', '.join(by[name])}" for name in names)
    return list(days.values())


def as_metrics(answers: list[list[Row]]) -> list[Row]:
    """Give one row for each figure of wide rows."""
    return [{"metric": name, "value": value} for (row,) in answers for name, value in row.items()]


def reached(answers: list[list[Row]]) -> list[Row]:
    """Put the users of all behaviours beside each of them."""
    every = next(row["users"] for row in answers[0] if not row["behaviour"])
    return [{**row, "active_users": every} for row in answers[0]]


COUNTS = ("events", "pv", "uv", "active_users", "buyers", "purchases")
CASES = (
    Case(report="activity", key=("day",), figures=COUNTS, sql=[ACTIVITY]),
    Case(
        report="activity",
        name="activity by hour of week",
        params={"by": "hour of week"},
        key=("weekday", "hour"),
        figures=COUNTS,
        sql=[HOUR_OF_WEEK],
        ours=lambda rows: [row for row in rows if row["events"]],
    ),
    Case(
        report="anomalies",
        key=("day",),
        figures=("value", "expected", "z", "moved"),
        sql=[ANOMALIES],
        then=explained,
        theirs=judged,
    ),
    Case(
        report="behaviour_reach",
        key=("behaviour",),
        figures=("events", "users", "active_users"),
        sql=[REACH],
        theirs=reached,
    ),
    Case(
        report="decomposition",
        key=("day",),
        figures=("pv", "uv", "log_change", "log_users"),
        sql=[DECOMPOSED],
    ),
    Case(
        report="overview",
        key=("metric",),
        figures=("value",),
        sql=OVERVIEW,
        ours=lambda rows: [row for row in rows if row["denominator"] is None],
        theirs=as_metrics,
    ),
    Case(report="trends", key=("day",), figures=("events", "users"), sql=[TRENDS]),
    Case(
        report="visits",
        key=("day",),
        figures=("visits", "users", "active_users", "seconds", "median_length", "single", "events"),
        sql=VISITS_BY_DAY,
    ),
)
