"""Funnels and paths: in what order users do things."""

from bench.reports.case import Case, Row

WEEK = 7 * 86_400
END = 1_512_316_800  # 2017-12-04 00:00 in China: until then the rows are complete
# Only pairs with a cart can come further than to the view: one in twenty.
FUNNEL = f"""
WITH chains AS (
    SELECT
        user_id,
        arrayMap(c -> (c, arrayMax(arrayFilter(v -> v <= c, views))), carts) AS all_seconds,
        arrayFilter(s -> s.2 > 0 AND s.1 - s.2 <= {WEEK}, all_seconds) AS seconds,
        arrayMap(b -> (b, arraySort(s -> -s.1, arrayFilter(s -> s.1 <= b, seconds))[1]), buys) AS all_thirds,
        arrayFilter(t -> t.2.1 > 0 AND t.1 - t.2.2 <= {WEEK}, all_thirds) AS thirds
    FROM (
        SELECT
            user_id,
            groupArrayIf(ts, role = 1) AS views,
            groupArrayIf(ts, role = 3) AS carts,
            groupArrayIf(ts, role = 4) AS buys
        FROM $event
        WHERE role IN (1, 3, 4) AND (user_id, item_id) IN (SELECT user_id, item_id FROM $event WHERE role = 3)
        GROUP BY user_id, item_id
        HAVING notEmpty(views)
    )
    WHERE notEmpty(seconds)
),
levels AS (
    SELECT
        user_id,
        max(if(notEmpty(thirds), 3, 2)) AS level,
        argMin(
            if(
                notEmpty(thirds),
                arrayMap(t -> [t.2.2, t.2.1, t.1], arraySort(t -> (t.1, -t.2.2, -t.2.1), thirds))[1],
                arrayMap(s -> [s.2, s.1], arraySort(s -> (s.1, -s.2), seconds))[1]
            ) AS chain,
            (notEmpty(thirds) ? -3 : -2, chain[-1], -chain[1], -chain[2])
        ) AS best
    FROM chains
    GROUP BY user_id
)
SELECT
    [count(), countIf(level >= 2), countIf(level = 3)] AS users,
    [countIf(open AND level = 0), countIf(open AND level = 2), 0] AS still_open,
    [NULL, quantileExactInclusiveIf(0.5)(best[2] - best[1], level >= 2),
        quantileExactInclusiveIf(0.5)(best[3] - best[2], level = 3)] AS median,
    [NULL, quantileExactInclusiveIf(0.9)(best[2] - best[1], level >= 2),
        quantileExactInclusiveIf(0.9)(best[3] - best[2], level = 3)] AS p90
FROM (SELECT user_id, max(ts) + {WEEK} >= {END} AS open FROM $event WHERE role = 1 GROUP BY user_id) AS entered
LEFT JOIN levels USING (user_id)"""
OF_ANYTHING = f"""
SELECT
    [countIf(level >= 1), countIf(level >= 2), countIf(level >= 3)] AS users,
    [countIf(level = 1 AND open), countIf(level = 2 AND open), 0] AS still_open
FROM (
    SELECT
        windowFunnel({WEEK})(toUInt64(ts), role = 1, role = 3, role = 4) AS level,
        maxIf(ts, role = 1) + {WEEK} >= {END} AS open
    FROM $event
    GROUP BY user_id
)"""
# Few paths are taken by many visits: what becomes links is each different path, not each visit.
PATHS = """
SELECT
    concat(toString(link.1), '. ', names[link.2]) AS source,
    multiIf(link.3 = 0, 'exit', link.3 = 9, 'further', concat(toString(link.1 + 1), '. ', names[link.3])) AS target,
    sum(times) AS visits,
    uniqExactMerge(walkers) AS users
FROM (
    SELECT
        ['pv', 'fav', 'cart', 'buy'] AS names,
        arraySlice(steps, 1, 5) AS shown,
        arrayJoin(arrayZip(
            arrayEnumerate(shown), shown, arrayPushBack(arrayPopFront(shown), if(length(steps) > 5, 9, 0))
        )) AS link,
        times,
        walkers
    FROM (
        SELECT steps, count() AS times, uniqExactState(user_id) AS walkers
        FROM (
            SELECT user_id, arrayJoin(arrayMap(visit -> arraySlice(arrayCompact(visit), 1, 6), visits)) AS steps
            FROM (
                SELECT
                    user_id,
                    arraySort(groupArray(toUInt64(ts) * 16 + role)) AS rows,
                    arrayDifference(arrayMap(r -> bitShiftRight(r, 4), rows)) AS gaps,
                    arraySplit((role, gap) -> gap > 1800, arrayMap(r -> bitAnd(r, 15), rows), gaps) AS visits
                FROM $event
                GROUP BY user_id
            )
        )
        GROUP BY steps
    )
)
GROUP BY link, names"""
PURCHASE_PATHS = f"""
SELECT
    arrayStringConcat(arrayFilter(x -> x != '', [
        if(viewed, 'view', ''), if(favoured, 'fav', ''), if(carted, 'cart', '')
    ]), ' + ') AS before,
    if(before = '', 'buy only', concat(before, ' → buy')) AS path,
    count() AS pairs,
    uniqExact(user_id) AS users
FROM (
    SELECT
        user_id,
        minIf(ts, role = 4) AS bought,
        arrayExists(t -> t <= bought AND t >= bought - {WEEK}, groupArrayIf(ts, role = 1)) AS viewed,
        arrayExists(t -> t <= bought AND t >= bought - {WEEK}, groupArrayIf(ts, role = 2)) AS favoured,
        arrayExists(t -> t <= bought AND t >= bought - {WEEK}, groupArrayIf(ts, role = 3)) AS carted
    FROM $event
    WHERE (user_id, item_id) IN (SELECT user_id, item_id FROM $event WHERE role = 4)
    GROUP BY user_id, item_id
)
GROUP BY viewed, favoured, carted"""
STEPS = ("1. view", "2. cart", "3. buy")


def by_step(answers: list[list[Row]]) -> list[Row]:
    """Give one row for each step."""
    ((row,),) = answers
    return [{"step": step, **{name: values[n] for name, values in row.items()}} for n, step in enumerate(STEPS)]


CASES = (
    Case(
        report="funnel",
        key=("step",),
        figures=("users", "still_open", "median", "p90"),
        sql=[FUNNEL],
        theirs=by_step,
        aim=4.0,
    ),
    Case(
        report="funnel",
        name="funnel of anything",
        params={"same": "nothing", "times": False},
        key=("step",),
        figures=("users", "still_open"),
        sql=[OF_ANYTHING],
        theirs=by_step,
        aim=4.0,
    ),
    Case(report="paths", key=("source", "target"), figures=("visits", "users"), sql=[PATHS], aim=20.0),
    Case(report="purchase_paths", key=("path",), figures=("pairs", "users"), sql=[PURCHASE_PATHS]),
)
