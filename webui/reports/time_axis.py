"""A plot's places in time: when each begins, whether it is over, and where among them tasks and notes stand."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from analytics.dataset import Dataset
from analytics.spans import following, span_of
from sdk.report import Column
from webui.reports import numbers
from webui.reports.drawn import Drawn
from webui.reports.plots import Mark

Edges = tuple[int, ...]
Marks = Callable[[int, int], Sequence[Any]]


def unfinished(drawn: Drawn, places: list[Any]) -> tuple[int, ...]:
    """Give the places whose bucket has not ended. An anomaly that is not sure has ended."""
    flag = drawn.chart.incomplete
    if flag != "complete":
        return ()
    done = {row[drawn.chart.x]: row[flag] for row in drawn.rows}
    return tuple(place for place, value in enumerate(places) if not done[value])


def times_of(core: Dataset, places: list[Any], column: Column) -> tuple[int, ...]:
    """Give each place's first second where x is time; () where it is not."""
    moments = [numbers.moment_of(place) for place in places]
    if not moments or any(moment is None for moment in moments) or column.unit:
        return ()
    return tuple(_second(core, moment) for moment in moments if moment is not None)


def _second(core: Dataset, moment: date | datetime) -> int:
    if not isinstance(moment, datetime):
        return core.start_of(moment)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=core.zoneinfo)).timestamp())


def why_open(drawn: Drawn, core: Dataset, edges: Edges, open_: tuple[int, ...]) -> str:
    """Say why buckets are not whole, "day not over: to 14:30"; "" where no one reason is known."""
    span = span_of(core, *drawn.ask.range)
    if all(edges[at + 1] <= core.end and not span.low <= edges[at] < edges[at + 1] <= span.high for at in open_):
        return _("only partly in the range")
    if len(open_) > 1 or not edges[open_[0]] < core.end < edges[open_[0] + 1]:
        return ""
    if drawn.chart.x in ("day", "hour"):
        words = {"day": _("day not over: to %s"), "hour": _("hour not over: to %s")}
        return words[drawn.chart.x] % f"{core.local(core.end):%H:%M}"
    return _("not over: to %s") % numbers.day(core.day_of(core.end - 1), weekday=False)


def marks_among(core: Dataset, drawn: Drawn, edges: Edges, marks: Marks) -> tuple[Mark, ...]:
    """Place tasks and notes at fractions inside their buckets."""
    found = []
    asked = span_of(core, *drawn.ask.range)  # not the axis' own ends: a letter means one task on all cards of a page
    for mark in marks(asked.low, asked.high):
        place = bisect_right(edges, mark.ts) - 1
        if 0 <= place < len(edges) - 1:
            width = max(1, edges[place + 1] - edges[place])
            found.append(Mark(place + (mark.ts - edges[place]) / width, mark.label, mark.kind, mark.text, mark.url))
    return tuple(sorted(found, key=lambda mark: mark.at))


def edges_of(core: Dataset, column: Column, times: tuple[int, ...], places: list[Any]) -> Edges:
    """Give the seconds between which the buckets lie: of each its first, and of the last its end."""
    last = numbers.moment_of(places[-1])
    if last is None or isinstance(last, datetime):
        return (*times, times[-1] + 3600)
    unit = column.name if column.name in ("week", "month") else "day"
    return (*times, core.start_of(following(last, unit)))  # type: ignore[arg-type]  # one of the units
