"""manage.py dashboard: list dashboards, and carry one from an installation, or a dataset, to another as JSON."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.http import Http404

from webui import console
from webui.dashboards import boards, carried
from webui.servers.services import Refused

LARGEST = 1 << 20  # bytes of a file


class Command(BaseCommand):
    """List, export and import dashboards."""

    help = "List, export and import dashboards."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `list`, `export` and `import`."""
        parser.add_argument("--as", dest="person", default="", help="the account in whose name this is done")
        acts = parser.add_subparsers(dest="act", required=True)
        acts.add_parser("list", help="list dashboards").add_argument("--json", action="store_true")
        acts.add_parser("export", help="write a dashboard as JSON").add_argument("dashboard", help="as in its address")
        bring = acts.add_parser("import", help="make a dashboard of one's own from such JSON")
        bring.add_argument("file")
        bring.add_argument("--dataset", default="", help="another dataset than it was written for")
        bring.add_argument("--share", action="store_true", help="let everybody who is signed in see it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the act that was asked for."""
        with console.one_line_errors():
            if options["act"] == "list":
                self.show(options)
            elif options["act"] == "export":
                self.export(options)
            else:
                self.bring(options)

    def show(self, options: dict[str, Any]) -> None:
        """List the dashboards that the person may see."""
        rows = [carried.listed_json(one) for one in boards.listed(console.person(options["person"]))]
        if options["json"]:
            console.print_json(self, rows)
        else:
            names = ("dashboard", "title", "dataset", "owner", "shared")
            console.print_table(self, [name.upper() for name in names], [[row[name] for name in names] for row in rows])

    def export(self, options: dict[str, Any]) -> None:
        """Write a dashboard as JSON."""
        try:
            board = boards.find(options["dashboard"], console.person(options["person"]))
        except Http404 as error:
            raise Refused(str(error)) from error
        console.print_json(self, carried.exported(board))

    def bring(self, options: dict[str, Any]) -> None:
        """Make a dashboard from a file."""
        plain = _read(Path(options["file"]))
        by = console.by(options["person"])
        row = carried.brought(by, plain, dataset=options["dataset"], shared=options["share"])
        self.stdout.write(f"Dashboard {row.slug} is made.")


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
        plain = json.loads(text) if len(text) <= LARGEST else None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict) or "title" not in plain:
        raise Refused(f"{path} is no dashboard; write one by manage.py dashboard export")
    return plain
