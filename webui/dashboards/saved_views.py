"""Save a report under a name of one's own, and remove it again."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from sdk import ParamError
from webui import access
from webui.by import by_of
from webui.dashboards import saved
from webui.dashboards.models import SavedReport
from webui.language import sentences
from webui.reports import ask as asking
from webui.reports.said import fault
from webui.servers.services import Refused


@require_POST
def save(request: HttpRequest, report: str) -> HttpResponse:
    """Keep the question of query= under name=; what came of it stands on the report's page."""
    access.require_dashboards(request.user)
    try:
        ask = asking.read(report, QueryDict(request.POST.get("query", "")[: saved.QUERY + 1]))
    except ParamError as error:
        messages.error(request, sentences(*map(fault, error.faults.values())))
        return redirect("report", report)
    try:
        row = saved.save(by_of(request), request.POST.get("name", ""), ask)
    except (Refused, ValidationError) as error:
        messages.error(request, sentences(*error.messages) if isinstance(error, ValidationError) else str(error))
    else:
        messages.success(request, _("Saved as %s; you find it under Reports.") % row.name)
    return redirect(ask.url())


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget one of the person's own."""
    row = get_object_or_404(SavedReport, pk=pk, owner=request.user.pk)
    saved.remove(by_of(request), row)
    messages.success(request, _("%s is removed from the saved reports.") % row.name)
    return redirect("reports")
