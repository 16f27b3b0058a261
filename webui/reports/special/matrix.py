"""The matrix of retention: a row for each cohort, a cell for each offset, its mean above."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.cohorts import MEAN
from analytics.spans import following
from webui.curves.marks import Axis
from webui.reports import numbers
from webui.templatetags.ui import n as figure

STEPS = 7  # of the scale of colours
DOTS = "…"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as it is shown, and what its box says. state: value, base (offset 0), open (has not ended) or blank."""

    offset: str
    state: str
    text: str = ""
    step: int = 0  # on the scale, 1 to 7
    head: str = ""
    rate: str = ""
    of: str = ""
    beside: str = ""  # how far from the mean
    retained: int = 0
    away: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A cohort."""

    key: str
    label: str
    size: int
    cells: Sequence[Cell]
    low: int = 0  # its seconds
    high: int = 0


@dataclass
class Matrix:
    """All of it. axis: what gives the marks, asked when the page is written, for they lie in the database."""

    heads: Sequence[str]
    mean: Row
    rows: Sequence[Row]
    axis: Axis | None = field(default=None, repr=False)

    @cached_property
    def marks(self) -> list[Any]:
        """Give the tasks and notes on the cohorts' days."""
        if not self.axis or not self.rows:
            return []
        return list(self.axis(self.rows[0].low, self.rows[-1].high))

    @cached_property
    def marked(self) -> list[tuple[Row, list[Any]]]:
        """Give each row with its marks."""
        lows = [row.low for row in self.rows]
        found: list[list[Any]] = [[] for _ in self.rows]
        for mark in self.marks:
            place = bisect_right(lows, mark.ts) - 1
            if 0 <= place < len(lows) and mark.ts < self.rows[place].high:
                found[place].append(mark)
        return list(zip(self.rows, found, strict=True))

    @property
    def any_open(self) -> bool:
        """Say whether some cell has not ended."""
        return any(cell.state == "open" for row in self.rows for cell in row.cells)


def matrix(rows: Sequence[Mapping[str, Any]], core: Any, unit: str, *, users: bool) -> Matrix:  # noqa: ANN401  # a core Dataset
    """Build it from a result's rows. users: cells show counts, not percent."""
    begun = {row["offset"] for row in rows if row["cohort"] != MEAN and row["retained"] is not None and row["size"]}
    rows = [row for row in rows if row["offset"] in begun]
    labels = list(dict.fromkeys(str(row["offset"]) for row in rows))
    means = {str(row["offset"]): row for row in rows if row["cohort"] == MEAN}
    by_cohort: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["cohort"] != MEAN:
            by_cohort.setdefault(row["cohort"], []).append(row)
    scale = [row["rate"] for row in rows if row["complete"] and row["rate"] is not None and str(row["offset"]) != "0"]
    found = []
    for key, cells in by_cohort.items():
        day = date.fromisoformat(key)
        over = [_is_over(core, day, unit, str(row["offset"])) for row in cells]
        shown = [
            _cell(row, day, unit, means[str(row["offset"])], scale, users=users, over=one)
            for row, one in zip(cells, over, strict=True)
        ]
        low, high = core.start_of(day), core.start_of(following(day, unit))  # type: ignore[arg-type]
        found.append(Row(key, cohort_label(day, unit), cells[0]["size"], shown, low, high))
    mean = Row(
        MEAN,
        _("Mean"),
        max((row["size"] for row in means.values()), default=0),
        [_mean(means[o], users) for o in labels],
    )
    return Matrix([offset_label(label, unit) for label in labels], mean, found)


def offset_label(label: str, unit: str) -> str:
    """Name an offset as the head has it: D7, W2, M1, D1–3."""
    letter = {"day": _("D%s"), "week": _("W%s"), "month": _("M%s")}[unit]
    return letter % label.replace("-", "–")


def cohort_label(day: date, unit: str) -> str:
    """Name a cohort: its day, the week that begins on it, its month."""
    if unit == "month":
        return f"{day:%Y-%m}"
    return numbers.day(day, weekday=unit == "day")


def _mean(row: Mapping[str, Any], users: bool) -> Cell:  # as matrix
    if row["rate"] is None:
        return Cell(str(row["offset"]), "blank")
    text = figure(row["retained"]) if users else _percent(row["rate"])
    return Cell(str(row["offset"]), "value", text=text)


def _cell(
    row: Mapping[str, Any],
    cohort: date,
    unit: str,
    mean: Mapping[str, Any],
    scale: Sequence[float],
    *,
    users: bool,
    over: bool,
) -> Cell:
    offset, size, retained = str(row["offset"]), row["size"], row["retained"]
    if retained is None or not size:
        return Cell(offset, "blank")
    state = "open" if not row["complete"] else "base" if offset == "0" and retained == size else "value"
    text = figure(retained) if users else _percent(row["rate"])
    return Cell(
        offset=offset,
        state=state,
        text=DOTS if state == "open" else text,
        step=_step(row["rate"], scale) if state == "value" else 0,
        head=_head(cohort, offset, unit),
        rate=numbers.percent(row["rate"]),
        of=ngettext("%(part)s of %(whole)s user", "%(part)s of %(whole)s users", size)
        % {"part": figure(retained), "whole": figure(size)},
        beside=_why_open(over=over) if state == "open" else _beside(row, mean, state),
        retained=retained,
        away=size - retained,
    )


def _percent(rate: float) -> str:
    """Write a rate as the matrix has it: 29.8, without its sign, 100 for all."""
    return "100" if rate == 1 else f"{100 * rate:.1f}"


def _step(rate: float, scale: Sequence[float]) -> int:
    low, high = min(scale), max(scale)
    return 1 + min(STEPS - 1, int(STEPS * (rate - low) / (high - low))) if high > low else 4


def _head(cohort: date, offset: str, unit: str) -> str:
    first = cohort_label(cohort, unit)
    if unit == "day" and offset.isdecimal():
        later = numbers.day(following(cohort, "day", int(offset)))
        return _("Cohort of %(cohort)s, day %(offset)s (%(later)s)") % {
            "cohort": first,
            "offset": offset,
            "later": later,
        }
    return _("Cohort of %(cohort)s, %(offset)s") % {"cohort": first, "offset": offset_label(offset, unit)}


def _is_over(core: Any, cohort: date, unit: str, offset: str) -> bool:  # noqa: ANN401  # a core Dataset
    """Say whether a cell's last unit has ended in the data."""
    last = int(offset.rpartition("-")[2])
    return bool(core.start_of(following(cohort, unit, last + 1)) <= core.end)  # type: ignore[arg-type]


def _why_open(*, over: bool) -> str:
    if over:
        return _("The cohort lies only partly in the range, and is left out of the mean.")
    return _("So far: this is not over when the data end, and is left out of the mean.")


def _beside(row: Mapping[str, Any], mean: Mapping[str, Any], state: str) -> str:
    """Say how far a rate lies from the mean."""
    if mean["rate"] is None or row["rate"] is None or state == "base":
        return ""
    apart = round(100 * row["rate"], 1) - round(100 * mean["rate"], 1)
    words = {"points": f"{abs(apart):.1f}", "mean": numbers.percent(mean["rate"])}
    if abs(apart) < 0.05:
        return _("As the mean of %(mean)s") % words
    if apart > 0:
        return _("%(points)s points above the mean of %(mean)s") % words
    return _("%(points)s points below the mean of %(mean)s") % words
