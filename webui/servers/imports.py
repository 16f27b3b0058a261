"""Read servers from a CSV text; see what would change; write all of it or nothing.

Columns by their head, in any order: name and idc are needed; address, port, user, engine, fallbacks, category,
application and tags may be there. fallbacks: words; tags: key=value words; words are separated by spaces or ;.
A column that is absent leaves what a known server has.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from webui import access
from webui.servers.models import Idc, Server, Tag
from webui.servers.services import By, Refused, check_engines, check_texts

MAX_BYTES = 20 << 20
MAX_LINES = 100_000
PLAIN = ("address", "user", "engine", "category", "application")
COLUMNS = ("name", "idc", *PLAIN, "port", "fallbacks", "tags")
BATCH = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with these first, a spreadsheet runs a cell instead of showing it


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be taken. line: as an editor counts it, 1 is the head."""

    line: int
    sentence: str


@dataclass(slots=True)
class Change:
    """One server of the file that is new or different. what: the fields that change, empty for a new one."""

    line: int
    server: Server
    tags: dict[str, str] | None
    what: tuple[str, ...] = ()


@dataclass(slots=True)
class Import:
    """What a file would do. Nothing can be written while there are faults."""

    new: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    same: int = 0
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class Known:
    """What is in the database, read once for a whole file."""

    idcs: dict[str, Idc]
    servers: dict[str, Server]
    tags: dict[int, dict[str, str]]


def read_import(content: bytes | str) -> Import:
    """Compare a CSV with the inventory. Never raises for what is in the file: each bad line becomes a Fault."""
    found = Import()
    try:
        rows = list(_rows(content))
    except Refused as error:
        found.faults.append(Fault(1, str(error)))
        return found
    known = _known([row["name"] for _line, row in rows if row.get("name")])
    lines: dict[str, int] = {}
    for line, row in rows:
        try:
            change = _change(line, row, known, lines)
        except (Refused, ValidationError) as error:
            found.faults.append(Fault(line, _sentence(error)))
            continue
        _sort_in(found, change)
    return found


def apply_import(by: By, found: Import) -> int:
    """Write an import in one transaction and return how many servers it touched; Refused when it has faults."""
    access.require_fleet(by.person)
    if found.faults:
        raise Refused(_("Nothing was imported: %d lines are wrong.") % len(found.faults))
    with transaction.atomic():
        Server.objects.bulk_create([change.server for change in found.new], batch_size=BATCH)
        fields = [name for name in COLUMNS if name not in ("name", "tags")]
        if found.changed:
            Server.objects.bulk_update([change.server for change in found.changed], fields, batch_size=BATCH)
        _write_tags([*found.new, *found.changed])
        by.log("server.import", f"{len(found.new)} new, {len(found.changed)} changed", same=found.same)
    return len(found.new) + len(found.changed)


def _write_tags(changes: list[Change]) -> None:
    names = [change.server.name for change in changes if change.tags is not None]
    by_name: dict[str, Server] = {}
    for start in range(0, len(names), BATCH):
        by_name.update((s.name, s) for s in Server.objects.filter(name__in=names[start : start + BATCH]))
    touched = [server.pk for server in by_name.values()]
    for start in range(0, len(touched), BATCH):
        Tag.objects.filter(server_id__in=touched[start : start + BATCH]).delete()
    Tag.objects.bulk_create(
        [
            Tag(server=by_name[change.server.name], key=key, value=value)
            for change in changes
            if change.tags
            for key, value in change.tags.items()
        ],
        batch_size=BATCH,
    )


def _rows(content: bytes | str) -> Iterator[tuple[int, dict[str, str]]]:
    text = _text(content)
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True)
        head = [name.strip().lower() for name in reader.fieldnames or []]
        _check_head(head)
        reader.fieldnames = head
        for count, row in enumerate(reader):
            if count >= MAX_LINES:
                raise Refused(_("The file has more than %d lines; import it in parts.") % MAX_LINES)
            if None in row:
                yield reader.line_num, {"": _("The line has more values than the head has columns.")}
            elif any((value or "").strip() for value in row.values()):
                yield reader.line_num, {name: from_cell(value or "") for name, value in row.items()}
    except csv.Error as error:
        raise Refused(_("The file is no CSV: %s.") % error) from error


