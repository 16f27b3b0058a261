"""What cards say of alerts."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from webui import access
from webui.alerts.offers import offered
from webui.reports.ask import Ask

register = template.Library()


@register.simple_tag(takes_context=True)
def alert_offer(context: Any, ask: Ask) -> SafeString:  # noqa: ANN401  # a template context
    """Write the link to an alert on what a card shows, for who may set one; nothing where none could watch it."""
    url, request = offered(ask), context.get("request")
    if not url or request is None or not access.may_write_dashboards(request.user):
        return SafeString("")
    return format_html('<a href="{}">{}</a>', url, _("Set an alert"))
