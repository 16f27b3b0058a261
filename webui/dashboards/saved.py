"""Keep a report's question under a name of one's own, and find it again; nobody else sees it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from analytics import catalog
from webui import access
from webui.dashboards.models import SavedReport
from webui.dashboards.texts import line
from webui.reports.ask import Ask
from webui.reports.words import title_of
from webui.servers.services import By, Refused

if TYPE_CHECKING:
    from webui.access import Person

NAME, QUERY = 60, 8000  # characters
EACH = 200  # of a person


@dataclass(frozen=True, slots=True)
class Kept:
    """A saved question as the list of reports shows it. url: "" where its report is not here any more."""

    row: SavedReport
    title: str
    url: str


def save(by: By, name: str, ask: Ask) -> SavedReport:
    """Keep a question. ValidationError where the name is none; Refused where it is taken, or there are too many."""
    access.require_dashboards(by.person)
    name, query = line(name, NAME), ask.query()
    if len(query) > QUERY:
        raise Refused(_("This question is too long to be saved; leave out some filters."))
    if SavedReport.objects.filter(owner=by.person).count() >= EACH:
        raise Refused(_("You have saved %s reports already; remove one that you do not need.") % EACH)
    try:
        with transaction.atomic():
            row = SavedReport.objects.create(
                owner=by.person, name=name, report=ask.report.name, dataset=ask.dataset.name, query=query
            )
            by.log("report.save", name, report=row.report, dataset=row.dataset)
    except IntegrityError:
        raise Refused(_("You have saved a report as %s already; choose another name.") % name) from None
    return row


def remove(by: By, row: SavedReport) -> None:
    """Forget a question."""
    with transaction.atomic():
        by.log("report.forget", row.name, report=row.report)
        row.delete()


def of(person: "Person") -> list[Kept]:
    """Give what a person has saved, by name. One query."""
    return [_kept(row) for row in SavedReport.objects.filter(owner=person.pk)]


def _kept(row: SavedReport) -> Kept:
    try:
        report = catalog.one(row.report)
    except LookupError:
        return Kept(row, row.report, "")
    return Kept(row, title_of(report), f"{reverse('report', args=[row.report])}?{row.query}")
