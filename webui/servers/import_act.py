"""manage.py server import: read a file or ask a master, say what that would do, write all of it or nothing."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from webui import console
from webui.servers.compare import COLUMNS, Change, Import, apply_import
from webui.servers.import_ansible import ENGINES, GROUPS, Wanted, read_ansible
from webui.servers.import_masters import ENGINES as KNOWING
from webui.servers.import_masters import read_master
from webui.servers.imports import read_import
from webui.servers.models import Idc, Master
from webui.servers.services import Refused


def add_arguments(parser: ArgumentParser) -> None:
    """Declare where servers may come from."""
    parser.add_argument("file", type=Path, nargs="?", help="a CSV file, or with --format ansible an inventory")
    parser.add_argument("--format", choices=("csv", "ansible"), default="csv")
    parser.add_argument("--from-master", metavar="MASTER", default="", help="ask an engine of this master instead")
    parser.add_argument("--idc", default="", help="of new servers; a CSV names it in a column, a master is in one")
    parser.add_argument(
        "--engine",
        help=f"with --from-master: {' or '.join(KNOWING)}; of an inventory's new servers: {' or '.join(ENGINES)}",
    )
    parser.add_argument("--groups", choices=GROUPS, default="tags", help="what becomes of an inventory's groups")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, write nothing")
    parser.add_argument("--json", action="store_true", help="say it as JSON")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    """Import, or say what an import would do."""
    found = _found(options)
    dry = options["dry_run"]
    if options["json"]:
        console.print_json(command, import_json(found, written=not dry and not found.faults))
    for fault in found.faults:
        command.stderr.write(f"line {fault.line}: {fault.sentence}")
    if found.faults or not dry:
        apply_import(console.by(options["person"]), found)
    if options["json"]:
        return
    for sentence in found.left:
        command.stderr.write(f"left out: {sentence}")
    if dry:
        for line in _lines(found):
            command.stdout.write(line)
    words = ("Would add", "change", "leave") if dry else ("Added", "changed", "left")
    counts = (len(found.new), len(found.changed), found.same)
    said = [f"{word} {count}" for word, count in zip(words, counts, strict=True)]
    said += [f"{'leave' if dry else 'left'} out {found.left_hosts}"] if found.left_hosts else []
    command.stdout.write(", ".join(said) + ".")


def import_json(found: Import, *, written: bool) -> dict[str, Any]:
    """Give an import as JSON values."""
    return {
        "added": [_fields(change) for change in found.new],
        "changed": [
            {
                "name": change.server.name,
                "changes": [{"field": d.name, "old": d.old, "new": d.new} for d in change.differences],
            }
            for change in found.changed
        ],
        "same": found.same,
        "left_out": found.left,
        "left_out_servers": found.left_hosts,
        "faults": [{"line": fault.line, "sentence": fault.sentence} for fault in found.faults],
        "written": written,
    }


def _found(options: dict[str, Any]) -> Import:
    if options["from_master"]:
        return _from_master(options)
    if options["file"] is None:
        raise console.UsageError("name a file, or a master: server import FILE, or --from-master MASTER --engine salt")
    try:
        content = options["file"].read_bytes()
    except OSError as error:
        raise console.UsageError(f"{options['file']} cannot be read: {error.strerror}") from error
    if options["format"] == "csv":
        _unused(options, "idc", "engine")
        return read_import(content)
    return _from_ansible(content, options)


def _from_ansible(content: bytes, options: dict[str, Any]) -> Import:
    engine = options["engine"] or ENGINES[0]
    if engine not in ENGINES:
        raise console.UsageError(f"--engine is {engine}; an inventory's servers take {' or '.join(ENGINES)}")
    if not options["idc"]:
        raise console.UsageError("an Ansible inventory names no IDC; add --idc")
    wanted = Wanted(idc_named(options["idc"]), options["groups"], engine)
    file = options["file"]
    return read_ansible(content, wanted, name=file.name, beside=file.resolve().parent)


def _from_master(options: dict[str, Any]) -> Import:
    if options["file"] is not None:
        raise console.UsageError("name a file or a master, not both")
    master = Master.objects.select_related("idc").filter(name=options["from_master"]).first()
    if master is None:
        names = ", ".join(Master.objects.values_list("name", flat=True)) or "none yet"
        raise Refused(f"there is no master {options['from_master']} (there are: {names})")
    ready = [name for name in KNOWING if master.engines.get(name) == ""]
    engine = options["engine"] or (ready[0] if len(ready) == 1 else "")
    if engine not in KNOWING:
        raise console.UsageError(f"which engine of the master is asked? add --engine {' or --engine '.join(KNOWING)}")
    return read_master(master, engine, idc_named(options["idc"]) if options["idc"] else None)


def _unused(options: dict[str, Any], *names: str) -> None:
    for name in names:
        if options[name]:
            raise console.UsageError(f"--{name} means nothing for a CSV, which has a column {name}")


def _lines(found: Import) -> Iterator[str]:
    """Say each server that would be added or changed, a line each."""
    for change in found.new:
        fields = _fields(change)
        name = fields.pop("name")
        yield f"add     {name}  " + " ".join(f"{key}={value}" for key, value in fields.items())
    for change in found.changed:
        yield f"change  {change.server.name}  " + "; ".join(
            f"{d.name}: {d.old or '-'} -> {d.new or '-'}" for d in change.differences
        )


def _fields(change: Change) -> dict[str, str]:
    """Give a new server's fields that say something, as a CSV has them."""
    server = change.server
    values = {name: getattr(server, name) for name in COLUMNS if name not in ("idc", "tags", "fallbacks")}
    values |= {"idc": server.idc.name, "fallbacks": " ".join(server.fallbacks)}
    values["tags"] = " ".join(f"{key}={value}" if value else key for key, value in (change.tags or {}).items())
    values["facts"] = ", ".join(change.facts or ())
    return {name: str(value) for name, value in values.items() if value not in (None, "")}


def idc_named(name: str) -> Idc:
    """Give an IDC; Refused names the ones that exist."""
    found = Idc.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Idc.objects.values_list("name", flat=True)) or "none yet; manage.py idc add NAME makes one"
        raise Refused(f"there is no IDC {name} (there are: {known})")
    return found
