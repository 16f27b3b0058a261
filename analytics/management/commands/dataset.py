"""manage.py dataset: connect behaviour tables, keep them current, look at them.

Exit codes: 0 done, 1 broken off, 2 usage.
"""

import csv
import sys
import time
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from analytics import asked, generate, people, services, sources, terminal
from analytics.dataset import Dataset as Core
from analytics.importing.blocks import ImportFault, Source
from analytics.importing.mysql import Address
from analytics.importing.running import Progress
from analytics.importing.stage import REASONS
from analytics.models import Dataset, ImportRun
from analytics.store.schema import Tables

TELL_SECONDS = 2.0
ROWS_AT_MOST = 1_000_000_000


class Command(BaseCommand):
    """Import, sync, generate, list, cancel, remove, and save what was quarantined."""

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
        brought = acts.add_parser("import", help="bring rows in; an import that broke off goes on by the same words")
        source = brought.add_mutually_exclusive_group(required=True)
        source.add_argument("--csv", type=Path, metavar="FILE", help="a CSV file in UTF-8, .gz or not")
        source.add_argument("--parquet", type=Path, metavar="FILE", help="a Parquet file")
        source.add_argument(
            "--mysql", metavar="URL", help="mysql://user:password@host:3306/database; - reads it from stdin"
        )
        brought.add_argument("--table", default="", help="with --mysql: the table")
        brought.add_argument("--query", default="", help="with --mysql: a SELECT instead of a table")
        brought.add_argument(
            "--map",
            default="",
            help="user=..,item=..,category=..,behaviour=..,ts=..,amount=..,order=..,channel=..; others: dimensions",
        )
        brought.add_argument("--roles", default="", help="which code is what: pv=view,fav=fav,cart=cart,buy=buy")
        brought.add_argument(
            "--tz", default="", help="time zone of the local days, for example Asia/Shanghai; default UTC"
        )
        brought.add_argument("--from", dest="low", default="", help="first valid day; earlier rows are quarantined")
        brought.add_argument("--to", dest="high", default="", help="last valid day; later rows are quarantined")
        header = brought.add_mutually_exclusive_group()
        header.add_argument(
            "--header", dest="header", action="store_true", default=None, help="the first line has names"
        )
        header.add_argument(
            "--no-header", dest="header", action="store_false", help="it has not; columns are 1, 2, ..."
        )
        brought.add_argument("--delimiter", default="", help="between the fields of a CSV file; default: found out")
        synced = acts.add_parser("sync", help="read what is new in the table a dataset came from")
        synced.add_argument(
            "--overlap",
            type=int,
            default=services.OVERLAP_SECONDS,
            help="seconds read again for late rows; default a day",
        )
        made = acts.add_parser("generate", help="make rows of UserBehavior's shape")
        made.add_argument("--rows", type=int, default=1_000_000, help="how many; default 1000000")
        made.add_argument("--seed", type=int, default=1, help="the same seed gives the same rows")
        made.add_argument("--end", default="", metavar="DAY", help="the last day; default 2017-12-03, as published")
        made.add_argument("--days", type=int, default=generate.DAYS, help="how many days; default 9, as published")
        timed = acts.add_parser("schedule", help="sync by itself, by a worker")
        how = timed.add_mutually_exclusive_group(required=True)
        how.add_argument("--every", type=int, metavar="MINUTES", help="how often")
        how.add_argument("--off", action="store_true", help="never by itself")
        known = acts.add_parser("people", help="bring in when each user was registered, and by which channel")
        listed = known.add_mutually_exclusive_group(required=True)
        listed.add_argument("--csv", type=Path, metavar="FILE", help="a CSV file in UTF-8 with a header, .gz or not")
        listed.add_argument(
            "--mysql", metavar="URL", help="mysql://user:password@host:3306/database; - reads it from stdin"
        )
        listed.add_argument("--remove", action="store_true", help="remove the users table")
        known.add_argument("--table", default="", help="with --mysql: the table")
        known.add_argument("--query", default="", help="with --mysql: a SELECT instead of a table")
        known.add_argument("--map", default="", metavar="user=COLUMN,registered_at=COLUMN,channel=COLUMN")
        known.set_defaults(parquet=None, header=True, delimiter="")
        acts.add_parser("list", help="list the datasets").add_argument("--json", action="store_true", help="as JSON")
        saved = acts.add_parser("quarantine", help="save the lines that were no rows, with their reasons")
        saved.add_argument("--csv", type=Path, required=True, metavar="FILE", help="where to")
        for act in (
            brought,
            synced,
            made,
            timed,
            known,
            saved,
            acts.add_parser("cancel", help="stop the import that runs"),
            acts.add_parser("remove", help="remove a dataset and its rows"),
        ):
            act.add_argument("dataset", help="the dataset's name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for."""
        with terminal.one_line():
            getattr(self, f"{options['act']}_")(options)

    def import_(self, options: dict[str, Any]) -> None:
        """Bring rows in from a file or a database."""
        source, came_from, password = _source(options)
        request = services.Request(
            name=options["dataset"],
            map=options["map"],
            roles=options["roles"],
            zone=options["tz"],
            valid=(options["low"], options["high"]),
            source=came_from,
            password=password,
        )
        self._brought(lambda store, tell: services.import_rows(store, source, request, now=time.time(), tell=tell))

    def sync_(self, options: dict[str, Any]) -> None:
        """Read what is new."""
        row = terminal.dataset(options["dataset"])
        self._brought(
            lambda store, tell: services.sync(store, row, now=time.time(), tell=tell, overlap=options["overlap"])
        )

    def generate_(self, options: dict[str, Any]) -> None:
        """Make rows."""
        if not 1 <= options["rows"] <= ROWS_AT_MOST:
            raise ImportFault(f"--rows is {options['rows']}; write a number from 1 to {ROWS_AT_MOST}")
        if Dataset.objects.filter(name=options["dataset"], generated=False).exists():
            raise ImportFault(f"{options['dataset']} holds rows that are not generated; choose another name")
        source = _generated(options)
        request = services.Request(name=options["dataset"], zone=generate.ZONE, valid=source.valid, generated=True)
        self._brought(lambda store, tell: services.import_rows(store, source, request, now=time.time(), tell=tell))

    def schedule_(self, options: dict[str, Any]) -> None:
        """Let a worker sync a dataset now and then, or not any more."""
        row = terminal.dataset(options["dataset"])
        if not options["off"] and options["every"] < 1:
            raise ImportFault(f"--every is {options['every']}; write minutes from 1 to {asked.MOST_MINUTES}, or --off")
        asked.schedule(row, options["every"] or 0)
        self.stdout.write(
            f"{row.name} is synced every {row.sync_minutes} min by a worker"
            if row.sync_minutes
            else f"{row.name} is not synced by itself"
        )

    def people_(self, options: dict[str, Any]) -> None:
        """Bring the users table in, or remove it."""
        row = terminal.dataset(options["dataset"])
        if options["remove"]:
            with terminal.store() as store:
                people.remove_people(store, row)
            return
        source, kept, _ = _source(options)
        with terminal.store() as store:
            found = people.import_people(
                store, row, source, map=options["map"], kept=kept, now=time.time(), tell=lambda *_: None
            )
        self.stdout.write(
            f"{row.name}: {found.users:,} users with their registration, {found.duplicates:,} exact duplicates left"
            f" out, {found.conflicts:,} users with several moments or channels, of which the earliest counts,"
            f" {sum(found.quarantined.values()):,} lines left out"
        )
        for why, number in found.quarantined.items():
            self.stdout.write(f"· {number} left out: {REASONS.get(why, why)}")

    def list_(self, options: dict[str, Any]) -> None:
        """Show the datasets."""
        rows = list(Dataset.objects.all())
        if options["json"]:
            terminal.print_json(self, [_described(row) for row in rows])
            return
        head = ("name", "rows", "users", "from", "to", "zone", "duplicates", "quarantined", "last import")
        terminal.print_table(self, head, [_line(row) for row in rows])

    def cancel_(self, options: dict[str, Any]) -> None:
        """Stop an import."""
        if not services.cancel(terminal.dataset(options["dataset"])):
            raise ImportFault(f"no import into {options['dataset']} is running")
        self.stdout.write("asked to stop; it ends after the block it is in")

    def remove_(self, options: dict[str, Any]) -> None:
        """Remove a dataset."""
        with terminal.store() as store:
            services.remove(store, terminal.dataset(options["dataset"]))

    def quarantine_(self, options: dict[str, Any]) -> None:
        """Save the lines that were no rows."""
        row = terminal.dataset(options["dataset"])
        with terminal.store() as store:
            name = Tables(store, row.name).name("quarantine")
            found = store.ask(f"SELECT run, why, line FROM {name} ORDER BY run, why, line") if row.version else None
        try:
            with options["csv"].open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(("import", "reason", "line"))
                for run, why, line in found.rows if found else ():
                    text = line if isinstance(line, str) else line.decode("utf-8", "replace")
                    writer.writerow((run, REASONS.get(why, why), text.replace("\x1f", ",")))
        except OSError as error:
            raise ImportFault(f"{options['csv']}: cannot be written ({error.strerror})") from error

    def _brought(self, act: Any) -> None:
        meter = Meter()
        try:
            with terminal.store() as store:
                run = act(store, meter.tell)
        except services.CancelledError:
            raise terminal.Refused("the import was cancelled; the dataset is as it was", terminal.FAILED) from None
        except KeyboardInterrupt:
            raise terminal.Refused("stopped; the same command goes on where it was", terminal.FAILED) from None
        finally:
            meter.end()
        self.stdout.write(_summary(run))
        for why, number in run.quarantined.items():
            self.stdout.write(f"· {number} quarantined: {REASONS.get(why, why)}")
        own = sorted(set(run.dataset.behaviours) - set(run.dataset.roles))
        if own:
            self.stdout.write(terminal.safe(f"· kept as behaviours without a role: {', '.join(own)[:300]}"))


class Meter:
    """Show on stderr how far an import is."""

    def __init__(self) -> None:
        self._last = 0.0
        self._shown = False

    def tell(self, progress: Progress) -> None:
        """Show the progress, now and then."""
        if time.monotonic() - self._last < TELL_SECONDS:
            return
        self._last = time.monotonic()
        speed = (
            f", {progress.rows / progress.seconds:,.0f} rows/s"
            if progress.step == "read" and progress.seconds > 0.1
            else ""
        )
        left = f", {progress.left:.0f} s left" if progress.left is not None else ""
        sys.stderr.write(f"{progress.step}: {progress.done:.0%}, {progress.rows:,} rows{speed}{left}\n")
        self._shown = True

    def end(self) -> None:
        """Leave the terminal as it was."""
        if self._shown:
            sys.stderr.flush()


def _source(options: dict[str, Any]) -> tuple[Source, dict[str, Any], str]:
    """Open what was named: the source, what to keep of it for a sync, its password."""
    if options["csv"]:
        kept = {"csv": str(options["csv"]), "header": options["header"], "delimiter": options["delimiter"]}
        return sources.opened(kept), {}, ""
    if options["parquet"]:
        return sources.opened({"parquet": str(options["parquet"])}), {}, ""
    url = sys.stdin.readline().strip() if options["mysql"] == "-" else options["mysql"]
    address = Address.read(url)
    kept = {"mysql": sources.plain(address), "table": options["table"], "query": options["query"]}
    return sources.opened(kept, address.password), kept, address.password


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


def _summary(run: ImportRun) -> str:
    row = run.dataset
    return (
        f"{row.name}: {run.added:,} rows added, {run.duplicates:,} exact duplicates left out,"
        f" {sum(run.quarantined.values()):,} quarantined; now {row.rows:,} rows of {row.users:,} users"
    )


def _line(row: Dataset) -> list[str]:
    core: Core = row.as_core()
    days = [str(core.first_day), str(core.day_of(core.last_ts))] if row.version else ["", ""]
    last = row.runs.first()
    mark = f"{row.name} (generated)" if row.generated else row.name
    state = f"{last.state} {last.ended or last.started:%Y-%m-%d %H:%M}" if last else ""
    return [mark, str(row.rows), str(row.users), *days, row.zone, str(row.duplicates), str(row.quarantined), state]


def _described(row: Dataset) -> dict[str, Any]:
    core = row.as_core()
    last = row.runs.first()
    return {
        "name": row.name,
        "rows": row.rows,
        "users": row.users,
        "zone": row.zone,
        "version": row.version,
        "first": str(core.first_day) if row.version else None,
        "last": str(core.day_of(core.last_ts)) if row.version else None,
        "duplicates": row.duplicates,
        "quarantined": row.quarantined,
        "behaviours": row.behaviours,
        "roles": row.roles,
        "generated": row.generated,
        "people": row.people,
        "last_import": {"state": last.state, "done": last.done, "error": last.error} if last else None,
    }
