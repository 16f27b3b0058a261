#!/usr/bin/env python3
"""Run a management command of OMServer."""

import os
import sys


def main() -> None:
    """Hand the command line to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omserver.settings")
    from django.core.management import execute_from_command_line

    from omserver.env import SetupError

    try:
        execute_from_command_line(sys.argv)
    except SetupError as error:
        sys.exit(_say(error))


def _say(error: Exception) -> int:
    sys.stderr.write(f"{error}\n")
    return 2


if __name__ == "__main__":
    main()
