"""manage.py modules: what can be run, and which versions of it."""

import logging
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError

from rpcgate.catalog import MAX_SOURCE
from webui import console
from webui.catalog import catalog
from webui.modules import delivery, reads, services, skeleton
from webui.modules.models import Published
from webui.servers.models import Idc
from webui.servers.services import Refused

SOME_REFUSED = 1


class Command(BaseCommand):
    """List the modules, broken ones with their fault; begin, check, publish one, or go back to an older version."""

    help = "List the modules, broken ones with their fault; begin, check, publish one, or go back to an older version."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the acts; without one the modules are listed."""
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--as", dest="person", default="", help="the account in whose name this is done")
        acts = parser.add_subparsers(dest="act")
        new = acts.add_parser("new", help="write a module to begin with, and its test")
        check = acts.add_parser("check", help="say what is wrong with a file, or what it will be; 2 where it is wrong")
        publish = acts.add_parser("publish", help="publish a file to IDCs: it is signed and sent to their masters")
        back = acts.add_parser("rollback", help="make an older version current again")
        versions = acts.add_parser("versions", help="list a module's versions")
        withdraw = acts.add_parser("withdraw", help="publish it no longer; the folder's file counts again")
        for sub in (new, back, versions, withdraw):
            sub.add_argument("name")
        for sub in (check, publish):
            sub.add_argument("file", type=Path)
        publish.add_argument("--idc", nargs="+", action="extend", required=True, help="where it may run")
        publish.add_argument("--note", default="", help="what is new in this version")
        versions.add_argument("--json", action="store_true")
        back.add_argument("digest", help="at least its first eight digits")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for; every refusal is one line and exit code 2."""
        acts = {
            "new": self.new,
            "check": self.check_,
            "publish": self.publish,
            "rollback": self.rollback,
            "versions": self.versions,
            "withdraw": self.withdraw,
        }
        logging.getLogger(delivery.__name__).setLevel(logging.WARNING)  # the answer names each master anyway
        try:
            with console.one_line_errors():
                acts.get(options["act"] or "", self.list_)(options)
        except DatabaseError as error:
            why = " ".join(str(error).split())
            raise console.UsageError(f"the database cannot be used: {why}; manage.py migrate prepares it") from error

    def list_(self, options: dict[str, Any]) -> None:
        """List the catalogue."""
        entries = catalog().entries()
        if options["json"]:
            console.print_json(self, [entry.as_dict() for entry in entries])
            return
        rows = []
        for entry in entries:
            plain = entry.as_dict()
            rows.append((plain["number"] or "", entry.name, plain["risk"] or "-", plain["title"] or entry.error))
        console.print_table(self, ("NO.", "NAME", "RISK", "TITLE"), rows)

    def new(self, options: dict[str, Any]) -> None:
        """Write a skeleton and its test."""
        for path in skeleton.write(options["name"], settings.MODULES_DIR):
            self.stdout.write(str(path))

    def check_(self, options: dict[str, Any]) -> None:
        """Judge a file without storing it."""
        path: Path = options["file"]
        entry = services.judge(path.stem, _read(path))
        if entry.error:
            raise console.UsageError(entry.error)
        engines = "any engine" if entry.portable else ", ".join(entry.engines)
        fields = ", ".join(field.name for field in entry.fields) or "no parameters"
        self.stdout.write(f"{path.name} loads: {entry.title} ({entry.risk}, {engines}; {fields}), {entry.digest[:8]}")

    def publish(self, options: dict[str, Any]) -> None:
        """Store a file as a version and make it current."""
        by, path = console.by(options["person"]), options["file"]
        idcs = _idcs(options["idc"])
        version = services.add(by, path.stem, _read(path), options["note"])
        self._told(services.publish(by, version, idcs))

    def rollback(self, options: dict[str, Any]) -> None:
        """Make an older version current."""
        self._told(services.roll_back(console.by(options["person"]), options["name"], options["digest"].lower()))

    def withdraw(self, options: dict[str, Any]) -> None:
        """Publish a module no longer."""
        services.withdraw(console.by(options["person"]), options["name"])
        left = catalog().get(options["name"])
        now = f"the file in the modules folder counts again, {left.digest[:8]}" if left else "it is no module any more"
        self.stdout.write(f"{options['name']} is withdrawn: {now}")

    def versions(self, options: dict[str, Any]) -> None:
        """List what is stored of a module, newest first."""
        name = options["name"]
        current = Published.objects.filter(name=name).values_list("version__digest", flat=True).first() or ""
        found = reads.stored(name, reads.digests_on_masters().get(name, {}), current)
        if options["json"]:
            console.print_json(self, [_plain(one) for one in found])
            return
        if not found:
            raise Refused(f"{name} has no stored version; manage.py modules publish FILE --idc IDC adds one.")
        rows = [
            (
                one.row.digest[:8],
                "current" if one.current else "older",
                f"{one.row.created_at:%Y-%m-%d %H:%M}",
                one.row.by_name,
                " ".join(one.idcs) or "-",
                " ".join(one.masters) or "-",
                one.row.note,
            )
            for one in found
        ]
        console.print_table(self, ("DIGEST", "STATE", "ADDED", "BY", "IDCS", "MASTERS", "NOTE"), rows)

    def _told(self, result: services.Result) -> None:
        version = result.version
        self.stdout.write(f"{version.name} {version.digest[:8]} is current in {', '.join(result.idcs)}")
        for answer in result.answers:
            self.stdout.write(f"{answer.master}: {answer.state}" + (f": {answer.reason}" if answer.reason else ""))
        if any(answer.state == "refused" for answer in result.answers):
            sys.exit(SOME_REFUSED)


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise Refused(f"{path}: is no file")
        with path.open("rb") as file:
            return file.read(MAX_SOURCE + 1)
    except OSError as error:
        raise Refused(f"{path}: cannot be read: {error.strerror}") from error


def _idcs(names: list[str]) -> list[Idc]:
    found = {idc.name: idc for idc in Idc.objects.filter(name__in=names)}
    for name in names:
        if name not in found:
            raise Refused(f"there is no IDC {name[:80]}; manage.py idc list shows them")
    return list(found.values())


def _plain(one: reads.Stored) -> dict[str, Any]:
    return {
        "digest": one.row.digest,
        "current": one.current,
        "added": one.row.created_at.isoformat(),
        "by": one.row.by_name,
        "note": one.row.note,
        "risk": one.row.risk,
        "idcs": list(one.idcs),
        "masters": list(one.masters),
    }
