"""What a person does to datasets: bring rows in, sync, schedule, cancel, retry. Pages and the API do it by these.

Each asks whether the person may, and writes one audit entry. ImportFault says why it cannot be; then nothing changes.
"""

from dataclasses import replace

from django.utils.translation import gettext as _

from analytics import asked, services
from analytics.importing.blocks import ImportFault
from analytics.models import Dataset, ImportRun
from analytics.requests import Request
from webui import access
from webui.datasets import uploads
from webui.datasets.sourcing import Place
from webui.servers.services import By


def bring(by: By, place: Place, request: Request) -> ImportRun:
    """Let a worker import the rows of a place. request: what they mean; where they are is filled in here."""
    access.require_datasets(by.person)
    kept = place.kept if "mysql" in place.kept else {}
    wanted = replace(request, source=kept, password=place.password)
    run = asked.ask(wanted, place.source, place.kept, by.person.get_username())
    by.log("dataset.import", run.dataset.name, rows_from=place.label)
    return run


def sync(by: By, row: Dataset) -> ImportRun:
    """Let a worker read what is new in the dataset's table."""
    access.require_datasets(by.person)
    run = asked.ask_sync(row, by.person.get_username())
    by.log("dataset.sync", row.name)
    return run


def schedule(by: By, row: Dataset, minutes: int) -> None:
    """Sync a dataset by itself every so many minutes, 0 never."""
    access.require_datasets(by.person)
    asked.schedule(row, minutes)
    by.log("dataset.schedule", row.name, minutes=row.sync_minutes)


def cancel(by: By, row: Dataset) -> None:
    """End the import that waits or runs; what it has collected is removed."""
    access.require_datasets(by.person)
    waiting = list(row.runs.filter(state=ImportRun.State.QUEUED).values_list("pk", flat=True))
    if not services.cancel(row):
        raise ImportFault(_("No import is under way any more."))
    by.log("dataset.cancel", row.name)
    for run in row.runs.filter(pk__in=waiting, state=ImportRun.State.CANCELLED):  # one that runs: its worker does it
        uploads.done_with(run)


def retry(by: By, run: ImportRun) -> None:
    """Let a worker take up an import that failed or was cancelled."""
    access.require_datasets(by.person)
    if uploads.is_gone(run):
        raise ImportFault(_("Its uploaded file is not here any more; import it anew."))
    asked.again(run, by.person.get_username())
    by.log("dataset.retry", run.dataset.name, run=run.pk)
