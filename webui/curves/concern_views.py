"""The page on which a person says which tasks concern a dataset."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from analytics.models import Dataset
from webui import access
from webui.by import by_of
from webui.curves import concern, marks, services
from webui.curves.forms import ConcernForm, initial
from webui.forms import differing
from webui.reports import numbers
from webui.servers.services import Conflict, Refused

SHOWN = 12  # of the tasks that concern it, the largest


@require_http_methods(["GET", "POST"])
def concerns(request: HttpRequest, name: str) -> HttpResponse:
    """Show which tasks concern a dataset, with those of its days; a POST changes it."""
    row = get_object_or_404(Dataset, name=name)
    if request.method == "POST":
        access.require_dashboards(request.user)
    now = concern.of(row)
    form = ConcernForm(request.POST or None, initial={**initial(now), "seen": now.mark})
    more: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        try:
            services.set_concern(by_of(request), row, form.concern, form.cleaned_data["seen"])
        except Conflict as error:
            row.refresh_from_db()
            there = concern.of(row)
            rows = differing(ConcernForm(initial=initial(there)), form)
            more = {"why": str(error), "rows": rows, "seen": there.mark}
        except Refused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Saved: %s are marked.") % concern.said(form.concern))
            return redirect("dataset-concern", name)
    context = {"row": row, "form": form, "may_write": access.may_write_dashboards(request.user), **_tasks(row)}
    return render(request, "curves/concern.html", context | more, status=409 if more else 200)


def _tasks(row: Dataset) -> dict[str, Any]:
    """Give what the setting means now: in the days of the data."""
    if not row.version:
        return {"rule": concern.said(concern.of(row)), "lines": []}
    core = row.as_core()
    found = marks.on(row, row.first_ts, core.end)
    tasks = [mark for mark in found if mark.kind == "task"]
    return {
        "rule": concern.said(concern.of(row)),
        "found": found,
        "lines": [{"mark": mark, "when": numbers.moment(core, mark.ts)} for mark in tasks[-SHOWN:]],
    }
