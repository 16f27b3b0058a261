"""Write and read segments: filters and rules under a name."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, QueryDict
from django.utils.translation import gettext as _

from analytics import clauses
from analytics.clauses import Clause
from analytics.models import Dataset
from sdk import ParamError
from webui import access
from webui.dashboards.content import words
from webui.dashboards.models import Segment
from webui.dashboards.texts import line
from webui.reports.said import fault
from webui.servers.services import By

if TYPE_CHECKING:
    from webui.access import Person

NAME = 60  # characters
EACH = 200  # of a dataset


def of(dataset: str, person: "Person") -> QuerySet[Segment]:
    """Give the segments of a dataset that a person may use: their own and the shared ones."""
    found = Segment.objects.filter(dataset=dataset).select_related("owner")
    if access.role_of(person) is access.Role.ADMIN:
        return found
    return found.filter(Q(shared=True) | Q(owner=person.pk))


def named(dataset: str, person: "Person", text: str) -> Segment | None:
    """Give a segment by its number or its name, the person's own first; None where there is none they may use."""
    there = of(dataset, person)
    found = there.filter(pk=int(text)).first() if text.isascii() and text.isdecimal() and len(text) < 19 else None
    return found or there.filter(name=text, owner=person.pk).first() or there.filter(name=text).first()


def asked(request: HttpRequest, dataset: str = "") -> QueryDict | None:
    """Give a page's query with segment= replaced by what it stands for, so that the address says all itself.

    None where it names none. dataset: where the address names none. Http404 where there is none that the person may
    use.
    """
    query = request.GET
    if not query.get("segment"):
        return None
    found = named(query.get("d") or dataset, request.user, query["segment"])
    if found is None:
        raise Http404(_("There is no such segment, or its owner has not shared it."))
    return put(query, found)


def put(query: QueryDict, segment: Segment) -> QueryDict:
    """Give a query with a segment's filters and rules instead of its own."""
    query = query.copy()
    for name in ("segment", "page"):
        query.pop(name, None)
    query["d"] = segment.dataset
    query.setlist("where", segment.where)
    query.setlist("users", segment.users)
    return query


def may_change(person: "Person", segment: Segment) -> bool:
    """Say whether the person may change a segment: their own, and as an admin any."""
    own = segment.owner_id == person.pk or access.role_of(person) is access.Role.ADMIN
    return own and access.may_write_dashboards(person)


def save(
    by: By, dataset: str, name: str, where: Sequence[str], users: Sequence[str], *, shared: bool = True
) -> Segment:
    """Keep filters and rules under a name of the person's own. ValidationError where it cannot be stored."""
    access.require_dashboards(by.person)
    segment = Segment(dataset=dataset, name=line(name, NAME), owner=by.person, shared=shared)
    segment.where, segment.users = list(words(tuple(where))), list(words(tuple(users)))
    if not segment.where and not segment.users:
        raise ValidationError(_("There is no filter and no rule to keep; choose some first."))
    _readable(dataset, segment)
    if Segment.objects.filter(dataset=dataset).count() >= EACH:
        raise ValidationError(_("A dataset has at most %d segments; remove one first.") % EACH)
    try:
        with transaction.atomic():
            segment.save()
            by.log("segment.add", segment.name, dataset=dataset, where=segment.where, users=segment.users)
    except IntegrityError as error:
        raise ValidationError(_("You have a segment of this name already; choose another name.")) from error
    return segment


def share(by: By, segment: Segment, *, shared: bool) -> None:
    """Let everybody use a segment, or only its owner."""
    _require(by, segment)
    with transaction.atomic():
        Segment.objects.filter(pk=segment.pk).update(shared=shared)
        by.log("segment.share", segment.name, dataset=segment.dataset, shared=shared)


def delete(by: By, segment: Segment) -> None:
    """Remove a segment; addresses and dashboards that it was chosen on hold its filters themselves."""
    _require(by, segment)
    with transaction.atomic():
        by.log("segment.delete", segment.name, dataset=segment.dataset)
        segment.delete()


def _readable(name: str, segment: Segment) -> None:
    """See that every filter and rule can be read of the dataset; ValidationError says which one cannot."""
    core = Dataset.objects.get(name=name).as_core()
    try:
        clauses.filters(core, segment.where)
        clauses.segment(core, segment.users, "event", Clause("1"))
    except ParamError as error:
        raise ValidationError([fault(text) for text in error.faults.values()]) from error


def _require(by: By, segment: Segment) -> None:
    access.require_dashboards(by.person)
    if not may_change(by.person, segment):
        raise access.NotAllowed(_("Only its owner and an admin may change this segment."))
