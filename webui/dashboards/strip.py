"""The main figures of a dashboard: value, change, former value; each group is asked and fails by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from analytics import catalog
from sdk.report import Column, share
from webui.dashboards import cards
from webui.reports import numbers
from webui.reports.answering import Line, answered
from webui.reports.ask import Ask
from webui.reports.words import value_word

# Each group is one question of the overview; the slow ones do not keep the others waiting.
GROUPS = {
    "traffic": ("pv", "uv", "pv_per_user", "user_conversion"),
    "new": ("new_share",),
    "visits": ("visit_length",),
}
REPORTS = {"new_share": "lifecycle", "visit_length": "visits"}  # where a figure is shown over time
KNOWN_AFTER = 7  # days from which on most users were seen before, METRICS section 2


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. value, before: None where there is no data. unit: as of a report's column. why: of no comparison.

    url: the report that it comes from.
    """

    name: str
    word: str
    unit: str
    value: float | None
    before: float | None
    url: str
    why: str = ""

    @property
    def text(self) -> str:
        """Write the value."""
        return str(numbers.NO_DATA) if self.value is None else self._written(self.value)

    @property
    def former(self) -> str:
        """Write the former value; "" where there is none."""
        return "" if self.before is None else self._written(self.before)

    @property
    def change(self) -> str:
        """Write the change: of a share in points, of others in percent; "" where there is none."""
        if self.value is None or self.before is None:
            return ""
        if self.unit == "share":
            return numbers.points(self.value - self.before)
        part = share(self.value, self.before)
        return "" if part is None else numbers.change(part - 1)

    @property
    def way(self) -> str:
        """Say where it went: up, down or same."""
        moved = (self.value or 0) - (self.before or 0)
        return "up" if moved > 0 else "down" if moved < 0 else "same"

    @property
    def good(self) -> bool:
        """Say whether the change is one for the better; where up is not good in itself it is neither."""
        return self.way == "up" and self.name in numbers.UP_IS_GOOD

    def _written(self, value: float) -> str:
        return numbers.written(value, Column(self.name, self.unit))


def figures(group: str, ask: Ask, line: Line) -> list[Figure]:
    """Give the figures of a group. ParamError, NotSupported and StoreError as reports raise them."""
    ask = ask.but(report=catalog.one("overview"), params={"figures": group}, view="")
    rows = {row["metric"]: row for row in answered(ask, line).result.named()}
    return [_figure(name, rows[name], ask) for name in GROUPS[group]]


def _figure(name: str, row: Mapping[str, Any], ask: Ask) -> Figure:
    report = catalog.one(REPORTS.get(name, "overview"))
    return Figure(
        name=name,
        word=value_word(name, "metric"),
        unit=row["unit"],
        value=row["value"],
        before=row["before"],
        url=ask.but(report=report, params={}).url(),
        why=_young(ask) if name == "new_share" and row["before"] is None else "",
    )


def _young(ask: Ask) -> str:
    """Say that new users are first seen ones, where the data are too young to tell them from others; else ""."""
    core = ask.dataset.as_core()
    if ask.dataset.people_version or cards.span(ask).first >= core.first_day + timedelta(KNOWN_AFTER):
        return ""
    return _("first seen; the data begin with this range")
