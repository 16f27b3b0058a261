"""Write IDCs, masters, servers and groups: one transaction and one audit entry for each act."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, QuerySet
from django.utils.translation import gettext as _

from rpcgate.keys import KeysError, MasterPublic, read_master_bundle
from webui import access
from webui.audit.services import record
from webui.servers.models import Engine, Group, Idc, Master, Server, Tag
from webui.servers.selectors import SelectorError, condition

if TYPE_CHECKING:
    from webui.access import Person

# As the master checks them: both may end in the argv of an engine's program, where they must never be an option.
ADDRESS = re.compile(r"(?!-)[A-Za-z0-9._:%\[\]-]*")
PORT_IN_ADDRESS = re.compile(r"[^:]+:\d+|\[.*\]:\d+")  # one colon: an IPv6 address has more
USER = re.compile(r"(?!-)[A-Za-z0-9._@\\$-]*")


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, and from where: "web 10.0.0.7", "command line", "api"."""

    person: "Person"
    source: str

    def log(self, verb: str, subject: str, **detail: object) -> None:
        """Write the audit entry of an act."""
        record(self.person, self.source, verb, subject, **detail)


class Refused(ValueError):
    """The act is not possible as asked. The text is one sentence for a person; nothing was changed."""


class Conflict(Refused):
    """Somebody saved another version meanwhile. Show both and ask; nothing was changed."""


def save_server(by: By, server: Server, tags: Mapping[str, str] | None = None) -> Server:
    """Add or change one server, and replace its tags where they are given.

    ValidationError names the fields that are wrong; NotAllowed when the person may not.
    """
    access.require_fleet(by.person)
    check_texts(server)
    check_engines(server)
    adding = server.pk is None
    with _atomic_once():
        server.full_clean()
        server.save()
        if tags is not None:
            replace_tags(server, tags)
        by.log("server.add" if adding else "server.change", server.name, idc=server.idc.name, engine=server.engine)
    return server


@contextmanager
def _atomic_once() -> Iterator[None]:
    """Open a transaction for a row with a unique name; of two added at once, the second is a ValidationError too."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise ValidationError({"name": _("This name has just been taken.")}) from error


def check_texts(server: Server) -> None:
    """Refuse, with a ValidationError, what a master would refuse, and characters that a terminal or a page obeys."""
    faults = {}
    if PORT_IN_ADDRESS.fullmatch(server.address):
        faults["address"] = _("An address holds no port; write the port into its own field.")
    elif not ADDRESS.fullmatch(server.address):
        faults["address"] = _("Write an IP address or a host name.")
    if not USER.fullmatch(server.user):
        faults["user"] = _("Write the name of an account: letters, digits, . _ - @")
    for name in ("category", "application"):
        if not getattr(server, name).isprintable():
            faults[name] = _("Leave out line breaks and control characters.")
    if faults:
        raise ValidationError(faults)


def check_engines(server: Server) -> None:
    """Refuse an engine and fallbacks that are none, with a ValidationError that names those there are."""
    known = ", ".join(name for name in Engine.values if name != Engine.FAKE)
    if server.engine not in Engine.values:
        words = {"name": server.engine[:40], "known": known}
        raise ValidationError({"engine": _("%(name)s is no engine; write one of %(known)s.") % words})
    unknown = [name for name in server.fallbacks if name not in Engine.values]
    if unknown:
        words = {"name": unknown[0], "known": known}
        raise ValidationError({"fallbacks": _("%(name)s is no engine; write some of %(known)s.") % words})


def replace_tags(server: Server, tags: Mapping[str, str]) -> None:
    """Make `tags` the server's tags."""
    rows = [Tag(server=server, key=key, value=value) for key, value in tags.items()]
    for row in rows:
        row.clean_fields(exclude=["server"])
    server.tags.all().delete()
    Tag.objects.bulk_create(rows)


def delete_servers(by: By, servers: QuerySet[Server]) -> int:
    """Remove servers from the inventory; results of old tasks keep their names. Returns how many."""
    access.require_fleet(by.person)
    with transaction.atomic():
        names = list(servers.values_list("name", flat=True))
        Server.objects.filter(name__in=names).delete()
        by.log("server.delete", _few(names), count=len(names))
    return len(names)


def tag_servers(by: By, servers: QuerySet[Server], add: Mapping[str, str], remove: Iterable[str] = ()) -> int:
    """Set and remove tags on servers. Returns how many servers it was done to; ValidationError for a bad key."""
    access.require_fleet(by.person)
    for key, value in add.items():
        Tag(key=key, value=value).clean_fields(exclude=["server"])
    with transaction.atomic():
        rows = list(servers)
        Tag.objects.filter(server__in=rows, key__in=[*add, *remove]).delete()
        Tag.objects.bulk_create([Tag(server=row, key=key, value=value) for row in rows for key, value in add.items()])
        by.log("server.tag", _few([row.name for row in rows]), add=dict(add), remove=list(remove), count=len(rows))
    return len(rows)


