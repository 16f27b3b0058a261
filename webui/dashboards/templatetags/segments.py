"""The menu of saved segments, for every page that has filters."""

from typing import Any

from django import template

from webui import access
from webui.dashboards import segments as reading
from webui.reports.ask import Ask

register = template.Library()


@register.inclusion_tag("dashboards/parts/segments.html")
def segment_menu(ask: Ask, request: Any) -> dict[str, Any]:  # noqa: ANN401  # an HttpRequest; absent in some tests
    """Write the menu: each segment as a link to the page itself with the segment's filters, and the way to save one."""
    person = request.user
    own = (set(ask.where), set(ask.users))
    found = [(one, (set(one.where), set(one.users)) == own) for one in reading.of(ask.dataset.name, person)]
    return {
        "ask": ask,
        "here": request.get_full_path(),
        "segments": [
            (one, f"?{ask.but(where=tuple(one.where), users=tuple(one.users)).query()}", chosen)
            for one, chosen in found
        ],
        "chosen": next((one.name for one, chosen in found if chosen), ""),
        "can_save": bool(ask.where or ask.users) and access.may_write_dashboards(person),
    }
