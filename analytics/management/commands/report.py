"""manage.py report: ask a report of a dataset. Exit codes: 0 answered, 1 the data cannot support it, 2 usage."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from analytics import catalog, far, forms, terminal
from analytics.answers import Answer, Cache, answer
from analytics.described import report_json
from analytics.models import Dataset
from analytics.store.client import Store
from analytics.store.schema import Tables
from sdk.report import Report

ALIASES = {"from": "start", "to": "end"}  # as dataset import calls them


class Command(BaseCommand):
    """Answer, draw, list."""

    help = "Answer a report on a dataset: as a table, JSON, CSV, or a picture. `report list` lists the reports."
    requires_system_checks = ()  # no page is served here, and a command shall start fast

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Make a parser that complains in one line."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = terminal.OneLine  # Django offers no other way to choose the class
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("name", help="a report's name, or list")
        parser.add_argument("--dataset", default="", help="the dataset's name")
        parser.add_argument(
            "-p",
            dest="param",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a parameter; a list is given by several",
        )
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="as JSON")
        for name in ("csv", "png", "pdf"):
            form.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"write {name.upper()} to a file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Answer, or list."""
        with terminal.one_line():
            if options["name"] == "list":
                return self._list(as_json=options["json"])
            report = catalog.one(options["name"])
            if not options["dataset"]:
                raise LookupError("say which dataset by --dataset NAME; manage.py dataset list shows them")
            row = terminal.dataset(options["dataset"])
            if not row.version:
                raise LookupError(f"{row.name} has no rows yet; import them by manage.py dataset import {row.name}")
            with terminal.store() as store, far.followed(store) as line:
                self._see_rollups(store, row)
                cache = Cache(settings.HOME / "analytics" / "answers")
                raw = parameters(report, options["param"])
                found = answer(line, row.as_core(), report, raw, now=time.time(), cache=cache)
            self._give(report, found, options, row.zone)
        return None

    def _give(self, report: Report, found: Answer, options: dict[str, Any], zone: str) -> None:
        if options["json"]:
            terminal.print_json(self, found.as_dict())
        elif options["csv"]:
            _write(options["csv"], forms.as_csv(found.result).encode())
        elif options["png"] or options["pdf"]:
            from analytics.charts import picture  # matplotlib costs half a second

            form = "png" if options["png"] else "pdf"
            _write(
                options[form], picture(found.result, title=f"{report.title} — {found.dataset}", form=form, zone=zone)
            )
        else:
            terminal.print_table(self, *forms.as_texts(found.result))
            for note in found.result.notes:
                self.stdout.write(f"· {terminal.safe(note)}")

    def _list(self, *, as_json: bool) -> None:
        every = catalog.every()
        if as_json:
            terminal.print_json(self, [report_json(report) for report in every])
            return
        rows = [[report.name, report.title if isinstance(report, Report) else report.error] for report in every]
        terminal.print_table(self, ("name", "title"), rows)

    def _see_rollups(self, store: Store, row: Dataset) -> None:
        """See that rollups have the form that reports ask for: after an update no worker may have run yet."""
        if Tables(store, row.name).has_rollups(row.version):
            return
        from analytics import services  # the drivers and Arrow: only once after an update

        self.stderr.write(f"the sums of {row.name} are built once, after an update; this takes a moment")
        services.bring_up(store, row, lambda _: None)


def parameters(report: Report, words: list[str]) -> dict[str, Any]:
    """Read -p name=value; a parameter that is a list takes several."""
    lists = {field.name for field in report.fields if field.type == "list[str]"}
    found: dict[str, Any] = {}
    for word in words:
        name, sign, text = word.partition("=")
        name = ALIASES.get(name, name)
        if not sign:
            raise LookupError(f"-p {word[:60]!r} has no =; write -p name=value")
        if name in lists:
            found.setdefault(name, []).append(text)
        elif name in found:
            raise LookupError(f"-p {name} is given twice")
        else:
            found[name] = text
    return found


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise LookupError(f"{path}: cannot be written ({error.strerror})") from error
