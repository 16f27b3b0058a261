"""Bring in the users table: when each user was registered, and by which channel."""

import time
from typing import Any

from django.core.management.base import BaseCommand

from analytics import people, terminal
from analytics.management.acts import sources
from analytics.management.acts.progress import reasons


def declare(acts: Any) -> None:  # argparse's own type is not public
    """Declare it."""
    known = acts.add_parser("people", help="bring in when each user was registered, and by which channel")
    sources.declare(
        known,
        "a CSV file in UTF-8 with a header, .gz or not",
        "user=COLUMN,registered_at=COLUMN,channel=COLUMN",
        remove={"action": "store_true", "help": "remove the users table"},
    )
    known.add_argument("dataset", help="the dataset's name")
    known.set_defaults(do=bring)


def bring(command: BaseCommand, options: dict[str, Any]) -> None:
    """Bring the users table in, or remove it."""
    row = terminal.dataset(options["dataset"])
    if options["remove"]:
        with terminal.store() as store:
            people.remove_people(store, row)
        return
    source, kept, _ = sources.opened(options)
    with terminal.store() as store:
        found = people.import_people(
            store, row, source, map=options["map"], kept=kept, now=time.time(), tell=lambda *_: None
        )
    command.stdout.write(
        f"{row.name}: {found.users:,} users with their registration, {found.duplicates:,} exact duplicates left"
        f" out, {found.conflicts:,} users with several moments or channels, of which the earliest counts,"
        f" {sum(found.quarantined.values()):,} lines left out"
    )
    for line in reasons(found.quarantined, "left out"):
        command.stdout.write(line)
