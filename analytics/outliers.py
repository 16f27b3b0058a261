"""How far a value lies from those it is to be compared with: z-scores by median and MAD. METRICS section 9."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

NORMAL = 0.6745  # the MAD of a normal distribution, in standard deviations
NORMAL_MEAN = 1.253  # a standard deviation over the mean absolute deviation, of a normal distribution
LEAST_POINTS = 4
LIMIT = 3.5  # Iglewicz and Hoaglin (1993)
LEAST_CHANGE = 0.1


@dataclass(frozen=True, slots=True)
class Judged:
    """One value beside others. z: None where there is nothing to measure by, or where the others are all the same.

    change: None where the median is 0. sure: False where too few comparable values made the last ones stand in.
    """

    expected: float
    spread: float
    points: int
    z: float | None
    change: float | None
    flagged: bool
    sure: bool


def judge(value: float, comparable: Sequence[float], recent: Sequence[float]) -> Judged | None:
    """Judge a value by the comparable ones; by the recent ones where those are fewer than 4; None where both are."""
    points = comparable if len(comparable) >= LEAST_POINTS else recent
    if len(points) < LEAST_POINTS:
        return None
    middle = median(points)
    deviations = [abs(point - middle) for point in points]
    away, spread = value - middle, median(deviations)
    scale = spread / NORMAL if spread else NORMAL_MEAN * fmean(deviations)
    z = away / scale if scale else 0.0 if not away else None
    change = away / middle if middle else None
    moved = abs(change) >= LEAST_CHANGE if change is not None else away != 0
    far = abs(z) >= LIMIT if z is not None else True  # others without any spread: every difference is far
    return Judged(middle, spread, len(points), z, change, far and moved, points is comparable)