def set_maintenance(by: By, servers: QuerySet[Server], until: datetime | None, reason: str = "") -> int:
    """Leave servers out of tasks until a time; None ends it. Returns how many."""
    access.require_fleet(by.person)
    with transaction.atomic():
        names = list(servers.values_list("name", flat=True))
        Server.objects.filter(name__in=names).update(maintenance_until=until, maintenance_reason=reason[:200])
        by.log("server.maintenance", _few(names), until=until.isoformat() if until else None, count=len(names))
    return len(names)


def move_servers(by: By, servers: QuerySet[Server], idc: Idc) -> int:
    """Put servers into another IDC. Returns how many."""
    access.require_fleet(by.person)
    with transaction.atomic():
        names = list(servers.values_list("name", flat=True))
        Server.objects.filter(name__in=names).update(idc=idc)
        by.log("server.move", _few(names), idc=idc.name, count=len(names))
    return len(names)


def add_idc(by: By, name: str, title: str = "") -> Idc:
    """Add an IDC; ValidationError for a bad or taken name."""
    access.require_fleet(by.person)
    idc = Idc(name=name, title=title)
    with _atomic_once():
        idc.full_clean()
        idc.save()
        by.log("idc.add", name)
    return idc


def delete_idc(by: By, idc: Idc) -> None:
    """Remove an empty IDC; Refused while it has servers or masters."""
    access.require_fleet(by.person)
    with transaction.atomic():
        try:
            idc.delete()
        except ProtectedError as error:
            raise Refused(_("IDC %s still has servers or masters; move or remove them first.") % idc.name) from error
        by.log("idc.delete", idc.name)


def read_offer(text: str) -> MasterPublic:
    """Read a master's bundle so that its fingerprint can be compared; Refused when it is none."""
    try:
        return read_master_bundle(text)
    except KeysError as error:
        raise Refused(_("This is no bundle of a master: %s") % error) from error


def accept_master(by: By, bundle: str, idc: Idc, address: str, port: int) -> Master:
    """Trust a master with work. The caller has shown its fingerprint to a person, or made the master itself.

    A known master may bring a new sealing key (it rotated); other keys only after it was retired, else Refused.
    """
    access.require_fleet(by.person)
    public = read_offer(bundle)
    if not address or not ADDRESS.fullmatch(address):
        raise ValidationError({"address": _("Write an IP address or a host name.")})
    with _atomic_once():
        known = Master.objects.select_for_update().filter(name=public.name).first()
        if known and known.state == Master.State.ACCEPTED and not same_master(known, public):
            raise Refused(_("There is a master %s with other keys; retire it first.") % public.name)
        master = known or Master(name=public.name)
        master.idc, master.address, master.port = idc, address, port
        master.bundle, master.fingerprint, master.state = bundle, public.fingerprint, Master.State.ACCEPTED
        master.full_clean()
        master.save()
        by.log("master.accept", master.name, idc=idc.name, address=f"{address}:{port}", fingerprint=public.fingerprint)
    return master


def same_master(known: Master, public: MasterPublic) -> bool:
    """Say whether a bundle comes from the master that was accepted: its signing key and certificate are the same."""
    old = read_master_bundle(known.bundle)
    return (old.sign, old.tls) == (public.sign, public.tls)


def retire_master(by: By, master: Master) -> None:
    """Give a master no more work; what it runs is still listened to until it ends."""
    access.require_fleet(by.person)
    with transaction.atomic():
        Master.objects.filter(pk=master.pk).update(state=Master.State.RETIRED)
        by.log("master.retire", master.name)


def save_group(by: By, group: Group) -> Group:
    """Add or change a saved selector; ValidationError when name or selector is not sound."""
    access.require_fleet(by.person)
    try:
        condition(group.selector, groups=(group.name,))
    except SelectorError as error:
        raise ValidationError({"selector": str(error)}) from error
    adding = group.pk is None
    with _atomic_once():
        group.full_clean()
        group.save()
        by.log("group.add" if adding else "group.change", group.name, selector=group.selector[:500])
    return group


def delete_group(by: By, group: Group) -> None:
    """Remove a saved selector."""
    access.require_fleet(by.person)
    with transaction.atomic():
        by.log("group.delete", group.name, selector=group.selector[:500])
        group.delete()


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" (+{len(names) - 5})" if len(names) > 5 else "")
