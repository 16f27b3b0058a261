"""Look at what is kept, and remove it: list, quarantine, duplicates, remove."""

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from analytics import services, terminal
from analytics.described import dataset_json
from analytics.importing import aside, copies
from analytics.importing.blocks import ImportFault
from analytics.importing.stage import REASONS
from analytics.models import Dataset
from analytics.store.schema import Tables

WHY = {True: "it was there before the import", False: "it stands several times in what was imported"}


def declare(acts: Any) -> None:  # argparse's own type is not public
    """Declare them."""
    listed = acts.add_parser("list", help="list the datasets")
    listed.add_argument("--json", action="store_true", help="as JSON")
    listed.set_defaults(do=show)
    saved = acts.add_parser("quarantine", help="save the lines that were no rows, with their reasons")
    saved.set_defaults(do=quarantine)
    doubled = acts.add_parser("duplicates", help="save the exact duplicates that were left out")
    doubled.set_defaults(do=duplicates)
    for act in (saved, doubled):
        act.add_argument("--csv", type=Path, required=True, metavar="FILE", help="where to")
    removed = acts.add_parser("remove", help="remove a dataset and its rows; its name must be typed")
    removed.add_argument("--yes", action="store_true", help="do not ask")
    removed.set_defaults(do=remove)
    for act in (saved, doubled, removed):
        act.add_argument("dataset", help="the dataset's name")


def show(command: BaseCommand, options: dict[str, Any]) -> None:
    """Show the datasets."""
    rows = list(Dataset.objects.all())
    if options["json"]:
        terminal.print_json(command, [dataset_json(row, row.runs.first()) for row in rows])
        return
    head = ("name", "rows", "users", "from", "to", "zone", "duplicates", "quarantined", "last import")
    terminal.print_table(command, head, [_line(row) for row in rows])


def quarantine(_: BaseCommand, options: dict[str, Any]) -> None:
    """Save the lines that were no rows."""
    row = terminal.dataset(options["dataset"])
    with terminal.store() as store:
        pieces = aside.pieces(Tables(store, row.name)) if row.version else ()
        rows = ((run, REASONS.get(why, why), line) for piece in pieces for run, why, line in piece)
        _save(options["csv"], ("import", "reason", "line"), rows)


def duplicates(_: BaseCommand, options: dict[str, Any]) -> None:
    """Save the exact duplicates that were left out."""
    row = terminal.dataset(options["dataset"])
    with terminal.store() as store:
        pieces = copies.pieces(Tables(store, row.name)) if row.version else ()
        rows = ((run, times, WHY[known], *fields) for piece in pieces for run, times, known, fields in piece)
        _save(options["csv"], ("import", "left out", "reason", *copies.head(row.as_core())), rows)


def remove(command: BaseCommand, options: dict[str, Any]) -> None:
    """Remove a dataset, once its name was typed."""
    row = terminal.dataset(options["dataset"])
    if not options["yes"]:
        _asked(row)
    with terminal.store() as store:
        services.remove(store, row)
    command.stdout.write(f"{row.name} and its {row.rows:,} rows are removed")


def _asked(row: Dataset) -> None:
    """Let a person type the name; Refused where there is nobody, or it is another name."""
    if not sys.stdin.isatty():
        raise terminal.Refused(
            f"{row.name} has {row.rows:,} rows, which go for good; --yes removes them without a question"
        )
    sys.stderr.write(f"{row.name} has {row.rows:,} rows, which go for good. Type its name to remove it: ")
    sys.stderr.flush()
    try:
        typed = sys.stdin.readline().strip()
    except KeyboardInterrupt:
        typed = ""
    if typed != row.name:
        raise terminal.Refused(f"nothing is removed: {row.name} was not typed", terminal.FAILED)


def _save(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    try:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows(rows)
    except OSError as error:
        raise ImportFault(f"{path}: cannot be written ({error.strerror})") from error


def _line(row: Dataset) -> list[str]:
    core = row.as_core()
    days = [str(core.first_day), str(core.day_of(core.last_ts))] if row.version else ["", ""]
    last = row.runs.first()
    mark = f"{row.name} (generated)" if row.generated else row.name
    state = f"{last.state} {last.ended or last.started:%Y-%m-%d %H:%M}" if last else ""
    return [mark, str(row.rows), str(row.users), *days, row.zone, str(row.duplicates), str(row.quarantined), state]
