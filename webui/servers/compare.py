"""Compare servers from anywhere with the inventory: new, changed field by field, as they are; write all or nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webui import access
from webui.language import sentences
from webui.servers import facts
from webui.servers.facts_card import size
from webui.servers.models import Idc, Server, Tag
from webui.servers.services import By, Refused, check_engines, check_texts

PLAIN = ("address", "user", "engine", "category", "application")
COLUMNS = ("name", "idc", *PLAIN, "port", "fallbacks", "tags")
BATCH = 500
SHOWN = 200  # characters of a value in a difference
FACT = 60  # and of a fact among others
ROUGH = 1 << 20  # bytes: Salt's grains tell sizes in whole MiB


@dataclass(frozen=True, slots=True)
class Row:
    """What a source says of one server. line: as an editor counts it, 0 where there are none.

    values: by the names of COLUMNS, as texts; what is absent leaves what a known server has. facts: None where the
    source knows none.
    """

    line: int
    values: Mapping[str, str]
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be taken. line: as an editor counts it, 1 is the head."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that changes, old and new as a person writes them."""

    name: str
    old: str
    new: str


@dataclass(slots=True)
class Change:
    """One server of a source that is new or different. differences: empty for a new one."""

    line: int
    server: Server
    tags: dict[str, str] | None
    differences: tuple[Difference, ...] = ()
    facts: Mapping[str, Any] | None = None

    @property
    def what(self) -> tuple[str, ...]:
        """Name the fields that change."""
        return tuple(difference.name for difference in self.differences)


@dataclass(slots=True)
class Import:
    """What a source would do. Nothing can be written while there are faults.

    left: sentences about what was left out, which does not hinder the rest. left_hosts: how many servers that is,
    each as a whole. engine: what brought the facts.
    """

    new: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    same: int = 0
    faults: list[Fault] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    left_hosts: int = 0
    engine: str = ""


@dataclass(slots=True)
class Known:
    """What is in the database, read once for a whole source."""

    idcs: dict[str, Idc]
    servers: dict[str, Server]
    tags: dict[int, dict[str, str]]

    def tags_of(self, name: str) -> dict[str, str]:
        """Give a server's tags, none for one that is not known."""
        server = self.servers.get(name)
        return dict(self.tags[server.pk]) if server else {}


def known(names: Sequence[str]) -> Known:
    """Read the servers of these names, their tags and facts, and all IDCs."""
    servers: dict[str, Server] = {}
    tags: dict[int, dict[str, str]] = {}
    for start in range(0, len(names), BATCH):
        part = Server.objects.filter(name__in=names[start : start + BATCH])
        for server in part.select_related("idc", "facts").prefetch_related("tags"):
            servers[server.name] = server
            tags[server.pk] = {tag.key: tag.value for tag in server.tags.all()}
    return Known({idc.name: idc for idc in Idc.objects.all()}, servers, tags)


def compare(rows: Iterable[Row], there: Known, *, strict: bool = True) -> Import:
    """Say what rows would do. A row that cannot be taken is a fault, or where not strict, named and left out."""
    found = Import()
    lines: dict[str, int] = {}
    for row in rows:
        try:
            change = _change(row, there, lines)
        except (Refused, ValidationError) as error:
            if strict:
                found.faults.append(Fault(row.line, _sentence(error)))
            else:
                found.left.append(f"{facts.text(row.values.get('name', ''))}: {_sentence(error)}")
                found.left_hosts += 1
            continue
        if change.server.pk is None:
            found.new.append(change)
        elif change.differences:
            found.changed.append(change)
        else:
            found.same += 1
    return found


def apply_import(by: By, found: Import) -> int:
    """Write an import in one transaction and return how many servers it touched; Refused when it has faults."""
    access.require_fleet(by.person)
    if found.faults:
        lines = len({fault.line for fault in found.faults})
        said = ngettext("Nothing was imported: %d line is wrong.", "Nothing was imported: %d lines are wrong.", lines)
        raise Refused(said % lines)
    try:
        return _written(by, found)
    except IntegrityError as error:
        raise Refused(_("One of these servers has just been added by somebody else; nothing was imported.")) from error


def _written(by: By, found: Import) -> int:
    changes = [*found.new, *found.changed]
    with transaction.atomic():
        Server.objects.bulk_create([change.server for change in found.new], batch_size=BATCH)
        fields = [name for name in COLUMNS if name not in ("name", "tags")]
        if found.changed:
            Server.objects.bulk_update([change.server for change in found.changed], fields, batch_size=BATCH)
        stored = _stored([change.server.name for change in changes if change.tags is not None or change.facts])
        _write_tags(changes, stored)
        _write_facts(changes, stored, found.engine)
        by.log("server.import", f"{len(found.new)} new, {len(found.changed)} changed", same=found.same)
    return len(changes)


def _stored(names: list[str]) -> dict[str, Server]:
    """Read servers back: not every database tells the numbers of rows that it wrote at once."""
    stored: dict[str, Server] = {}
    for start in range(0, len(names), BATCH):
        stored |= {server.name: server for server in Server.objects.filter(name__in=names[start : start + BATCH])}
    return stored


def _write_tags(changes: list[Change], stored: Mapping[str, Server]) -> None:
    touched = [stored[change.server.name].pk for change in changes if change.tags is not None]
    for start in range(0, len(touched), BATCH):
        Tag.objects.filter(server_id__in=touched[start : start + BATCH]).delete()
    Tag.objects.bulk_create(
        [
            Tag(server=stored[change.server.name], key=key, value=value)
            for change in changes
            if change.tags
            for key, value in change.tags.items()
        ],
        batch_size=BATCH,
    )


