"""manage.py dataset: connect behaviour tables, keep them current, look at them.

Exit codes: 0 done, 1 broken off, 2 usage.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from analytics import terminal
from analytics.management.acts import kept, people, rows


class Command(BaseCommand):
    """Import, sync, generate, list, cancel, remove, and save what was left out."""

    help = "Connect a table of behaviour, keep it current, list what is connected."
    requires_system_checks = ()  # no page is served here, and a command shall start fast

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Make a parser that complains in one line."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = terminal.OneLine  # Django offers no other way to choose the class
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the acts."""
        acts = parser.add_subparsers(dest="act", required=True, parser_class=terminal.OneLine)
        for several in (rows, people, kept):
            several.declare(acts)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for."""
        with terminal.one_line():
            options["do"](self, options)
