"""The latest day of a range that is not as the same weekday has been, in words, with the tasks near it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics import catalog
from webui.curves.marks import Axis, Mark
from webui.dashboards import cards
from webui.language import sentences
from webui.reports import numbers
from webui.reports.answering import Line, answered
from webui.reports.ask import Ask
from webui.reports.changes import why


@dataclass(frozen=True)
class Flag:
    """What stands in the box. title: "" where no day is flagged; text: the sentences below it; down: views fell.

    others: how many further days are flagged. url: the report. times: of each flagged day, its first second.
    ask, day: of which the tasks near it are looked up.
    """

    title: str
    text: str
    url: str
    down: bool = False
    others: int = 0
    times: tuple[int, ...] = ()
    ask: Ask | None = None
    day: date | None = None

    @cached_property
    def near(self) -> tuple[Mark, ...]:
        """Give the tasks within a day of it.

        Looked up where the page is made: threads that wait for the store live long, and no request of theirs ends, by
        which Django looks after a connection to the database.
        """
        return _near(self.ask, self.day) if self.ask and self.day else ()


def flag(ask: Ask, line: Line) -> Flag:
    """Judge the days of a range. ParamError, NotSupported and StoreError as reports raise them."""
    ask = ask.but(report=catalog.one("anomalies"), params={}, view="")
    rows = answered(ask.but(params={"explain": "views"}), line).result.named()
    flagged = [row for row in rows if row["flagged"]]
    if not flagged:
        return Flag("", _none(rows), ask.url())
    row = flagged[-1]
    day = date.fromisoformat(row["day"])
    return Flag(
        title=_title(day, row),
        text=sentences(_z(row), _why(row)),
        url=ask.url(),
        down=(row["change"] or 0) < 0,
        others=len(flagged) - 1,
        times=tuple(ask.dataset.as_core().start_of(date.fromisoformat(row["day"])) for row in flagged),
        ask=ask,
        day=day,
    )


def _why(row: dict[str, Any]) -> str:
    """Say against what the change is taken apart, and how it came about."""
    text = why(row["why"])
    return _("Against the most usual of them: %s") % text if text else ""


def _title(day: date, row: dict[str, Any]) -> str:
    words = {
        "day": numbers.day(day),
        "change": numbers.percent(abs(row["change"] or 0)),
        "usual": _("a usual %s") % numbers.weekday(day) if row["sure"] else _("the seven days before"),
    }
    if row["change"] is None:
        return _("%(day)s: PV where there usually are none") % words
    if row["change"] < 0:
        return _("%(day)s: PV %(change)s below %(usual)s") % words
    return _("%(day)s: PV %(change)s above %(usual)s") % words


def _z(row: dict[str, Any]) -> str:
    if row["z"] is None:
        return ""
    return _("z %s.") % f"{row['z']:.1f}".replace("-", "−")


def _near(ask: Ask, day: date) -> tuple[Mark, ...]:
    """Give the tasks of the range that began within a day of the flagged one; their letters are those of the page."""
    core, span = ask.dataset.as_core(), cards.span(ask)
    low, high = core.start_of(day - timedelta(1)), core.start_of(day + timedelta(2))
    return tuple(mark for mark in Axis(ask)(span.low, span.high) if mark.kind == "task" and low <= mark.ts < high)


def _none(rows: Sequence[dict[str, Any]]) -> str:
    judged = sum(bool(row["points"]) for row in rows)
    if not judged:
        return _("Too few days lie before these to say which of them are unusual.")
    text = ngettext(
        "None of the %d day that can be judged is unusual.",
        "None of the %d days that can be judged is unusual.",
        judged,
    )
    return text % judged
