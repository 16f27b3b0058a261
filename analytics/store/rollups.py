"""The rollups of a version of events: what most pages are answered from, exactly, in a fraction of the rows.

`user_day` has a row for each user and local day with an event: a report that asks for whole days, and tells users
apart by nothing but themselves, finds there all it needs. `hour` has one for each local hour of each day, all users
together. `buy_hour` has one for each user and local hour with a purchase.

Columns of user_day, besides the counts of events: first_day is the user's first day with activity in the whole data;
last_active, last_view and last_buy are the latest day before this one with such an event. 1970-01-01 stands where
there is none. They make distinct users a sum: of a range that begins on day a, each user with a view has exactly one
row with views > 0 and last_view < a. view_hours, active_hours and buy_hours have a bit for each local hour with such
an event. visits and seconds: the day's visits and how long they are together, cut at midnight; visit_seconds and
visit_events: of each of them, in their order. before and after: the seconds to the user's event before the day's first
and after its last one, -1 where a visit would have ended in between. edge_ts, edge_role and edge_behaviour: the day's
events without those in the middle of a run of one behaviour; events of one second all stay. What comes before what, and
how long after, is the same among these, in a third of the rows: a step before another behaviour is best at the end of
its run, a step after another one at its beginning.
"""

import hashlib

GAP = 30  # minutes without an event that end a visit
COUNTS = ("events", "active", "views", "favs", "carts", "buys")
LAST = {"last_active": "active", "last_view": "views", "last_buy": "buys"}
HOURS = ("view_hours", "active_hours", "buy_hours")
VISITS = ("visits", "seconds", "visit_seconds", "visit_events")
EDGES = ("edge_ts", "edge_role", "edge_behaviour")
CODES = 1 << 16  # more behaviours than a dataset has
KINDS = CODES << 4  # of role and behaviour, in one number behind the second
SHIFT = KINDS.bit_length() - 1
USER_DAY = (
    ("day", "Date"),
    ("first_day", "Date"),
    *((name, "Date") for name in LAST),
    *((name, "UInt32") for name in (*COUNTS, *HOURS, "visits", "seconds")),
    ("visit_seconds", "Array(UInt32)"),
    ("visit_events", "Array(UInt32)"),
    ("before", "Int32"),
    ("after", "Int32"),
    ("edge_ts", "Array(Int64)"),
    ("edge_role", "Array(UInt8)"),
    ("edge_behaviour", "Array(LowCardinality(String))"),
)
HOUR = (("day", "Date"), ("hour", "UInt8"), ("events", "UInt64"), ("views", "UInt64"), ("buys", "UInt64"))
BUY_HOUR = (
    ("day", "Date"),
    ("hour", "UInt8"),
    ("purchases", "UInt32"),
    ("again", "UInt32"),
    ("paid", "Decimal(38, 4)"),
)
GAP_SECONDS = GAP * 60
LOCAL = "toDateTime(ts, {zone:String}) AS local, toDate(local) AS day, toHour(local) AS hour FROM"
ACTIVE = "({everything:UInt8} OR behaviour IN {activity:Array(String)})"
# A behaviour's number from 1 on. Looked up once for each of them; indexOf looks at each row.
CODE = """transform(
        behaviour,
        {codes:Array(String)},
        range(toUInt16(1), toUInt16(length({codes:Array(String)}) + 1)),
        toUInt16(0)
    )"""
