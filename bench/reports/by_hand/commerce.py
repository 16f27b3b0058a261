"""Commerce: what is bought, by whom, for how much."""

from bench.reports.case import DAY, Case, D, Row

WEEK = 7 * 86_400
END = 1_512_316_800  # as in funnels
LAST = "toInt32(toDate('2017-12-03'))"
FAV_TO_BUY = f"""
SELECT
    if(grouping(category) = 1, 'all', toString(category)) AS name,
    countIf(notEmpty(favs)) AS pairs,
    countIf(bought) AS bought_,
    countIf(waiting) AS still_open,
    sum(length(favs)) AS began,
    sum(length(buys)) AS buys_,
    uniqExactIf(user_id, notEmpty(favs)) AS users,
    uniqExactIf(user_id, bought) AS buyers
FROM (
    SELECT
        user_id,
        any(category_id) AS category,
        groupArrayIf(ts, role = 2) AS favs,
        groupArrayIf(ts, role = 4) AS buys,
        arrayExists(f -> arrayExists(b -> b >= f AND b <= f + {WEEK}, buys), favs) AS bought,
        NOT bought AND arrayMax(favs) + {WEEK} >= {END} AS waiting
    FROM $event
    WHERE role IN (2, 4)
    GROUP BY user_id, item_id
)
GROUP BY category WITH ROLLUP"""
PARETO = """
SELECT
    name,
    buys,
    sum(buys) OVER ranked AS up_to,
    sum(buys) OVER () AS all,
    countIf(views > 0) OVER () AS viewed,
    buyers
FROM (
    SELECT
        toString(category_id) AS name,
        countIf(role = 4) AS buys,
        countIf(role = 1) AS views,
        uniqExactIf(user_id, role = 4) AS buyers
    FROM $event
    GROUP BY name
)
WINDOW ranked AS (ORDER BY buys DESC, name ROWS UNBOUNDED PRECEDING)
ORDER BY buys DESC, name
LIMIT 200"""
QUADRANT = """
SELECT
    name,
    uv,
    buyers,
    buyers / uv AS pay_rate,
    quantileExactInclusiveIf(0.5)(uv, uv >= 30) OVER () AS x,
    quantileExactInclusiveIf(0.5)(pay_rate, uv >= 30) OVER () AS y,
    concat(if(uv >= x, 'many', 'few'), ' users, ', if(pay_rate >= y, 'high', 'low'), ' rate') AS quadrant
FROM (
    SELECT toString(category_id) AS name, uniqExactIf(user_id, role = 1) AS uv, uniqExactIf(user_id, role = 4) AS buyers
    FROM $event
    GROUP BY name
    HAVING uv > 0
)
ORDER BY uv DESC, name
LIMIT 1000"""
REPURCHASE = f"""
SELECT
    'range' AS range,
    count() AS buyers,
    countIf(orders >= 2) AS repurchasers,
    countIf(days >= 2) AS on_two_days,
    sum(orders) AS purchases
FROM (
    SELECT uniqExact(order_id) AS orders, uniqExact({DAY}) AS days FROM $event WHERE role = 4 GROUP BY user_id
)"""
# The quintiles by nearest rank; a score is high where it is above the mean score.
RFM = f"""
SELECT
    transform((one.1, one.2, one.3), [
        (1, 1, 1), (1, 0, 1), (0, 1, 1), (0, 0, 1), (1, 1, 0), (1, 0, 0), (0, 1, 0), (0, 0, 0)
    ], [
        'champions', 'big spenders to develop', 'big spenders to win back', 'big spenders nearly lost',
        'often, for little', 'new or rare, for little', 'once often, for little', 'lost, for little'
    ], '') AS class,
    count() AS users,
    avg(one.4) AS mean_recency,
    avg(one.5) AS mean_days,
    sum(one.6) AS amount
FROM (
    SELECT
        arrayMap(j -> intDiv(j * length(all_r) + 4, 5), [1, 2, 3, 4]) AS places,
        arrayMap(p -> arraySort(all_r)[p], places) AS r_cuts,
        arrayMap(p -> arraySort(all_f)[p], places) AS f_cuts,
        arrayMap(p -> arraySort(all_m)[p], places) AS m_cuts,
        arrayMap(r -> 5 - arrayCount(c -> r > c, r_cuts), all_r) AS rs,
        arrayMap(f -> 1 + arrayCount(c -> f > c, f_cuts), all_f) AS fs,
        arrayMap(m -> 1 + arrayCount(c -> m > c, m_cuts), all_m) AS ms,
        arrayAvg(rs) AS r_mean,
        arrayAvg(fs) AS f_mean,
        arrayAvg(ms) AS m_mean,
        arrayJoin(arrayMap(
            (i, j, k, r, f, m) -> (i > r_mean, j > f_mean, k > m_mean, r, f, m), rs, fs, ms, all_r, all_f, all_m
        )) AS one
    FROM (
        SELECT groupArray(recency) AS all_r, groupArray(days) AS all_f, groupArray(paid) AS all_m
        FROM (
            SELECT {LAST} - max({D}) AS recency, uniqExact({DAY}) AS days, toFloat64(sum(amount)) AS paid
            FROM $event
            WHERE role = 4
            GROUP BY user_id
        )
    )
)
GROUP BY class"""
LTV = f"""
SELECT
    toDate(first) AS cohort,
    n AS offset,
    max(people) OVER (PARTITION BY first) AS size,
    sum(paid) OVER (PARTITION BY first ORDER BY n) AS revenue
FROM (
    SELECT first, one.1 - first AS n, count() AS people, sum(one.2) AS paid
    FROM (
        SELECT groupArray((d, paid)) AS days, arrayMin(days.1) AS first
        FROM (SELECT user_id, {D} AS d, sumIf(amount, role = 4) AS paid FROM $event GROUP BY user_id, d)
        GROUP BY user_id
    )
    ARRAY JOIN days AS one
    GROUP BY first, n
)"""


def by_name(answers: list[list[Row]]) -> list[Row]:
    """Name the columns as the report does; the SQL cannot, for they would hide those they are made of."""
    return [{**row, "bought": row["bought_"], "buys": row["buys_"]} for row in answers[0]]


CASES = (
    Case(
        report="fav_to_buy",
        key=("name",),
        figures=("pairs", "bought", "still_open", "began", "buys", "users", "buyers"),
        sql=[FAV_TO_BUY],
        ours=lambda rows: [row for row in rows if row["users"] is not None],
        theirs=by_name,
    ),
    Case(report="pareto", key=("name",), figures=("buys", "up_to", "all", "buyers"), sql=[PARETO]),
    Case(report="quadrant", key=("name",), figures=("uv", "buyers", "pay_rate", "quadrant"), sql=[QUADRANT]),
    Case(
        report="repurchase",
        key=("range",),
        figures=("buyers", "repurchasers", "on_two_days", "purchases"),
        sql=[REPURCHASE],
    ),
    Case(report="rfm", key=("class",), figures=("users", "mean_recency", "mean_days", "amount"), sql=[RFM]),
    Case(
        report="ltv",
        key=("cohort", "offset"),
        figures=("size", "revenue"),
        sql=[LTV],
        ours=lambda rows: [row for row in rows if row["cohort"] != "mean" and row["revenue"] is not None],
    ),
)
