"""manage.py token: keys to the API."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from webui import console
from webui.api import tokens
from webui.models import ApiToken

LONGEST = 3650  # days


class Command(BaseCommand):
    """Make, list and delete tokens of the API."""

    help = "Make, list and delete tokens of the API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `add`, `list` and `delete`."""
        parser.add_argument("--as", dest="person", default="", help="the account whose token it is")
        acts = parser.add_subparsers(dest="act", required=True)
        add = acts.add_parser("add", help="make a token and print it once")
        add.add_argument("name")
        add.add_argument("--days", type=int, help=f"how long it is good, 1 to {LONGEST}; for ever without it")
        acts.add_parser("list", help="list tokens")
        delete = acts.add_parser("delete", help="make a token worthless")
        delete.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the act that was asked for."""
        with console.one_line_errors():
            by = console.by(options["person"])
            if options["act"] == "add":
                self.stdout.write(tokens.add_token(by, options["name"], _end(options["days"])))
            elif options["act"] == "delete":
                tokens.delete_token(by, options["name"])
                self.stdout.write(f"Token {options['name']} is deleted.")
            else:
                self.show()

    def show(self) -> None:
        """List everybody's tokens, without their texts."""
        rows = [
            (token.person.get_username(), token.name, _when(token.used_at), _when(token.expires_at))
            for token in ApiToken.objects.select_related("person")
        ]
        console.print_table(self, ("PERSON", "NAME", "USED", "EXPIRES"), rows)


def _when(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if moment else "never"


def _end(days: int | None) -> datetime | None:
    if days is not None and not 1 <= days <= LONGEST:
        raise console.UsageError(f"--days is {days}; write a number from 1 to {LONGEST}, or leave it out: for ever")
    return None if days is None else timezone.now() + timedelta(days=days)
