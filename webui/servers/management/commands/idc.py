"""manage.py idc: add and list IDCs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count

from webui import console
from webui.servers import services
from webui.servers.models import Idc


class Command(BaseCommand):
    """Add and list IDCs."""

    help = "Add and list IDCs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `add` and `list`."""
        parser.add_argument("--as", dest="person", default="", help="the account in whose name this is done")
        acts = parser.add_subparsers(dest="act", required=True)
        add = acts.add_parser("add", help="add an IDC")
        add.add_argument("name")
        add.add_argument("--title", default="")
        show = acts.add_parser("list", help="list IDCs")
        show.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the act that was asked for."""
        with console.one_line_errors():
            if options["act"] == "add":
                services.add_idc(console.by(options["person"]), options["name"], options["title"])
                self.stdout.write(f"IDC {options['name']} is added.")
            else:
                self.show(options["json"])

    def show(self, json: bool) -> None:
        """List IDCs with the number of their servers and masters."""
        idcs = Idc.objects.annotate(
            server_count=Count("servers", distinct=True), master_count=Count("masters", distinct=True)
        )
        rows = [(idc.name, idc.title, idc.server_count, idc.master_count) for idc in idcs]
        if json:
            console.print_json(
                self, [dict(zip(("name", "title", "servers", "masters"), row, strict=True)) for row in rows]
            )
        else:
            console.print_table(self, ("NAME", "TITLE", "SERVERS", "MASTERS"), rows)
