"""The arrays that find, among the sorted rows of a group, how far the chains of a funnel came.

Each gives SELECT expressions over ts_of and mask_of: level, the number of steps reached, and times, the seconds of the
steps of the chain that reached it first. n: how many steps there are.
"""


def ordered(n: int, *, times: bool) -> str:
    """Go along the rows once for each step, keeping the latest beginning from which the step before was reached.

    s_k[i] is the beginning of the chain that makes row i the k-th step, 0 where none does; the latest one is the
    best, for its window ends last. Only rows before i are asked, so that a row is never two steps. at_k is the k-th
    row of the chain that reaches the level first, found backwards.
    """
    parts = ["arrayMap((t, m) -> if(bitTest(m, 0), t, 0), ts_of, mask_of) AS s_1"]
    for k in range(2, n + 1):
        before = f"arrayPopBack(arrayPushFront(arrayFill(x -> x != 0, s_{k - 1}), 0))"
        go_on = f"bitTest(m, {k - 1}) AND b != 0 AND t <= b + {{window:Int64}}"
        parts.append(f"arrayMap((t, m, b) -> if({go_on}, b, 0), ts_of, mask_of, {before}) AS s_{k}")
    parts.append(" + ".join(f"arrayExists(x -> x != 0, s_{k})" for k in range(1, n + 1)) + " AS level")
    if not times:
        return ", ".join([*parts, "emptyArrayInt64() AS times"])
    for k in range(n, 0, -1):
        first = f"arrayFirstIndex(x -> x != 0, s_{k})"
        last = f"arrayLastIndex(x -> x != 0, arraySlice(s_{k}, 1, at_{k + 1} - 1))" if k < n else "0"
        parts.append(f"multiIf(level = {k}, {first}, level > {k}, {last}, 0) AS at_{k}")
    chain = ", ".join(f"if(at_{k} = 0, 0, ts_of[at_{k}])" for k in range(1, n + 1))
    return ", ".join([*parts, f"arrayFilter(t -> t != 0, [{chain}]) AS times"])


def strict(n: int) -> str:
    """Look at each row how many of the steps the next rows are."""
    expression = str(n)
    for k in range(n - 1, -1, -1):
        late = f" AND ts_of[i + {k}] <= ts_of[i] + {{window:Int64}}" if k else ""
        expression = f"if(bitTest(mask_of[i + {k}], {k}){late}, {expression}, {k})"
    reach = f"arrayMap(i -> {expression}, arrayEnumerate(ts_of))"
    chains = "arrayMap(i -> arraySlice(ts_of, i, level), arrayFilter(i -> reach[i] = level, arrayEnumerate(reach)))"
    first = "arraySort(c -> (c[-1], arrayMap(t -> -t, c)), chains)[1]"
    return f"{reach} AS reach, arrayMax(reach) AS level, {chains} AS chains, {first} AS times"


def any_order(n: int) -> str:
    """Look from each row at what lies within the window: the level is the number of first steps that are all there."""
    union = "arrayReduce('groupBitOr', arrayFilter((m, t) -> t >= t0 AND t <= t0 + {window:Int64}, mask_of, ts_of))"
    expression = str(n)
    for k in range(n - 1, -1, -1):
        expression = f"if(bitTest(u, {k}), {expression}, {k})"
    return f"arrayMax(u -> {expression}, arrayMap(t0 -> toInt32({union}), ts_of)) AS level, emptyArrayInt64() AS times"
