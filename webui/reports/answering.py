"""Answer what a page asks, by the store and the cache of answers.

Every failure becomes a Trouble: a small value with the sentence that the card shows.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from analytics import asking
from analytics.answers import Answer, Cache, answer, parsed
from analytics.store.errors import StoreAwayError, StoreError, StoreLimitError
from analytics.store.lines import Line
from sdk import ParamError
from sdk.report import NotSupported
from webui.language import sentences
from webui.reports import earlier
from webui.reports.ask import Ask
from webui.reports.said import fault, why
from webui.reports.words import label_word


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer. sentence: the cause; effect: what it means for the rest; again: whether to try again.

    faults: what is wrong with which parameter.
    """

    status: int
    title: str
    sentence: str
    effect: str = ""
    again: bool = False
    faults: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """An answer, the one it is compared with (None where there is none), and what a special page adds."""

    answer: Answer
    before: Answer | None = None
    before_ask: Ask | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def answered(ask: Ask, line: Line) -> Answer:
    """Answer one question; raises what analytics.answers.answer does."""
    if not ask.dataset.version:
        raise NotSupported(_("%s has no rows yet") % ask.dataset.name)
    cache = Cache(settings.HOME / "analytics" / "answers")
    given = answer(line, ask.dataset.as_core(), ask.report, ask.raw, now=time.time(), cache=cache)
    return _viewed(ask, given)


def _viewed(ask: Ask, given: Answer) -> Answer:
    """Leave those lines in the chart that the view names; the numbers stay, so that the cache keeps one answer."""
    chart, names = given.result.chart, frozenset(ask.view.split(","))
    if chart is None or chart.kind != "line" or not names <= set(chart.y):
        return given
    shown = replace(chart, y=tuple(name for name in chart.y if name in names))
    return replace(given, result=replace(given.result, chart=shown))


def found(ask: Ask, line: Line) -> Found | Trouble:
    """Answer a card: the question itself, what it is compared with, what its special page needs. GoneError as Line."""
    try:
        now = answered(ask, line)
        before_ask = earlier.of(ask, now)
        more = special(ask.report.name)
        return Found(
            answer=now,
            before=_before(before_ask, line) if before_ask else None,
            before_ask=before_ask,
            more=more(ask, now, lambda other: answered(other, line)) if more else {},
        )
    except (ParamError, NotSupported, StoreError) as error:
        return trouble(error)


def _before(ask: Ask, line: Line) -> Answer | None:
    """Answer what is compared with; None where the data cannot, for the answer itself stands without it."""
    try:
        return answered(ask, line)
    except (NotSupported, ParamError):
        return None


def users(ask: Ask, line: Line, limit: int) -> list[Any] | Trouble:
    """Give the users behind a number of a report, at most `limit`."""
    try:
        if ask.report.users is None:
            raise NotSupported(_("this report has no lists of users"))
        core = ask.dataset.as_core()
        params = parsed(ask.report, ask.raw)
        data = asking.Data(line, core)
        data.need(*ask.report.declaration.needs)
        return list(ask.report.users(data, params, dict(ask.at), limit))
    except (ParamError, NotSupported, StoreError) as error:
        return trouble(error)


def special(name: str) -> Callable[..., Mapping[str, Any]] | None:
    """Give the `context` of a report's special page; None where it has none. See webui/reports/special."""
    if find_spec(f"webui.reports.special.{name}") is None:
        return None
    return getattr(import_module(f"webui.reports.special.{name}"), "context", None)


def trouble(error: Exception) -> Trouble:
    """Say why there is no answer."""
    match error:
        case ParamError():
            faults = {name: fault(text) for name, text in error.faults.items()}
            words = sentences(*(_labelled(name, text) for name, text in faults.items()))
            return Trouble(400, _("This cannot be asked"), words, faults=faults)
        case NotSupported():
            return Trouble(200, _("The data cannot say this"), why(error))
        case StoreAwayError():
            return Trouble(
                503,
                _("The analytics store does not answer"),
                why(error),
                effect=_("Tasks are not affected."),
                again=True,
            )
        case StoreLimitError():
            return Trouble(200, _("This is too much at once"), why(error), again=True)
        case _:
            return Trouble(502, _("The store refused the question"), why(error), again=True)


def _labelled(name: str, text: str) -> str:
    return _("%(field)s: %(fault)s") % {"field": label_word(name), "fault": text} if name else text
