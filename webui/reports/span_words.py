"""The range that an ask means, as days and in words."""

from datetime import date, datetime

from analytics.spans import span_of
from sdk import ParamError
from sdk.report import NotSupported
from webui.reports.ask import Ask


def days_of(ask: Ask) -> tuple[date, date] | None:
    """Give the first and the last local day of what is asked; None where the dataset has no row in it."""
    if not ask.dataset.version:
        return None
    core = ask.dataset.as_core()
    try:
        span = span_of(core, *ask.range)
    except (NotSupported, ParamError):
        return None
    return span.first, datetime.fromtimestamp(span.high - 1, core.zoneinfo).date()
