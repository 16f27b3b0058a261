"""A figure as people read it, on the overview's card and at the head of a dashboard: value, change, former value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analytics.answers import Answer
from sdk.report import Column, share
from webui.reports import numbers
from webui.reports.words import value_word

MAIN = ("pv", "uv", "pv_per_user", "user_conversion", "new_share", "visit_length")  # of the overview; all: in its table
UP_IS_GOOD = frozenset(  # a rise of the others is neither good nor bad
    {
        "pv", "uv", "active_users", "buyers", "purchases", "revenue", "pv_per_user", "user_conversion",
        "event_conversion", "purchases_per_buyer", "revenue_per_active_user", "revenue_per_purchase",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. value, before: None where there is no data. unit: as of a report's column.

    url: the report that it comes from; why: of no comparison.
    """

    name: str
    unit: str
    value: float | None
    before: float | None
    url: str = ""
    why: str = ""

    @property
    def word(self) -> str:
        """Name it."""
        return value_word(self.name, "metric")

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
        """Write the change; "" where there is none."""
        return changed(self.value, self.before, self.unit)

    @property
    def way(self) -> str:
        """Say where it went: up, down or same."""
        moved = (self.value or 0) - (self.before or 0)
        return "up" if moved > 0 else "down" if moved < 0 else "same"

    @property
    def good(self) -> bool:
        """Say whether the change is one for the better; where up is not good in itself it is neither."""
        return self.way == "up" and self.name in UP_IS_GOOD

    def _written(self, value: float) -> str:
        return numbers.written(value, Column(self.name, self.unit))


def changed(value: float | None, before: float | None, unit: str) -> str:
    """Write a change: of a share in points, of all else in percent; "" where there is none."""
    if value is None or before is None:
        return ""
    if unit == "share":
        return numbers.points(value - before)
    part = share(value, before)
    return "" if part is None else numbers.change(part - 1)


def figure(row: Mapping[str, Any], url: str = "", why: str = "") -> Figure:
    """Give the figure of a row of the overview."""
    return Figure(row["metric"], row["unit"], row["value"], row["before"], url, why)


def main(answer: Answer) -> list[Figure]:
    """Give the overview's main figures."""
    rows = {row["metric"]: row for row in answer.result.named()}
    return [figure(rows[name]) for name in dict.fromkeys((*MAIN, *rows)) if name in rows][: len(MAIN)]
