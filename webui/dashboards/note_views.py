"""The pages of notes: all of a dataset, add, change and delete."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from analytics.models import Dataset
from webui import access
from webui.by import by_of
from webui.dashboards import notes as writing
from webui.dashboards.forms import NoteForm
from webui.dashboards.models import Note
from webui.reports import numbers
from webui.servers.forms import add_errors
from webui.servers.services import Conflict

SHOWN = 500  # notes of one page, the latest


@require_GET
def notes(request: HttpRequest, dataset: str) -> HttpResponse:
    """List the notes of a dataset, the latest first."""
    found = get_object_or_404(Dataset, name=dataset)
    core = found.as_core()
    rows = Note.objects.filter(dataset=found.name).order_by("-ts", "-pk")[:SHOWN]
    lines = [
        {"note": note, "when": numbers.moment(core, note.ts), "can_change": writing.may_change(request.user, note)}
        for note in rows
    ]
    context = {"dataset": found, "notes": lines, "can_write": access.may_write_dashboards(request.user)}
    return render(request, "dashboards/notes.html", context)


def add(request: HttpRequest, dataset: str) -> HttpResponse:
    """Write a note."""
    access.require_dashboards(request.user)
    found = get_object_or_404(Dataset, name=dataset)
    last = found.as_core().local(found.last_ts) if found.version else None
    form = NoteForm(found.zone, request.POST or None, initial={"when": f"{last:%Y-%m-%dT%H:%M}" if last else ""})
    if request.method == "POST" and form.is_valid():
        try:
            writing.add(by_of(request), found.name, form.cleaned_data["when"], found.zone, form.cleaned_data["text"])
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("The note is on the curves now."))
            return redirect(way_back(request, reverse("notes", args=[found.name])))
    return render(request, "dashboards/note_form.html", {"form": form, "dataset": found, "back": _back(request, found)})


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a note; where somebody else changed it meanwhile, show both and ask."""
    note = get_object_or_404(Note, pk=pk)
    found = get_object_or_404(Dataset, name=note.dataset)
    if not writing.may_change(request.user, note):
        raise access.NotAllowed(_("Only its author and an admin may change this note."))
    plain = {"when": f"{found.as_core().local(note.ts):%Y-%m-%dT%H:%M}", "text": note.text, "seen": note.version}
    form = NoteForm(found.zone, request.POST or None, initial=plain)
    context = {"form": form, "dataset": found, "note": note, "back": _back(request, found)}
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            writing.change(by_of(request), note, typed["when"], found.zone, typed["text"], typed["seen"] or 0)
        except Conflict as error:
            rows = [
                (_("Time"), plain["when"], typed["when"]),
                (pgettext("on a curve", "Note"), note.text, typed["text"]),
            ]
            context |= {"why": str(error), "rows": rows, "seen": note.version}
            return render(request, "dashboards/note_form.html", context, status=409)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("The note is changed."))
            return redirect(way_back(request, reverse("notes", args=[found.name])))
    return render(request, "dashboards/note_form.html", context)


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a note."""
    note = get_object_or_404(Note, pk=pk)
    writing.delete(by_of(request), note)
    messages.success(request, _("The note is deleted."))
    return redirect(way_back(request, reverse("notes", args=[note.dataset])))


def way_back(request: HttpRequest, usual: str) -> str:
    """Give the page that a form was opened from, where it is one of ours; else the usual one."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    return wanted if ours else usual


def _back(request: HttpRequest, dataset: Dataset) -> str:
    return way_back(request, reverse("notes", args=[dataset.name]))
