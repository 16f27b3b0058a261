"""The bar above a page of numbers: which days, compared with which, as links that keep everything else."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from analytics.spans import span_of
from sdk import ParamError
from sdk.report import NotSupported
from webui.language import sentences
from webui.reports import numbers
from webui.reports.ask import Ask
from webui.reports.earlier import is_offered, span_before
from webui.reports.said import fault, why
from webui.reports.span_words import days_of, span_asked

PRESETS = {
    "today": gettext_lazy("Today"),
    "7d": gettext_lazy("7 days"),
    "14d": gettext_lazy("14 days"),
    "28d": gettext_lazy("28 days"),
    "90d": gettext_lazy("90 days"),
    "all": gettext_lazy("All"),
}
OWN = ("range", "from", "to", "last")


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose: its word, the address that chooses it, whether it is chosen. note: its days."""

    name: str
    word: str
    url: str
    current: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar of a page. first, last: the days chosen; low, high: those that may be. kept: what a form must carry on.

    trouble: why no days can be named.
    """

    presets: list[Choice]
    compares: list[Choice]
    words: str
    compared: str
    kept: list[tuple[str, str]]
    first: date | None
    last: date | None
    low: date | None
    high: date | None
    trouble: str = ""


def bar(ask: Ask) -> Bar:
    """Make the bar of what a page asks. Its links are relative: they lead to the page itself."""
    core = ask.dataset.as_core()
    days = days_of(ask)
    return Bar(
        presets=[
            Choice(name, str(word), _link(ask.but(preset=name, start="", end="")), ask.preset == name)
            for name, word in PRESETS.items()
        ],
        compares=_compares(ask),
        words=range_words(ask),
        compared=_compared(ask, ask.compare),
        kept=[pair for pair in ask.pairs() if pair[0] not in OWN],
        first=days[0] if days else None,
        last=days[1] if days else None,
        low=core.first_day if core.version else None,
        high=core.end_day - timedelta(1) if core.version else None,
        trouble=_trouble(ask),
    )


def range_words(ask: Ask) -> str:
    """Say the days: 6 Nov to 19 Nov; with times where the range has them."""
    days = days_of(ask)
    if days is None:
        return _("no data")
    if "T" in ask.start or "T" in ask.end or " " in ask.start + ask.end:
        return _("%(first)s to %(last)s") % {"first": _moment(ask.start, days[0]), "last": _moment(ask.end, days[1])}
    return numbers.day(days[0]) if days[0] == days[1] else numbers.days(*days)


def _moment(text: str, default: date) -> str:
    try:
        return numbers.day(datetime.fromisoformat(text) if len(text) > 10 else date.fromisoformat(text))
    except ValueError:
        return numbers.day(default)


def _compares(ask: Ask) -> list[Choice]:
    """Give what can be compared with; nothing where what is asked is compared with no other time."""
    span = span_asked(ask)
    if span is None or (ask.report.name != "overview" and not is_offered(ask)):
        return []
    count = max(1, (span.last - span.first).days)
    words = {
        "previous": ngettext("the day before", "the %(n)d days before", count) % {"n": count},
        "weekdays": _("the same weekdays before"),
        "none": pgettext("a choice", "nothing"),
    }
    return [
        Choice(name, word, _link(ask.but(compare=name)), ask.compare == name, _compared(ask, name))
        for name, word in words.items()
    ]


def _compared(ask: Ask, compare: str) -> str:
    """Say the days compared with; "" for none."""
    if compare == "none" or span_asked(ask) is None:
        return ""
    found = span_before(ask.but(compare=compare))
    return numbers.days(found.first, found.last_day) if found else _("no earlier data")


def _trouble(ask: Ask) -> str:
    if not ask.dataset.version:
        return ""
    try:
        span_of(ask.dataset.as_core(), *ask.range)
    except NotSupported as error:
        return why(error)
    except ParamError as error:
        return sentences(*map(fault, error.faults.values()))
    return ""


def _link(ask: Ask) -> str:
    return f"?{ask.query()}"