OF_DAY = f"""
SELECT
    user_id,
    day,
    toUInt32(count()) AS events,
    toUInt32(countIf({ACTIVE})) AS active,
    toUInt32(countIf(role = 1)) AS views,
    toUInt32(countIf(role = 2)) AS favs,
    toUInt32(countIf(role = 3)) AS carts,
    toUInt32(countIf(role = 4)) AS buys,
    groupBitOrIf(bitShiftLeft(toUInt32(1), hour), role = 1) AS view_hours,
    groupBitOrIf(bitShiftLeft(toUInt32(1), hour), {ACTIVE}) AS active_hours,
    groupBitOrIf(bitShiftLeft(toUInt32(1), hour), role = 4) AS buy_hours,
    arraySort(groupArray(ts * {KINDS} + role * {CODES} + code)) AS rows,
    arrayMap(row -> bitShiftRight(row, {SHIFT}), rows) AS times,
    arrayMap(row -> bitAnd(row, {KINDS - 1}), rows) AS kinds,
    arrayMap((t, k) -> t = 0 OR k != 0, arrayDifference(times), arrayDifference(kinds)) AS begins,
    arrayFilter((row, b, e) -> b OR e, rows, begins, arrayPushBack(arrayPopFront(begins), 1)) AS edges,
    arrayMap(row -> bitShiftRight(row, {SHIFT}), edges) AS edge_ts,
    arrayMap(row -> toUInt8(intDiv(bitAnd(row, {KINDS - 1}), {CODES})), edges) AS edge_role,
    arrayMap(row -> {{codes:Array(String)}}[bitAnd(row, {CODES - 1})], edges) AS edge_behaviour,
    arraySplit((t, gap) -> gap > {GAP_SECONDS}, times, arrayDifference(times)) AS runs,
    toUInt32(length(runs)) AS visits,
    arrayMap(run -> toUInt32(run[-1] - run[1]), runs) AS visit_seconds,
    toUInt32(arraySum(visit_seconds)) AS seconds,
    arrayMap(run -> toUInt32(length(run)), runs) AS visit_events,
    times[1] AS first,
    times[-1] AS last
FROM (
    SELECT user_id, ts, role, behaviour, {CODE} AS code, {LOCAL} $event WHERE $users
)
GROUP BY user_id, day"""
FILL_USER_DAY = f"""
SELECT
    user_id,
    day,
    minIf(day, active > 0) OVER (PARTITION BY user_id) AS first_day,
    {", ".join(f"maxIf(day, {count} > 0) OVER earlier AS {name}" for name, count in LAST.items())},
    {", ".join((*COUNTS, *HOURS, *VISITS))},
    if(since <= {GAP_SECONDS}, toInt32(since), -1) AS before,
    if(until <= {GAP_SECONDS}, toInt32(until), -1) AS after,
    {", ".join(EDGES)}
FROM (
    SELECT
        *,
        first - lagInFrame(last, 1, first - {GAP_SECONDS + 1}) OVER every AS since,
        leadInFrame(first, 1, last + {GAP_SECONDS + 1}) OVER every - last AS until
    FROM ({OF_DAY})
    WINDOW every AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WINDOW earlier AS (PARTITION BY user_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
"""
FILL_HOUR = f"""
SELECT day, hour, count() AS events, countIf(role = 1) AS views, countIf(role = 4) AS buys
FROM (SELECT role, {LOCAL} $event)
GROUP BY day, hour
"""
BOUGHT = f"SELECT user_id, order_id, amount, {LOCAL} $event WHERE role = 4"
WHOSE = "cityHash64(user_id, day, hour)"
# An order of one user and one hour has one hash of both. Orders are kept by their hash: two of the same hash would only
# be looked up in the events where that was not needed.
AGAIN = f"""countIf(cityHash64(order_id) GLOBAL IN (
        SELECT cityHash64(order_id) AS of FROM ({BOUGHT} AND order_id != '') GROUP BY of
        HAVING min({WHOSE}) != max({WHOSE})
    ))"""
# Whether there is any order: where purchases have none, nobody need look for those of several hours.
ORDERS = "SELECT count() AS n FROM (SELECT 1 FROM $event WHERE role = 4 AND order_id != '' LIMIT 1)"
FILL_BUY_HOUR = f"""
SELECT
    user_id,
    day,
    hour,
    toUInt32(uniqExactIf(order_id, order_id != '') + countIf(order_id = '')) AS purchases,
    toUInt32($again) AS again,
    sum(toDecimal128(amount, 4)) AS paid
FROM ({BOUGHT} AND $users)
GROUP BY user_id, day, hour
"""


def form() -> str:
    """Give what changes when rollups get other columns, or are filled otherwise."""
    parts = (USER_DAY, HOUR, BUY_HOUR, FILL_USER_DAY, FILL_HOUR, FILL_BUY_HOUR, AGAIN)
    return f"form {hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"
