"""manage.py token: keys to the API."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from webui import console
from webui.api import tokens
from webui.models import ApiToken


class Command(BaseCommand):
    """Make, list and delete tokens of the API."""

    help = "Make, list and delete tokens of the API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `add`, `list` and `delete`."""
        parser.add_argument("--as", dest="person", default="", help="the account whose token it is")
        acts = parser.add_subparsers(dest="act", required=True)
        add = acts.add_parser("add", help="make a token and print it once")
        add.add_argument("name")
        add.add_argument("--days", type=int, help="how long it is good; for ever where it is left out")
        acts.add_parser("list", help="list tokens")
        delete = acts.add_parser("delete", help="make a token worthless")
        delete.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the act that was asked for."""
        with console.one_line_errors():
            by = console.by(options["person"])
            if options["act"] == "add":
                days = options["days"]
                self.stdout.write(
                    tokens.add_token(by, options["name"], timezone.now() + timedelta(days=days) if days else None)
                )
            elif options["act"] == "delete":
                tokens.delete_token(by, options["name"])
                self.stdout.write(f"Token {options['name']} is deleted.")
            else:
                self.show()

    def show(self) -> None:
        """List everybody's tokens, without their texts."""
        rows = [
            (token.person.get_username(), token.name, token.used_at or "never", token.expires_at or "never")
            for token in ApiToken.objects.select_related("person")
        ]
        console.print_table(self, ("PERSON", "NAME", "USED", "EXPIRES"), rows)
