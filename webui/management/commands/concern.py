"""manage.py concern: say which tasks concern a dataset, and so are marked on its curves."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from analytics.models import Dataset
from webui import console
from webui.curves import concern, forms, services
from webui.servers.services import Refused


class Command(BaseCommand):
    """Show or set which tasks concern a dataset."""

    help = "Say which tasks concern a dataset; without options show it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the dataset and what a task must meet."""
        parser.add_argument("--as", dest="person", default="", help="the account in whose name this is done")
        parser.add_argument("dataset")
        parser.add_argument("--servers", help="tasks on at least one of them: a selector, for example @web")
        parser.add_argument("--modules", help="tasks of these modules, names with commas between")
        parser.add_argument("--risk", choices=sorted(concern.RISKS), help="what a task does at least; usual: change")
        parser.add_argument(
            "--all", action="store_true", help="every task that changes something, as without a setting"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Change what was given; what was not stays."""
        with console.one_line_errors():
            row = Dataset.objects.filter(name=options["dataset"]).first()
            if row is None:
                raise Refused(f"there is no dataset {options['dataset'][:60]!r}")
            given = {name: options[name] for name in ("servers", "modules", "risk") if options[name] is not None}
            if options["all"] and given:
                raise Refused("--all goes without --servers, --modules and --risk")
            if options["all"] or given:
                now = {} if options["all"] else forms.initial(concern.of(row))
                services.set_concern(console.by(options["person"]), row, forms.read(**now | given))
            found = concern.of(row)
            if options["json"]:
                console.print_json(self, {"dataset": row.name, **asdict(found)})
            else:
                console.print_table(self, ("DATASET", "MARKED"), [(row.name, concern.said(found))])
