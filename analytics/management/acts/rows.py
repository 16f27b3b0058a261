"""Bring rows in and keep them current: import, sync, generate, schedule, cancel."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from analytics import asked, generate, services, terminal
from analytics.importing.blocks import ImportFault
from analytics.importing.running import Progress
from analytics.management.acts import sources
from analytics.management.acts.progress import shown
from analytics.models import Dataset, ImportRun
from analytics.store.client import Store

ROWS_AT_MOST = 1_000_000_000
OVERLAP_AT_MOST = 315_360_000  # seconds: ten years
MAP = "user=..,item=..,category=..,behaviour=..,ts=..,amount=..,order=..,channel=..; others: dimensions"


def declare(acts: Any) -> None:  # argparse's own type is not public
    """Declare them."""
    _declare_import(acts.add_parser("import", help="bring rows in; an import that broke off goes on by the same words"))
    synced = acts.add_parser("sync", help="read what is new in the table a dataset came from")
    synced.add_argument(
        "--overlap",
        type=int,
        default=services.OVERLAP_SECONDS,
        help="seconds read again for late rows; default a day",
    )
    synced.set_defaults(do=sync)
    made = acts.add_parser("generate", help="make rows of UserBehavior's shape")
    made.add_argument("--rows", type=int, default=1_000_000, help="how many; default 1000000")
    made.add_argument("--seed", type=int, default=1, help="the same seed gives the same rows")
    made.add_argument("--end", default="", metavar="DAY", help="the last day; default 2017-12-03, as published")
    made.add_argument("--days", type=int, default=generate.DAYS, help="how many days; default 9, as published")
    made.add_argument("--replace", action="store_true", help="in the place of generated rows of that name")
    made.set_defaults(do=make)
    timed = acts.add_parser("schedule", help="sync by itself, by a worker")
    how = timed.add_mutually_exclusive_group(required=True)
    how.add_argument("--every", type=int, metavar="MINUTES", help="how often")
    how.add_argument("--off", action="store_true", help="never by itself")
    timed.set_defaults(do=schedule)
    stopped = acts.add_parser("cancel", help="stop the import that runs")
    stopped.set_defaults(do=cancel)
    for act in (synced, made, timed, stopped):
        act.add_argument("dataset", help="the dataset's name")


def _declare_import(brought: Any) -> None:  # as above
    parquet = {"type": Path, "metavar": "FILE", "help": "a Parquet file"}
    sources.declare(brought, "a CSV file in UTF-8, .gz or not", MAP, parquet=parquet)
    brought.add_argument("--roles", default="", help="which code is what: pv=view,fav=fav,cart=cart,buy=buy")
    brought.add_argument("--tz", default="", help="time zone of the local days, for example Asia/Shanghai; default UTC")
    brought.add_argument("--from", dest="low", default="", help="first valid day; earlier rows are quarantined")
    brought.add_argument("--to", dest="high", default="", help="last valid day; later rows are quarantined")
    header = brought.add_mutually_exclusive_group()
    header.add_argument("--header", dest="header", action="store_true", help="the first line has names")
    header.add_argument("--no-header", dest="header", action="store_false", help="it has not; columns are 1, 2, ...")
    brought.add_argument("--delimiter", default="", help="between the fields of a CSV file; default: found out")
    brought.add_argument("dataset", help="the dataset's name")
    brought.set_defaults(do=bring, header=None)


def bring(command: BaseCommand, options: dict[str, Any]) -> None:
    """Bring rows in from a file or a database."""
    source, came_from, password = sources.opened(options)
    request = services.Request(
        name=options["dataset"],
        map=options["map"],
        roles=options["roles"],
        zone=options["tz"],
        valid=(options["low"], options["high"]),
        source=came_from,
        password=password,
    )
    shown(command, lambda store, tell: services.import_rows(store, source, request, now=time.time(), tell=tell))


def sync(command: BaseCommand, options: dict[str, Any]) -> None:
    """Read what is new."""
    row, overlap = terminal.dataset(options["dataset"]), options["overlap"]
    if not 0 <= overlap <= OVERLAP_AT_MOST:
        raise ImportFault(f"--overlap is {overlap}; write seconds from 0 to {OVERLAP_AT_MOST}")
    shown(command, lambda store, tell: services.sync(store, row, now=time.time(), tell=tell, overlap=overlap))


def make(command: BaseCommand, options: dict[str, Any]) -> None:
    """Make rows; onto rows that are there only where they may be replaced."""
    if not 1 <= options["rows"] <= ROWS_AT_MOST:
        raise ImportFault(f"--rows is {options['rows']}; write a number from 1 to {ROWS_AT_MOST}")
    source = _generated(options)
    old = Dataset.objects.filter(name=options["dataset"]).first()
    if old and not old.generated:
        raise ImportFault(f"{old.name} holds rows that are not generated; choose another name")
    if old and old.version and not options["replace"]:
        raise ImportFault(
            f"{old.name} has {old.rows:,} generated rows already; --replace makes new ones in their place, or choose"
            " another name"
        )
    request = services.Request(name=options["dataset"], zone=generate.ZONE, valid=source.valid, generated=True)

    def made(store: Store, tell: Callable[[Progress], None]) -> ImportRun:
        if old and old.version:
            services.remove(store, old)
        return services.import_rows(store, source, request, now=time.time(), tell=tell)

    shown(command, made)


def _generated(options: dict[str, Any]) -> generate.Generated:
    """Give the rows that are asked for; ImportFault where a word is wrong."""
    try:
        end = date.fromisoformat(options["end"]) if options["end"] else generate.LAST_DAY
    except ValueError:
        raise ImportFault(f"--end is {options['end'][:40]!r}; write a day, for example 2026-11-20") from None
    if not 1971 < end.year < 2100:
        raise ImportFault(f"--end is {end}; write a day from 1972 to 2099")
    if not 1 <= options["days"] <= generate.MOST_DAYS:
        raise ImportFault(f"--days is {options['days']}; write a number from 1 to {generate.MOST_DAYS}")
    return generate.Generated(options["rows"], abs(options["seed"]), end=end, days=options["days"])


def schedule(command: BaseCommand, options: dict[str, Any]) -> None:
    """Let a worker sync a dataset now and then, or not any more."""
    row = terminal.dataset(options["dataset"])
    if not options["off"] and options["every"] < 1:
        raise ImportFault(f"--every is {options['every']}; write minutes from 1 to {asked.MOST_MINUTES}, or --off")
    asked.schedule(row, options["every"] or 0)
    command.stdout.write(
        f"{row.name} is synced every {row.sync_minutes} min by a worker"
        if row.sync_minutes
        else f"{row.name} is not synced by itself"
    )


def cancel(command: BaseCommand, options: dict[str, Any]) -> None:
    """Stop an import."""
    if not services.cancel(terminal.dataset(options["dataset"])):
        raise ImportFault(f"no import into {options['dataset'][:60]} is running")
    command.stdout.write("asked to stop; it ends after the block it is in")
