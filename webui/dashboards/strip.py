"""The main figures of a dashboard: value, change, former value; each group is asked and fails by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from analytics import catalog
from analytics.spans import Span
from sdk.report import Column, share
from webui.dashboards import cards
from webui.reports import earlier, numbers
from webui.reports.answering import Line, answered
from webui.reports.ask import Ask

GROUPS = ("traffic", "new", "visits")
UP_IS_GOOD = frozenset({"pv", "uv", "pv_per_user", "buyers_of_uv"})


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. value, before: None where there is no data. unit: as of a report's column. why: of no data.

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
        return self.way == "up" and self.name in UP_IS_GOOD

    def _written(self, value: float) -> str:
        return numbers.written(value, Column(self.name, self.unit))


def figures(group: str, ask: Ask, line: Line) -> list[Figure]:
    """Give the figures of a group. ParamError, NotSupported and StoreError as reports raise them."""
    before = earlier.span_before(ask)
    return {"traffic": _traffic, "new": _new, "visits": _visits}[group](ask, before, line)


def _traffic(ask: Ask, _before: Span | None, line: Line) -> list[Figure]:
    """Give PV, UV, PV per user, and buyers / UV. The overview compares by itself."""
    ask = _of(ask, "overview")
    rows = {row["metric"]: row for row in answered(ask, line).result.named()}
    wanted = {"pv": _("PV"), "uv": _("UV"), "pv_per_user": _("PV per user"), "user_conversion": _("Buyers / UV")}
    names = {"user_conversion": "buyers_of_uv"}
    return [
        Figure(names.get(name, name), word, rows[name]["unit"], rows[name]["value"], rows[name]["before"], ask.url())
        for name, word in wanted.items()
    ]


def _new(ask: Ask, before: Span | None, line: Line) -> list[Figure]:
    """Give the share of the active users who were never seen before the range.

    A user is new on one day only, so that the new users of the days add up to those of the range.
    """
    value = _new_share(ask, line)
    former = _new_share(_at(ask, before), line) if before and value is not None else None
    why = "" if value is not None else _("New users are counted by whole days; choose a range of days.")
    return [Figure("new_share", _("New share"), "share", value, former, _of(ask, "lifecycle").url(), why)]


def _new_share(ask: Ask, line: Line) -> float | None:
    span = cards.span(ask)
    core = ask.dataset.as_core()
    if span.low != core.start_of(span.first) or span.high != core.start_of(span.last):
        return None
    days = answered(_of(ask, "lifecycle"), line).result.named()
    whole = answered(_of(ask.but(compare="none"), "overview"), line).result.named()
    active = next(row["value"] for row in whole if row["metric"] == "active_users")
    return share(sum(row["new"] for row in days), active)


def _visits(ask: Ask, before: Span | None, line: Line) -> list[Figure]:
    """Give the mean length of a visit."""
    value = _length(ask, line)
    former = _length(_at(ask, before), line) if before else None
    address = _of(ask, "visits").url()
    return [Figure("visit_length", _("Visit length"), "s", value, former, address)]


def _length(ask: Ask, line: Line) -> float | None:
    (row,) = answered(_of(ask, "visits", {"by": "range"}), line).result.named()
    return None if row["mean_length"] is None else float(row["mean_length"])


def _of(ask: Ask, report: str, params: Mapping[str, Any] | None = None) -> Ask:
    return ask.but(report=catalog.one(report), params=params or {}, view="")


def _at(ask: Ask, span: Span) -> Ask:
    """Give the question of another span."""
    core = ask.dataset.as_core()
    start, end = (datetime.fromtimestamp(ts, core.zoneinfo).strftime("%Y-%m-%dT%H:%M") for ts in (span.low, span.high))
    return ask.but(preset="", start=start, end=end, compare="none")