def _write_facts(changes: list[Change], stored: Mapping[str, Server], engine: str) -> None:
    now = timezone.now()
    told = [facts.Told(stored[c.server.name].pk, c.facts, now, engine) for c in changes if c.facts]
    if told:
        facts.keep(told)


def _change(row: Row, there: Known, lines: dict[str, int]) -> Change:
    values = row.values
    if "" in values:
        raise Refused(values[""])
    name = values["name"]
    if not name:
        raise Refused(_("The name is missing."))
    if name in lines:
        raise Refused(_("%(name)s stands on line %(line)d already.") % {"name": name, "line": lines[name]})
    lines[name] = row.line
    old = there.servers.get(name)
    before = _state(old) if old else {}
    server, tags = _read(old or Server(name=name), values, there)
    changes: list[Difference] = []
    if old:
        after = _state(server)
        changes = [Difference(key, before[key], after[key]) for key in after if before[key] != after[key]]
        changes += _other_changes(old, tags, there.tags[old.pk], row.facts)
    return Change(row.line, server, tags, tuple(changes), row.facts)


def _read(server: Server, values: Mapping[str, str], there: Known) -> tuple[Server, dict[str, str] | None]:
    """Fill a server from a row, and give its tags; Refused with all that is wrong, so that one look mends it."""
    wrong: list[str] = []
    tags = None
    try:
        server.idc = _idc(values, there)
    except Refused as error:
        wrong.append(str(error))
    for fill in (_fill_port, _fill_texts):
        try:
            fill(server, values)
        except (Refused, ValidationError) as error:
            wrong.append(_sentence(error))
    try:
        tags = _tags(values["tags"]) if "tags" in values else None
    except (Refused, ValidationError) as error:
        wrong.append(_sentence(error))
    if wrong:
        raise Refused(sentences(*wrong))
    return server, tags


def _idc(values: Mapping[str, str], there: Known) -> Idc:
    if values["idc"] not in there.idcs:
        raise Refused(_("There is no IDC “%s”; add it first.") % values["idc"][:60])
    return there.idcs[values["idc"]]


def _other_changes(
    old: Server, tags: dict[str, str] | None, before: dict[str, str], told: Mapping[str, Any] | None
) -> list[Difference]:
    changes = []
    if tags is not None and tags != before:
        changes.append(Difference("tags", _shown_tags(before), _shown_tags(tags)))
    kept = getattr(old, "facts", None)
    was = kept.facts if kept is not None and isinstance(kept.facts, dict) else {}
    now = facts.merged(was, facts.bounded(told)) if told else was
    differs = [name for name in now if not _alike(name, was.get(name), now[name])]
    if differs:
        changes.append(Difference("facts", _shown_facts(was, differs), _shown_facts(now, differs)))
    return changes


def _alike(name: str, old: Any, new: Any) -> bool:  # noqa: ANN401  # any JSON
    """Compare a fact; of sizes one source knows bytes and another whole MiB, which is no change."""
    sizes = name.endswith("_bytes") and type(old) is int and type(new) is int
    return abs(old - new) < ROUGH if sizes else bool(old == new)


def _shown_facts(told: Mapping[str, Any], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {_shown_fact(name, told[name])}" for name in names if name in told)[:SHOWN]


def _shown_fact(name: str, value: Any) -> str:  # noqa: ANN401  # any JSON
    plain = size(value) if name.endswith("_bytes") else value if isinstance(value, str) else ""
    return facts.text(plain or json.dumps(value, ensure_ascii=False))[:FACT]


def _shown_tags(tags: Mapping[str, str]) -> str:
    return " ".join(sorted(f"{key}={value}" if value else key for key, value in tags.items()))[:SHOWN]


def _fill_port(server: Server, values: Mapping[str, str]) -> None:
    if "port" in values:
        server.port = _port(values["port"])


def _fill_texts(server: Server, values: Mapping[str, str]) -> None:
    for name in PLAIN:
        if name in values and (values[name] or name != "engine"):
            setattr(server, name, values[name])
    if "fallbacks" in values:
        server.fallbacks = _words(values["fallbacks"])
    check_texts(server)
    wrong = []
    for check in (lambda: check_engines(server), lambda: server.clean_fields(exclude=["idc", "engine"])):
        try:
            check()
        except (Refused, ValidationError) as error:
            wrong.append(_sentence(error))
    if wrong:
        raise Refused(sentences(*dict.fromkeys(wrong)))


def _state(server: Server) -> dict[str, str]:
    """Give a server's columns as a person writes them."""
    plain = {name: getattr(server, name) for name in COLUMNS if name not in ("name", "idc", "fallbacks", "tags")}
    texts = {name: "" if value is None else str(value) for name, value in plain.items()}
    return {"idc": server.idc.name, **texts, "fallbacks": " ".join(server.fallbacks)}


def _port(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or not 1 <= int(text) <= 65535:
        raise Refused(_("“%s” is no port; write a number from 1 to 65535.") % text[:20])
    return int(text)


def _words(text: str) -> list[str]:
    return [word for word in text.replace(";", " ").split() if word]


def _tags(text: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for word in _words(text):
        key, _sign, value = word.partition("=")
        if key in tags:
            raise Refused(_("The tag %s stands twice.") % key[:40])
        Tag(key=key, value=value).clean_fields(exclude=["server"])
        tags[key] = value
    return tags


def _sentence(error: Exception) -> str:
    if isinstance(error, ValidationError):
        if hasattr(error, "error_dict"):
            return "; ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
        return sentences(*error.messages)
    return str(error)
