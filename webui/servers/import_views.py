"""Import servers from a CSV file: what it would do first, then all of it or nothing."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from webui import access
from webui.by import by_of
from webui.forms import OmForm
from webui.servers import uploads
from webui.servers.imports import COLUMNS, MAX_BYTES, Import, apply_import, read_import
from webui.servers.services import Refused

SHOWN = 200  # lines of each kind in the preview


class ImportForm(OmForm):
    """A file, or its text."""

    file = forms.FileField(label=gettext_lazy("CSV file"), required=False)
    text = forms.CharField(
        label=gettext_lazy("or its text"), required=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "placeholder": "name,idc,address,engine,tags"}),
    )  # fmt: skip

    def clean(self) -> dict[str, object]:
        """Ask for one of both."""
        file = self.cleaned_data.get("file")
        content = file.read(MAX_BYTES + 1) if file else self.cleaned_data.get("text", "").encode()
        if not content.strip():
            self.add_error("file", _("Choose a file, or paste its text below."))
        return {**self.cleaned_data, "content": content}


def import_servers(request: HttpRequest) -> HttpResponse:
    """Take a file and show what is new, what changes, and which lines are wrong; nothing is written."""
    access.require_fleet(request.user)
    form = ImportForm(request.POST or None, request.FILES or None)
    context: dict[str, object] = {"form": form, "columns": COLUMNS}
    if request.method == "POST" and form.is_valid():
        content = form.cleaned_data["content"]
        found = read_import(content)
        context |= _preview(found)
        if not found.faults:
            context["token"] = uploads.keep(request.user.pk, content)
    return render(request, "servers/import.html", context)


@require_POST
def apply(request: HttpRequest) -> HttpResponse:
    """Read the kept file once more, against the fleet as it is now, and write it."""
    access.require_fleet(request.user)
    path = uploads.find(request.user.pk, request.POST.get("token", ""))
    if path is None:
        messages.error(request, _("The file is no longer kept; choose it once more."))
        return redirect("server-import")
    found = read_import(path.read_bytes())
    try:
        count = apply_import(by_of(request), found)
    except Refused as error:
        messages.error(request, str(error))
        return render(request, "servers/import.html", {"form": ImportForm(), "columns": COLUMNS, **_preview(found)})
    path.unlink(missing_ok=True)
    messages.success(request, ngettext("%d server is imported.", "%d servers are imported.", count) % count)
    return redirect("servers")


def _preview(found: Import) -> dict[str, object]:
    return {
        "preview": found,
        "shown": SHOWN,
        "faults": found.faults[:SHOWN],
        "new": found.new[:SHOWN],
        "changed": found.changed[:SHOWN],
        "writes": len(found.new) + len(found.changed),
    }
