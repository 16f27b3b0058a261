#!/usr/bin/env python3
"""Run a management command of OMServer."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.core.management.base import BaseCommand


def main() -> None:
    """Hand the command line to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omserver.settings")
    from django.core.management import ManagementUtility

    from omserver.env import SetupError

    class Commands(ManagementUtility):
        """Django's own, with the exit code of a usage error where there is no such command."""

        def fetch_command(self, subcommand: str) -> BaseCommand:
            try:
                return super().fetch_command(subcommand)
            except SystemExit:
                sys.exit(2)

    try:
        Commands(sys.argv).execute()
    except SetupError as error:
        sys.exit(_say(error))


def _say(error: Exception) -> int:
    sys.stderr.write(f"{error}\n")
    return 2


if __name__ == "__main__":
    main()
