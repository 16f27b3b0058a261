"""Write and read people's notes on a dataset's time axis."""

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from analytics.dataset import local
from webui import access
from webui.dashboards.models import NOTE, Note
from webui.dashboards.texts import line
from webui.servers.services import By, Conflict

if TYPE_CHECKING:
    from webui.access import Person

YEARS = (1971, 2100)  # of a note; reports take no others


def may_change(person: "Person", note: Note) -> bool:
    """Say whether the person may change a note: their own, and as an admin any."""
    own = note.author_id == person.pk or access.role_of(person) is access.Role.ADMIN
    return own and access.may_write_dashboards(person)


def add(by: By, dataset: str, when: str, zone: str, text: str) -> Note:
    """Write a note. when: local time of the dataset's zone. ValidationError names "when" or "text"."""
    access.require_dashboards(by.person)
    ts, said = _checked(when, zone, text)
    name = by.person.get_username()
    with transaction.atomic():
        note = Note.objects.create(dataset=dataset, ts=ts, text=said, author=by.person, author_name=name)
        by.log("note.add", said, dataset=dataset, at=when)
    return note


def change(by: By, note: Note, when: str, zone: str, text: str, seen: int) -> None:
    """Change a note. seen: the version that the person had before them; else Conflict."""
    _require(by, note)
    ts, said = _checked(when, zone, text)
    with transaction.atomic():
        rows = Note.objects.filter(pk=note.pk, version=seen)
        if rows.update(ts=ts, text=said, version=F("version") + 1) != 1:
            raise Conflict(_("Somebody else has changed this note meanwhile."))
        by.log("note.change", said, dataset=note.dataset, at=when)


def delete(by: By, note: Note) -> None:
    """Remove a note."""
    _require(by, note)
    with transaction.atomic():
        by.log("note.delete", note.text, dataset=note.dataset)
        note.delete()


def seconds(when: str, zone: str) -> int:
    """Read a local time; ValidationError where there is none such. Of an hour that comes twice the first is meant."""
    try:
        moment = datetime.fromisoformat(when.strip())
    except ValueError:
        raise ValidationError(_("“%s” is no time; write it as 2017-11-25 18:00.") % when[:60]) from None
    if moment.tzinfo is not None or not YEARS[0] <= moment.year <= YEARS[1]:
        raise ValidationError(
            _("Write a local time of %(zone)s from %(first)d to %(last)d.")
            % {"zone": zone, "first": YEARS[0], "last": YEARS[1]}
        )
    place = ZoneInfo(zone)
    ts = int(moment.replace(tzinfo=place).timestamp())
    if local(ts, place).replace(tzinfo=None) != moment.replace(microsecond=0):
        raise ValidationError(_("In %s the clock skips this time; write one before or after.") % zone)
    return ts


def _checked(when: str, zone: str, text: str) -> tuple[int, str]:
    """Read both; ValidationError names each that is wrong."""
    faults, ts, said = {}, 0, ""
    try:
        ts = seconds(when, zone)
    except ValidationError as error:
        faults["when"] = error
    try:
        said = line(text, NOTE)
    except ValidationError as error:
        faults["text"] = error
    if faults:
        raise ValidationError(faults)
    return ts, said


def _require(by: By, note: Note) -> None:
    access.require_dashboards(by.person)
    if not may_change(by.person, note):
        raise access.NotAllowed(_("Only its author and an admin may change this note."))
