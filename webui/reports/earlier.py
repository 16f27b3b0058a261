"""What a chart over time is compared with: the same report, of an earlier range of the same length."""

from analytics.answers import Answer
from analytics.dataset import Dataset
from analytics.spans import Span, shifted
from sdk.report import Chart
from webui.reports.ask import Ask
from webui.reports.span_words import span_asked

OVER_TIME = frozenset({"activity", "trends", "stickiness", "visits", "lost_users", "repurchase"})
BUCKETS = frozenset({"day", "week", "month", "hour"})  # values of `by` along which these reports draw a line
TIMES = frozenset({"day", "week", "month", "hour", "last_day"})


def of(ask: Ask, now: Answer) -> Ask | None:
    """Give the question of the range compared with.

    None where none is wanted, the report is not drawn over time, or the data do not reach back to its beginning.
    """
    chart = now.result.chart
    if not is_compared(ask, chart):
        return None
    span = span_before(ask)
    if span is None:
        return None
    core = ask.dataset.as_core()
    return ask.but(preset="", start=_text(core, span.low), end=_text(core, span.high), compare="none")


def is_offered(ask: Ask) -> bool:
    """Say whether another time would be drawn into what is asked, before it is answered."""
    given = {one.name: ask.params.get(one.name) or one.default for one in ask.report.fields}
    line = given.get("by", "day") in BUCKETS and not given.get("breakdown") and given.get("show", "rate") == "rate"
    return ask.report.name in OVER_TIME and line


def is_compared(ask: Ask, chart: Chart | None) -> bool:
    """Say whether a chart is one that another time can be drawn into."""
    return ask.report.name in OVER_TIME and bool(chart and chart.kind == "line" and chart.x in TIMES and not chart.by)


def span_before(ask: Ask) -> Span | None:
    """Give the span that the asked one is compared with; None as `of`."""
    span = None if ask.compare == "none" else span_asked(ask)
    if span is None:
        return None
    core = ask.dataset.as_core()
    found = shifted(core, span, _days_back(span, ask.compare))
    return found if found.first >= core.first_day else None


def _days_back(span: Span, compare: str) -> int:
    """Give by how many days the span compared with is earlier, as the overview has it."""
    days = max(1, (span.last - span.first).days)
    return -(-days // 7) * 7 if compare == "weekdays" else days


def _text(core: Dataset, ts: int) -> str:
    """Write a second as a range does: a local day where it begins one."""
    day = core.day_of(ts)
    if core.start_of(day) == ts:
        return day.isoformat()
    return core.local(ts).strftime("%Y-%m-%dT%H:%M")
