"""manage.py dashboard: list dashboards, and carry one from an installation, or a dataset, to another as JSON."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand
from django.http import Http404

from analytics.models import Dataset
from webui import console
from webui.dashboards import boards, services
from webui.dashboards.content import Content, read_cards
from webui.servers.services import Refused

LARGEST = 1 << 20  # bytes of a file
PARTS = ("title", "preset", "start", "end", "compare", "where", "users")


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
        names = ("dashboard", "title", "dataset", "owner", "shared")
        rows = [
            (one.slug, one.content.title, one.dataset, str(one.row.owner or "") if one.row else "", one.shared)
            for one in boards.listed(console.person(options["person"]))
        ]
        if options["json"]:
            console.print_json(self, [dict(zip(names, row, strict=True)) for row in rows])
        else:
            console.print_table(self, [name.upper() for name in names], rows)

    def export(self, options: dict[str, Any]) -> None:
        """Write a dashboard as JSON."""
        try:
            board = boards.find(options["dashboard"], console.person(options["person"]))
        except Http404 as error:
            raise Refused(str(error)) from error
        parts = {name: getattr(board.content, name) for name in PARTS}
        cards = [card.as_dict() for card in board.content.cards]
        console.print_json(self, {"dataset": board.dataset, **parts, "cards": cards})

    def bring(self, options: dict[str, Any]) -> None:
        """Make a dashboard from a file."""
        plain = _read(Path(options["file"]))
        dataset = options["dataset"] or str(plain.get("dataset", ""))
        if not Dataset.objects.filter(name=dataset).exists():
            raise Refused(f"there is no dataset {dataset[:60]!r}; name another by --dataset")
        content = Content(
            **{name: str(plain[name]) for name in PARTS[:5] if name in plain},
            **{name: tuple(_list(plain, name)) for name in PARTS[5:]},
            cards=read_cards(json.dumps(_list(plain, "cards"))),
        )
        row = services.create(console.by(options["person"]), dataset, content, shared=options["share"])
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


def _list(plain: dict[str, Any], name: str) -> list[Any]:
    found = plain.get(name, [])
    if not isinstance(found, list):
        raise ValidationError({name: f"{name} is no list."})
    return found
