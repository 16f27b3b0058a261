"""Before and after: what a dataset's users did in the hours before a moment and after it, beside what is usual then.

For a moment (a task, from its start to its end): PV, UV, buyers and user conversion in N hours before the start and in
N hours after the end. The same local hours of the same weekday, of up to 8 weeks before, say what is usual: their
counts are added up, and `usual` is the change of the sums. **Beyond usual** = (1 + change) / (1 + usual) - 1: the
change less what the same hours usually do. Since PV = UV x PV per user holds for the sums too, ln(beyond of PV) is
exactly ln(beyond of UV) + ln(beyond of PV per user). The usual spread is twice the standard deviation of the weeks' own
changes around the usual one, in logarithms; it needs 4 weeks. Weeks whose hours are longer or shorter, because the
clock was changed in them, and weeks that the data do not hold whole are left out.

Timing is not proof: something else may have happened in the same hours.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Literal

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.dataset import DAY, Dataset
from analytics.outliers import LEAST_POINTS
from analytics.spans import shifted, whole
from analytics.windows import Counts, Window, counted, total
from sdk.report import share

WEEKS = 8
HOURS = 2
HOURS_AT_MOST = 24  # of one side; more would run into the same hours of the neighbouring day
DEVIATIONS = 2
METRICS = ("pv", "uv", "pv_per_user", "buyers", "conversion")  # attributes of Counts
Pair = tuple[Counts, Counts]


@dataclass(frozen=True, slots=True)
class Sides:
    """The hours before a moment and those after it."""

    before: Window
    after: Window


@dataclass(frozen=True, slots=True)
class Moved:
    """How one metric moved. None where a denominator is empty, or no week can be compared.

    usual: the change of the same hours in the weeks before. spread: how far a week's change usually lies from that,
    as a share; within: whether the beyond does not pass it.
    """

    before: float | None
    after: float | None
    change: float | None
    usual: float | None = None
    beyond: float | None = None
    spread: float | None = None
    within: bool | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What was before and after a moment, and in the same hours of the weeks before, the latest first.

    lacking: why there are no counts. "begins": the data begin within the hours before; "ends": they end within the
    hours after; "empty": no view lies in the hours before.
    """

    sides: Sides
    lacking: Literal["", "begins", "ends", "empty"] = ""
    before: Counts = field(default_factory=Counts)
    after: Counts = field(default_factory=Counts)
    weeks: tuple[Pair, ...] = ()

    def moved(self, metric: str) -> Moved:
        """Give the change of one of METRICS beside its usual one."""
        value = attrgetter(metric)
        before, after = value(self.before), value(self.after)
        ratio = share(after, before)
        if ratio is None:
            return Moved(before, after, None)
        usual = self._usual(value)
        if not usual:
            return Moved(before, after, ratio - 1)
        away = _away(self.weeks, value, usual)
        within = abs(math.log(ratio / usual)) <= away if away is not None and ratio else None
        spread = math.expm1(away) if away is not None else None
        return Moved(before, after, ratio - 1, usual - 1, ratio / usual - 1, spread, within)

    def _usual(self, value: Callable[[Counts], float | None]) -> float | None:
        """Give after over before of the weeks' sums."""
        before, after = (total(pair[side] for pair in self.weeks) for side in (0, 1))
        return share(value(after), value(before))

    def parts(self) -> tuple[float, float] | None:
        """Give what of ln(beyond of PV) comes from users, and what from pages for each; their sum is exact."""
        users, each = self.moved("uv").beyond, self.moved("pv_per_user").beyond
        if users is None or each is None or not self.after.pv:
            return None
        return math.log1p(users), math.log1p(each)


def effects(
    data: Data, moments: Sequence[tuple[int, int]], *, hours: int = HOURS, where: Clause | None = None
) -> list[Effect]:
    """Give the effect of each moment, in their order. moments: (start, end) in Unix seconds."""
    dataset = data.dataset
    found = [(sides := sides_of(start, end, hours), lacking(dataset, sides)) for start, end in moments]
    weeks = [weeks_of(dataset, sides) if not why else [] for sides, why in found]
    asked = [sides for (sides, why), some in zip(found, weeks, strict=True) if not why for sides in (sides, *some)]
    counts = counted(data, [window for sides in asked for window in (sides.before, sides.after)], where)
    return [
        Effect(sides, why)
        if why
        else _effect(sides, counts[sides.before], counts[sides.after], [_pair(counts, one) for one in some])
        for (sides, why), some in zip(found, weeks, strict=True)
    ]


def sides_of(start: int, end: int, hours: int) -> Sides:
    """Give the hours on both sides of a moment."""
    return Sides((start - hours * 3600, start), (end, end + hours * 3600))


def begin_of(dataset: Dataset) -> int:
    """Give the second from which a dataset's rows are complete: as Dataset.end, at the other end."""
    low = dataset.valid[0]
    return low if low is not None and low <= dataset.first_ts < low + DAY else dataset.first_ts


def lacking(dataset: Dataset, sides: Sides) -> Literal["", "begins", "ends"]:
    """Say what the data lack for both sides."""
    if sides.before[0] < begin_of(dataset):
        return "begins"
    return "ends" if sides.after[1] > dataset.end else ""


def weeks_of(dataset: Dataset, sides: Sides) -> list[Sides]:
    """Give the same local hours of the weeks before that can be compared, the latest first."""
    found = []
    for week in range(1, WEEKS + 1):
        one = Sides(*(_earlier(dataset, window, 7 * week) for window in (sides.before, sides.after)))
        same = all(b - a == d - c for (a, b), (c, d) in ((one.before, sides.before), (one.after, sides.after)))
        over = one.after[1] <= sides.before[0]  # a task of days must not be compared with itself
        if same and over and one.before[0] >= begin_of(dataset):
            found.append(one)
    return found


def _earlier(dataset: Dataset, window: Window, days: int) -> Window:
    span = shifted(dataset, whole(dataset, *window), days)
    return span.low, span.high


def _pair(counts: dict[Window, Counts], sides: Sides) -> Pair:
    return counts[sides.before], counts[sides.after]


def _effect(sides: Sides, before: Counts, after: Counts, weeks: list[Pair]) -> Effect:
    return Effect(sides, "" if before.pv else "empty", before, after, tuple(weeks))


def _away(weeks: Sequence[Pair], value: Callable[[Counts], float | None], usual: float) -> float | None:
    """Give the usual distance of a week's change from the usual one, in logarithms; None with fewer than 4 weeks."""
    ratios = [share(value(after), value(before)) for before, after in weeks]
    away = [math.log(ratio / usual) for ratio in ratios if ratio]
    if len(away) < LEAST_POINTS:
        return None
    return DEVIATIONS * math.sqrt(math.fsum(one * one for one in away) / (len(away) - 1))
