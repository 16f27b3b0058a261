"""Add, publish, roll back and withdraw versions of modules: one transaction and one audit entry for each act."""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from rpcgate.catalog import MAX_SOURCE, Entry, entry_of, least_account, name_fault
from webui import access, catalog
from webui.modules import delivery
from webui.modules.delivery import Answer
from webui.modules.models import ModuleVersion, Place, Published
from webui.servers.models import Idc, Master
from webui.servers.services import By, Refused

CHECKS = threading.BoundedSemaphore(2)  # at once: each may take five seconds of a processor
WAIT = 15.0  # seconds for one's turn


class Changed(Refused):
    """Somebody has published another version since the person looked. current: its digest."""

    def __init__(self, sentence: str, current: str) -> None:
        super().__init__(sentence)
        self.current = current


@dataclass(frozen=True, slots=True)
class Result:
    """What publishing did: the version, the IDCs' names, and what each master said."""

    version: ModuleVersion
    idcs: tuple[str, ...]
    answers: tuple[Answer, ...]


def judge(name: str, source: bytes) -> Entry:
    """Say what a source would be as a module, its fault in `error`; nothing is stored, and nothing of it runs here.

    Refused where it cannot be judged now.
    """
    if fault := name_fault(name):
        return _faulty(name, source, fault)
    if len(source) > MAX_SOURCE:
        return entry_of(name, source)  # refused by its size alone
    if not CHECKS.acquire(timeout=WAIT):
        raise Refused(_("Other modules are being checked; try again in a moment."))
    try:
        entry = entry_of(name, source, run_as=least_account())
    finally:
        CHECKS.release()
    return entry if entry.error else _without_clash(entry)


def add(by: By, name: str, source: bytes, note: str = "") -> ModuleVersion:
    """Store a version of a module that loads; the same one twice is one. Refused says what is wrong with it."""
    access.require_modules(by.person)
    entry = judge(name, source)
    if entry.error:
        raise Refused(entry.error)
    return _stored(by, entry, note)


def publish(
    by: By, version: ModuleVersion, idcs: Collection[Idc], *, base: str | None = None, verb: str = "module.publish"
) -> Result:
    """Make a version the current one, in these IDCs, and send it to their masters.

    base: the digest that was current when the person looked, "" for none. Changed when it no longer is.
    """
    access.require_modules(by.person)
    if not idcs:
        raise Refused(_("Choose at least one IDC; a module that is published nowhere can run nowhere."))
    names = tuple(sorted(idc.name for idc in idcs))
    with transaction.atomic():
        before = _current(version.name)
        _unchanged(version.name, before, base)
        values = {"version": version, "at": timezone.now(), "by_name": by.person.get_username()}
        Published.objects.update_or_create(name=version.name, defaults=values)
        version.places.exclude(idc__in=idcs).delete()
        for idc in idcs:
            Place.objects.get_or_create(version=version, idc=idc)
        by.log(verb, version.name, digest=version.digest, idcs=list(names), before=before)
    catalog.look_again()
    return Result(version, names, tuple(delivery.deliver(version, masters_in(idcs))))


def roll_back(by: By, name: str, digest: str, *, base: str | None = None) -> Result:
    """Make an older version current again, in the IDCs where the current one is. Refused where it is not stored."""
    access.require_modules(by.person)
    version = find(name, digest)
    now = Published.objects.filter(name=name).select_related("version").first()
    if now is not None and now.version == version:
        raise Refused(_("%s is the current version already.") % version.digest[:8])
    places = (now.version if now else version).places.select_related("idc")
    return publish(by, version, [place.idc for place in places], base=base, verb="module.rollback")


def withdraw(by: By, name: str) -> None:
    """Publish a module no longer: the folder's file counts again, or it is gone. What runs goes on."""
    access.require_modules(by.person)
    with transaction.atomic():
        before = _current(name)
        if not before:
            raise Refused(_("%s is not published.") % name[:80])
        Published.objects.filter(name=name).delete()
        by.log("module.withdraw", name, digest=before)
    catalog.look_again()


def push(by: By, entry: Entry, master: Master) -> Answer:
    """Send the current version of a module to one master, and let that master's IDC have it."""
    access.require_modules(by.person)
    if entry.error:
        raise Refused(entry.error)
    version = ModuleVersion.objects.filter(name=entry.name, digest=entry.digest).first() or _stored(by, entry, "")
    with transaction.atomic():
        Place.objects.get_or_create(version=version, idc_id=master.idc_id)
        by.log("module.push", entry.name, digest=entry.digest, master=master.name)
    return delivery.deliver(version, [master])[0]


def find(name: str, digest: str) -> ModuleVersion:
    """Give the stored version whose digest begins so; Refused where none or several do."""
    found = list(ModuleVersion.objects.filter(name=name, digest__startswith=digest)[:2]) if len(digest) >= 8 else []
    if len(found) != 1:
        raise Refused(
            _("%(name)s has no version %(digest)s; manage.py modules versions %(name)s lists them.")
            % {"name": name[:80], "digest": digest[:64]}
        )
    return found[0]


def masters_in(idcs: Collection[Idc]) -> Sequence[Master]:
    """Give the accepted masters of IDCs."""
    return list(Master.objects.filter(state=Master.State.ACCEPTED, idc__in=idcs))


def _stored(by: By, entry: Entry, note: str) -> ModuleVersion:
    with transaction.atomic():
        version, new = ModuleVersion.objects.get_or_create(
            name=entry.name,
            digest=entry.digest,
            defaults={
                "source": entry.source,
                "created_at": timezone.now(),
                "by": by.person,
                "by_name": by.person.get_username(),
                "risk": entry.risk,
                "note": " ".join(note.split())[:200],
            },
        )
        if new:
            by.log("module.add", entry.name, digest=entry.digest, risk=entry.risk, note=version.note)
    return version


def _current(name: str) -> str:
    """Give the digest that is published now, "" without one; of two at once the second waits here."""
    row = Published.objects.select_for_update().filter(name=name).select_related("version").first()
    return row.version.digest if row else ""


def _unchanged(name: str, now: str, base: str | None) -> None:
    if base is not None and base != now:
        sentence = (
            _("Meanwhile %(name)s was published in version %(digest)s; look at the difference and publish again.")
            if now
            else _("Meanwhile %(name)s was withdrawn; publish again if it shall be there.")
        )
        raise Changed(sentence % {"name": name, "digest": now[:8]}, now)


def _faulty(name: str, source: bytes, fault: str) -> Entry:
    return Entry(name, Path(f"{name}.py"), source=source, error=f"{fault[:1].upper()}{fault[1:]}.")


def _without_clash(entry: Entry) -> Entry:
    """Refuse a number that another module has: which of both is meant by it would depend on their names."""
    others = [one for one in catalog.catalog().entries() if one.name != entry.name and one.number is not None]
    other = next((one for one in others if one.number == entry.number), None)
    if other is None:
        return entry
    line = next((n for n, text in enumerate(entry.source.decode().splitlines(), 1) if "number=" in text), 0)
    where = f", line {line}" if line else ""
    return replace(
        entry,
        error=f"{entry.path.name}{where}: number {entry.number} is that of {other.path.name} already; choose another.",
        error_line=line,
    )
