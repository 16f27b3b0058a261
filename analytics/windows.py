"""Count what happened in many stretches of time at once: PV, UV and buyers, users distinct within each stretch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analytics.asking import Data
from analytics.clauses import Clause
from sdk.report import share

# roundDown finds a row's stretch by binary search in a constant array: the cost does not grow with the stretches.
SQL = """
SELECT
    roundDown(ts, {edges:Array(Int64)}) AS low,
    countIf($view) AS pv,
    uniqExactIf(user_id, $view) AS uv,
    uniqExactIf(user_id, $buy) AS buyers
FROM $event
WHERE ts >= {first:Int64} AND ts < {last:Int64} AND ($where)
    AND roundDown(ts, {edges:Array(Int64)}) IN {lows:Array(Int64)}
GROUP BY low
"""
Window = tuple[int, int]  # Unix seconds [low, high)


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened in a stretch of time. Added up over several, users of each count."""

    pv: int = 0
    uv: int = 0
    buyers: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.pv + other.pv, self.uv + other.uv, self.buyers + other.buyers)

    @property
    def pv_per_user(self) -> float | None:
        """Give PV / UV."""
        return share(self.pv, self.uv)

    @property
    def conversion(self) -> float | None:
        """Give the user conversion, buyers / UV."""
        return share(self.buyers, self.uv)


def total(some: Iterable[Counts]) -> Counts:
    """Add counts up."""
    return sum(some, Counts())


def counted(data: Data, windows: Sequence[Window], where: Clause | None = None) -> dict[Window, Counts]:
    """Count each window; they may overlap. One question for each set of windows that do not."""
    found: dict[Window, Counts] = {}
    for apart in _apart(windows):
        edges = sorted({edge for window in apart for edge in window})
        bind = {"edges": edges, "lows": [low for low, _ in apart], "first": edges[0], "last": edges[-1]}
        rows = {row.pop("low"): row for row in data.ask(SQL, {"where": where or Clause("1")}, **bind)}
        found |= {window: Counts(**rows.get(window[0], {})) for window in apart}
    return found


def _apart(windows: Iterable[Window]) -> list[list[Window]]:
    """Share windows out into as few sets as need be, so that in none of them two overlap."""
    sets: list[list[Window]] = []
    for window in sorted(window for window in set(windows) if window[0] < window[1]):
        free = next((some for some in sets if some[-1][1] <= window[0]), None)
        if free is None:
            sets.append([window])
        else:
            free.append(window)
    return sets
