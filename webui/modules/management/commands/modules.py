"""manage.py modules: what can be run."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from webui import console
from webui.catalog import catalog


class Command(BaseCommand):
    """List the modules, broken ones with their fault."""

    help = "List the modules, broken ones with their fault."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare --json."""
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
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
