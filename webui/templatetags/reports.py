"""What every page of numbers has above it."""

from typing import Any

from django import template

from webui.reports import filters
from webui.reports.ask import Ask
from webui.reports.range_bar import bar

register = template.Library()


@register.inclusion_tag("reports/parts/range_bar.html", takes_context=True)
def range_bar(context: Any, ask: Ask) -> dict[str, Any]:  # noqa: ANN401  # a template context
    """Write the bar of range, comparison and filters; its links and forms lead to the page itself."""
    core = ask.dataset.as_core()
    return {
        "request": context.get("request"),
        "bar": bar(ask),
        "ask": ask,
        "chips": filters.chips(ask),
        "fields": filters.fields(core),
        "signs": filters.SIGNS,
        "behaviours": filters.behaviours(core),
        "kept": [pair for pair in ask.pairs() if not pair[0].startswith("at.")],
    }
