"""The newest day of a dataset so far, beside the same hours of a usual such weekday."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from analytics.asking import Data
from analytics.dataset import Dataset
from analytics.effects import begin_of
from analytics.spans import Span, shifted, whole
from analytics.windows import Window, counted
from webui.reports.answering import Line

WEEKS, HOUR = 8, 3600


@dataclass(frozen=True, slots=True)
class Day:
    """The newest day that has a complete hour. cut: until when its hours are complete; high: its end."""

    day: date
    low: int
    cut: int
    high: int

    @property
    def whole(self) -> bool:
        """Say whether the day is over."""
        return self.cut == self.high


@dataclass(frozen=True, slots=True)
class Figures:
    """PV and UV so far, what is usual so far (None without a comparable week), and PV hour by hour.

    hours: of the day so far; usual_hours: of the whole usual day; empty without a comparable week. weeks: compared.
    """

    pv: int
    uv: int
    usual_pv: float | None
    usual_uv: float | None
    hours: Sequence[int]
    usual_hours: Sequence[float]
    weeks: int


def newest(core: Dataset) -> Day | None:
    """Give the newest day of the data with a complete hour; None where there is none."""
    day = core.day_of(core.end - 1)
    for one in (day, day - timedelta(1)):
        low, high = core.start_of(one), core.start_of(one + timedelta(1))
        cut = low + (min(core.end, high) - low) // HOUR * HOUR
        if high <= core.end:  # a day that is not a number of hours long is over all the same
            cut = high
        if cut > low and cut > core.first_ts:
            return Day(one, low, cut, high)
    return None


def figures(core: Dataset, day: Day, line: Line) -> Figures:
    """Count the day and its weeks; two questions."""
    spans = [span for week in range(1, WEEKS + 1) if (span := _week(core, day, week)) is not None]
    so_far = [(span.low, span.low + day.cut - day.low) for span in spans]
    hours = [_hours(span.low, span.high) for span in spans]
    today, now = _hours(day.low, day.cut), (day.low, day.cut)
    asked = [now, *so_far, *today, *(window for some in hours for window in some)]
    found = counted(Data(line, core), asked)
    return Figures(
        pv=found[now].pv,
        uv=found[now].uv,
        usual_pv=median(found[window].pv for window in so_far) if so_far else None,
        usual_uv=median(found[window].uv for window in so_far) if so_far else None,
        hours=[found[window].pv for window in today],
        usual_hours=[median(found[window].pv for window in some) for some in zip(*hours, strict=True)],
        weeks=len(spans),
    )


def _week(core: Dataset, day: Day, week: int) -> Span | None:
    """Give the same weekday some weeks before; None where it was longer or shorter, or is not wholly in the data."""
    span = shifted(core, whole(core, day.low, day.high), 7 * week)
    same = span.high - span.low == day.high - day.low
    return span if same and span.low >= begin_of(core) else None


def _hours(low: int, high: int) -> list[Window]:
    return [(ts, min(ts + HOUR, high)) for ts in range(low, high, HOUR)]
