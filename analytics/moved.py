"""Which values of the dimensions moved most between two buckets."""

from collections.abc import Callable, Mapping

from analytics.asking import Data
from analytics.clauses import Clause, dimension
from analytics.dataset import Kind
from analytics.recurring import Bounds

# One question for all flags and dimensions: a row counts once for each dimension, in each flag's bucket (odd places)
# and in the bucket that one is compared with (even places). Buckets are the same or apart: roundDown finds
# them. It gives the first edge for what lies before it. No column of a dataset begins with #.
MOVED_SQL = """
SELECT
    intDiv(`#place`, 2) AS `#flag`,
    multiIf($dimensions, '') AS `#dimension`,
    multiIf($values, '') AS `#value`,
    toInt64($now) - toInt64($then) AS `#moved`
FROM $event
ARRAY JOIN {places:Array(Array(UInt32))}[indexOf({lows:Array(Int64)}, roundDown(ts, {edges:Array(Int64)}))] AS `#place`
WHERE ts >= {first:Int64} AND roundDown(ts, {edges:Array(Int64)}) IN {lows:Array(Int64)} AND ($where)
GROUP BY GROUPING SETS ($sets)
HAVING `#moved` != 0
ORDER BY `#flag`, `#dimension`, abs(`#moved`) DESC, `#value`
LIMIT 3 BY `#flag`, `#dimension`
"""
EMPTY = "(empty)"  # a value that says nothing
NOW, THEN = "`#place` % 2 = 1", "`#place` % 2 = 0"


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
    columns = [dimension(data.dataset, name, "where").sql for name in names]
    of = [f"grouping({column}) = 0" for column in columns]  # the row is about this dimension
    labels = {f"d{n}": name for n, name in enumerate(names)}
    more = {
        **scope,
        "dimensions": Clause(", ".join(f"{one}, {{d{n}:String}}" for n, one in enumerate(of)), labels),
        "values": Clause(", ".join(f"{one}, toString({column})" for one, column in zip(of, columns, strict=True))),
        "sets": Clause(", ".join(f"(`#flag`, {column})" for column in columns)),
        "now": count(NOW),
        "then": count(THEN),
    }
    places: dict[int, list[int]] = {}
    for flag, pair in enumerate(pairs):
        for side, (low, _) in enumerate(reversed(pair)):
            places.setdefault(low, []).append(2 * flag + side)
    edges = sorted({edge for pair in pairs for bounds in pair for edge in bounds})
    bind = {"edges": edges, "first": edges[0], "lows": list(places), "places": list(places.values())}
    words: dict[tuple[int, str], list[str]] = {}
    for row in data.ask(MOVED_SQL, more, **bind):
        words.setdefault((row["#flag"], row["#dimension"]), []).append(f"{row['#value'] or EMPTY} {row['#moved']:+,}")
    found = [[(name, words.get((flag, name))) for name in names] for flag in range(len(pairs))]
    return ["; ".join(f"{name}: {', '.join(some)}" for name, some in one if some) for one in found]
