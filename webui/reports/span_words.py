"""The range that an ask means."""

from datetime import date

from analytics.spans import Span, span_of
from sdk import ParamError
from sdk.report import NotSupported
from webui.reports.ask import Ask


def span_asked(ask: Ask) -> Span | None:
    """Give what is asked; None where it is no range, or the dataset has no row in it."""
    if not ask.dataset.version:
        return None
    try:
        return span_of(ask.dataset.as_core(), *ask.range)
    except (NotSupported, ParamError):
        return None


def days_of(ask: Ask) -> tuple[date, date] | None:
    """Give the first and the last local day of what is asked; None as `span_asked`."""
    span = span_asked(ask)
    return (span.first, span.last_day) if span else None
