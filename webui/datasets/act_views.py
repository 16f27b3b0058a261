"""What an admin does to a dataset: sync, schedule, cancel, retry, remove. Each is a POST that says what came of it."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from analytics import people
from analytics import services as imports
from analytics.connected import connected
from analytics.importing.blocks import ImportFault
from analytics.models import Dataset
from analytics.store.errors import StoreError
from webui import access
from webui.audit.services import record
from webui.by import by_of, source_of
from webui.datasets import services, uploads, words

Act = Callable[..., str]


def act(work: Act) -> Callable[..., HttpResponse]:
    """Make a view of an act: an admin's POST; its sentence, or why it cannot be, stands on the dataset's page."""

    @require_POST
    @wraps(work)
    def view(request: HttpRequest, name: str, **more: int) -> HttpResponse:
        access.require_datasets(request.user)
        row = get_object_or_404(Dataset, name=name)
        try:
            said = work(request, row, **more)
        except (ImportFault, StoreError) as fault:
            messages.error(request, words.fault(fault))
        else:
            messages.success(request, said)
        return redirect("dataset", name) if Dataset.objects.filter(name=name).exists() else redirect("datasets")

    return view


@act
def sync(request: HttpRequest, row: Dataset) -> str:
    """Read what is new in the dataset's table."""
    services.sync(by_of(request), row)
    return _("A sync is asked for; it begins when a worker is free.")


@act
def schedule(request: HttpRequest, row: Dataset) -> str:
    """Sync by itself now and then, or never."""
    text = request.POST.get("minutes", "")
    minutes = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else -1
    services.schedule(by_of(request), row, minutes)
    if not row.sync_minutes:
        return _("It is not synced by itself any more.")
    number = row.sync_minutes
    return ngettext("It is synced every %d minute.", "It is synced every %d minutes.", number) % number


@act
def cancel(request: HttpRequest, row: Dataset) -> str:
    """End the import that waits or runs."""
    services.cancel(by_of(request), row)
    if not any(run.open for run in row.runs.all()[:2]):
        return _("The import is cancelled; it had not begun.")
    return _("The import ends after the piece it is in; what it has collected is removed.")


@act
def retry(request: HttpRequest, row: Dataset, run: int) -> str:
    """Take up an import that failed or was cancelled."""
    services.retry(by_of(request), get_object_or_404(row.runs, pk=run))
    return _("The import is taken up again; it goes on where it stopped, if its source can.")


@act
def remove_people(request: HttpRequest, row: Dataset) -> str:
    """Remove the users table."""
    people.remove_people(connected(), row)
    _note(request, "dataset.people-remove", row)
    return _("The users table of %s is removed; who is new is told by first events again.") % row.name


@act
def remove(request: HttpRequest, row: Dataset) -> str:
    """Remove a dataset with its rows; its name must be typed."""
    if request.POST.get("typed", "").strip() != row.name:
        raise ImportFault(_("Type %s to remove it.") % row.name)
    runs = list(row.runs.all())
    name = row.name
    imports.remove(connected(), row)
    _note(request, "dataset.remove", Dataset(name=name))
    for run in runs:
        uploads.done_with(run)
    return _("%s and its rows are removed.") % name


def _note(request: HttpRequest, verb: str, row: Dataset) -> None:
    record(request.user, source_of(request), verb, row.name)