def to_cell(value: object) -> str:
    """Write a value so that a spreadsheet shows it and runs nothing; the import reads it back as it was."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def from_cell(text: str) -> str:
    """Read what to_cell wrote, or what a person did."""
    plain = text.strip()
    return plain[1:] if plain.startswith("'") and plain.lstrip("'").startswith(FORMULA) else plain


def _text(content: bytes | str) -> str:
    if len(content) > MAX_BYTES:
        raise Refused(_("The file has more than %d MiB; import it in parts.") % (MAX_BYTES >> 20))
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refused(_("The file is not UTF-8 (byte %d); save it as UTF-8.") % error.start) from error
    if "\x00" in content:
        raise Refused(_("The file holds NUL characters; it is no text file."))
    return content


def _check_head(head: list[str]) -> None:
    unknown = [name for name in head if name not in COLUMNS]
    missing = [name for name in ("name", "idc") if name not in head]
    twice = [name for name in head if head.count(name) > 1]
    if missing:
        raise Refused(
            _("The first line must name the columns; %(missing)s is missing. Known are %(known)s.")
            % {"missing": missing[0], "known": ", ".join(COLUMNS)}
        )
    if unknown or twice:
        raise Refused(
            _("The column “%(name)s” is unknown or stands twice; known are %(known)s.")
            % {"name": (unknown or twice)[0][:40], "known": ", ".join(COLUMNS)}
        )


def _known(names: list[str]) -> Known:
    servers: dict[str, Server] = {}
    tags: dict[int, dict[str, str]] = {}
    for start in range(0, len(names), BATCH):
        part = Server.objects.filter(name__in=names[start : start + BATCH]).prefetch_related("tags")
        for server in part:
            servers[server.name] = server
            tags[server.pk] = {tag.key: tag.value for tag in server.tags.all()}
    return Known({idc.name: idc for idc in Idc.objects.all()}, servers, tags)


def _change(line: int, row: dict[str, str], known: Known, lines: dict[str, int]) -> Change:
    if "" in row:
        raise Refused(row[""])
    name = row["name"]
    if not name:
        raise Refused(_("The name is missing."))
    if name in lines:
        raise Refused(_("%(name)s stands on line %(line)d already.") % {"name": name, "line": lines[name]})
    lines[name] = line
    if row["idc"] not in known.idcs:
        raise Refused(_("There is no IDC “%s”; add it first.") % row["idc"][:60])
    old = known.servers.get(name)
    before = _state(old) if old else {}
    server = _filled(old or Server(name=name), row, known.idcs[row["idc"]])
    tags = _tags(row["tags"]) if "tags" in row else None
    what = tuple(key for key, value in _state(server).items() if old and before[key] != value)
    if old and tags is not None and tags != known.tags[old.pk]:
        what += ("tags",)
    return Change(line, server, tags, what)


def _filled(server: Server, row: dict[str, str], idc: Idc) -> Server:
    server.idc = idc
    for name in PLAIN:
        if name in row and (row[name] or name != "engine"):
            setattr(server, name, row[name])
    if "port" in row:
        server.port = _port(row["port"])
    if "fallbacks" in row:
        server.fallbacks = _words(row["fallbacks"])
    check_texts(server)
    check_engines(server)
    server.clean_fields(exclude=["idc"])
    return server


def _state(server: Server) -> dict[str, object]:
    return {
        name: getattr(server, f"{name}_id" if name == "idc" else name)
        for name in COLUMNS
        if name not in ("name", "tags")
    }


def _sort_in(found: Import, change: Change) -> None:
    if change.server.pk is None:
        found.new.append(change)
    elif change.what:
        found.changed.append(change)
    else:
        found.same += 1


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
        return " ".join(error.messages)
    return str(error)
