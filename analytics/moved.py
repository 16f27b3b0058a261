"""Which values of the dimensions moved most between two buckets."""

from collections.abc import Callable, Mapping

from analytics.asking import Data
from analytics.clauses import Clause, dimension
from analytics.dataset import Kind
from analytics.recurring import Bounds

# One question for all flags and dimensions: a row counts once for each dimension, in each flag's bucket (odd places)
# and in the bucket that one is compared with (even places). Buckets are the same or apart: roundDown finds
# them. It gives the first edge for what lies before it.
MOVED_SQL = """
SELECT
    intDiv(hit.1, 2) AS flag,
    hit.2 AS dimension,
    hit.3 AS name,
    toInt64($now) - toInt64($then) AS moved
FROM $event
ARRAY JOIN arrayFlatten(arrayMap(
    p -> arrayMap(d -> (p, d.1, d.2), [$dimensions]),
    arrayFilter((p, low) -> roundDown(ts, {edges:Array(Int64)}) = low, {places:Array(UInt32)}, {lows:Array(Int64)})
)) AS hit
WHERE ts >= {first:Int64} AND roundDown(ts, {edges:Array(Int64)}) IN {lows:Array(Int64)} AND ($where)
GROUP BY flag, dimension, name
HAVING moved != 0
ORDER BY flag, dimension, abs(moved) DESC, name
LIMIT 3 BY flag, dimension
"""
NOW, THEN = "hit.1 % 2 = 1", "hit.1 % 2 = 0"


def moved(
    data: Data, scope: Mapping[str, Clause], count: Callable[[str], Clause], pairs: list[tuple[Bounds, Bounds]]
) -> list[str]:
    """Say, for each pair of buckets (now, then), which values of each dimension moved most.

    scope: the clauses of the question; count: what is counted where a condition holds.
    """
    if not pairs:
        return []
    texts = [name for name, kind in data.dataset.layout.dimensions if kind is Kind.TEXT]
    names = ["behaviour", *(n for n in ("channel", "category", *texts) if n in data.dataset.mapped)]
    columns = [
        f"({{d{n}:String}}, toString({dimension(data.dataset, name, 'where').sql}))" for n, name in enumerate(names)
    ]
    more = {
        **scope,
        "dimensions": Clause(", ".join(columns), {f"d{n}": name for n, name in enumerate(names)}),
        "now": count(NOW),
        "then": count(THEN),
    }
    placed = [(2 * flag + side, pair[1 - side]) for flag, pair in enumerate(pairs) for side in (0, 1)]
    edges = sorted({edge for _, bounds in placed for edge in bounds})
    bind = {
        "edges": edges,
        "first": edges[0],
        "places": [place for place, _ in placed],
        "lows": [low for _, (low, _high) in placed],
    }
    words: dict[tuple[int, str], list[str]] = {}
    for row in data.ask(MOVED_SQL, more, **bind):
        words.setdefault((row["flag"], row["dimension"]), []).append(f"{row['name']} {row['moved']:+,}")
    found = [[(name, words.get((flag, name))) for name in names] for flag in range(len(pairs))]
    return ["; ".join(f"{name}: {', '.join(some)}" for name, some in one if some) for one in found]
