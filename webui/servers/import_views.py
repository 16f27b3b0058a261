"""Import servers from a file, an inventory or a master: what it would do first, then all of it or nothing."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from webui import access
from webui.by import by_of
from webui.servers import uploads
from webui.servers.import_forms import FORMS, TITLES, CsvForm, SourceForm, read_kept
from webui.servers.imports import COLUMNS, Import, apply_import
from webui.servers.services import Refused

SHOWN = 200  # lines of each kind in the preview


def import_servers(request: HttpRequest) -> HttpResponse:
    """Take a source and show what is new, what changes, and what cannot be taken; nothing is written."""
    access.require_fleet(request.user)
    source = request.POST.get("source") or request.GET.get("source", "")
    form = FORMS.get(source, CsvForm)(request.POST or None, request.FILES or None)
    context = _around(form)
    if request.method == "POST" and form.is_valid():
        try:
            found = read_kept(form.kept)
        except Refused as error:
            form.add_error(next(iter(form.fields)), str(error))
        else:
            context |= _preview(found)
            if not found.faults:
                context["token"] = uploads.keep(request.user.pk, form.kept)
    return render(request, "servers/import.html", context)


@require_POST
def apply(request: HttpRequest) -> HttpResponse:
    """Read what was kept once more, against the fleet as it is now, and write it."""
    access.require_fleet(request.user)
    path = uploads.find(request.user.pk, request.POST.get("token", ""))
    if path is None:
        messages.error(request, _("The file is no longer kept; choose it once more."))
        return redirect("server-import")
    found = Import()
    try:
        found = read_kept(path.read_bytes())
        count = apply_import(by_of(request), found)
    except Refused as error:
        messages.error(request, str(error))
        return render(request, "servers/import.html", {**_around(CsvForm()), **_preview(found)})
    path.unlink(missing_ok=True)
    messages.success(request, ngettext("%d server is imported.", "%d servers are imported.", count) % count)
    return redirect("servers")


def _around(form: SourceForm) -> dict[str, object]:
    base = reverse("server-import")
    sources = [(title, f"{base}?source={name}", name == form.source) for name, title in TITLES.items()]
    return {"form": form, "source": form.source, "sources": sources, "columns": COLUMNS}


def _preview(found: Import) -> dict[str, object]:
    return {
        "preview": found,
        "shown": SHOWN,
        "faults": found.faults[:SHOWN],
        "new": found.new[:SHOWN],
        "changed": found.changed[:SHOWN],
        "left": found.left[:SHOWN],
        "writes": len(found.new) + len(found.changed),
    }
