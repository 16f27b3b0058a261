"""What changes datasets: import, sync, cancel, remove. Each is safe to repeat."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from analytics import claims, sealed
from analytics import dataset as core
from analytics.importing import mapping as mappings
from analytics.importing.blocks import ImportFault, Source
from analytics.importing.mapping import Columns
from analytics.importing.mysql import Address, MySqlRows
from analytics.importing.publish import Published
from analytics.importing.running import Position, Progress, abandon, clear, run_import
from analytics.models import Dataset, ImportRun
from analytics.store.client import Store
from analytics.store.errors import StoreError
from analytics.store.schema import Tables

SILENT_SECONDS = 600  # a program on another host that said nothing for so long is gone
OVERLAP_SECONDS = 86_400  # what a sync reads again, for rows that came in late


class CancelledError(Exception):
    """Someone cancelled the import; what it had collected is removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person said of an import; "" and None where nothing was said."""

    name: str
    map: str = ""
    roles: str = ""
    zone: str = ""
    valid: tuple[str, str] = ("", "")
    generated: bool = False
    source: Mapping[str, Any] = field(default_factory=dict)
    password: str = ""


def import_rows(
    store: Store, source: Source, request: Request, *, now: float, tell: Callable[[Progress], None]
) -> ImportRun:
    """Bring a source's rows into a dataset, which is made when it is new; an attempt that broke off is taken up again.

    ImportFault, StoreError: nothing has changed, the old rows serve. CancelledError: likewise, by a person's wish. What
    `tell` raises leaves the import as it is, to go on by the same call.
    """
    columns = mappings.completed(
        mappings.written(request.map), source.columns, source.sample(), named=getattr(source, "named", True)
    )
    layout = mappings.layout_of(columns, source.columns, source.sample())
    row = _dataset(request, columns, layout)
    _claim(row)
    try:
        run = _run(store, row, source, columns)
        return _perform(store, row, run, source, columns, now=now, tell=tell)
    finally:
        Dataset.objects.filter(pk=row.pk, claim=claims.own()).update(claim="")


def sync(
    store: Store,
    row: Dataset,
    *,
    now: float,
    tell: Callable[[Progress], None],
    password: str = "",
    overlap: int = OVERLAP_SECONDS,
) -> ImportRun:
    """Read what is new in the table a dataset came from, and the last day once more for rows that came late."""
    if "mysql" not in row.source:
        raise ImportFault(
            f"{row.name} did not come from MySQL or MariaDB; import its next file by dataset import {row.name}"
        )
    password = password or (sealed.unseal(row.secret, settings.SECRET_KEY, row.name) if row.secret else "")
    address = Address(**{**row.source["mysql"], "password": password})
    source = MySqlRows(address, table=row.source.get("table", ""), query=row.source.get("query", ""))
    column = row.mapping["fields"]["ts"]
    if row.version and column in source.columns:
        source.begin_at(column, row.last_ts - overlap, ZoneInfo(row.zone))
    return import_rows(store, source, Request(name=row.name, map=_written(row)), now=now, tell=tell)


def cancel(row: Dataset) -> bool:
    """Ask the import that runs to stop; False when none does."""
    return bool(row.runs.filter(state=ImportRun.State.RUNNING).update(cancel=True))


def remove(store: Store, row: Dataset) -> None:
    """Remove a dataset with its rows; ImportFault while an import runs."""
    _claim(row)
    Tables(store, row.name).drop_database()
    row.delete()


def _dataset(request: Request, columns: Columns, layout: core.Layout) -> Dataset:
    """Give the dataset, made or found.

    ImportFault where a name, a zone, a day is wrong, or does not fit the rows it has.
    """
    if not core.NAME.fullmatch(request.name):
        raise ImportFault(f"{request.name[:60]!r} is no name for a dataset; {core.NAME_RULE}")
    row = Dataset.objects.filter(name=request.name).first() or Dataset(name=request.name)
    zone = request.zone or row.zone
    low, high = _valid(request.valid, _zone(zone))
    if row.version and (
        zone != row.zone or (low or row.valid_from, high or row.valid_to) != (row.valid_from, row.valid_to)
    ):
        raise ImportFault(
            f"{row.name} has its rows in zone {row.zone} and in its own valid range;"
            " import into a new dataset to change them"
        )
    if row.version and core.Layout.from_dict(row.layout) != layout:
        old = core.Layout.from_dict(row.layout)
        if old.dimensions != layout.dimensions:
            raise ImportFault(
                f"{row.name} has the dimensions {_names(old)}, these rows {_names(layout)};"
                " give the same --map, or import into a new dataset"
            )
        layout = old  # a source whose sample happens to be all numbers is read as the dataset has it
    mapped = {
        "fields": dict(columns.fields),
        "dimensions": {name: list(value) for name, value in columns.dimensions.items()},
    }
    if not row.version:
        row.mapping, row.layout, row.generated = mapped, layout.as_dict(), request.generated
    elif set(mapped["fields"]) != set(row.mapping["fields"]):
        raise ImportFault(
            f"{row.name} was imported with {', '.join(sorted(row.mapping['fields']))};"
            f" these rows have {', '.join(sorted(mapped['fields']))}"
        )
    row.zone, row.valid_from, row.valid_to = zone, low or row.valid_from, high or row.valid_to
    if request.roles:
        if row.version:
            raise ImportFault(f"{row.name} has rows whose roles are set; import into a new dataset to change them")
        row.roles, row.roles_given = mappings.written_roles(request.roles), True
    if request.source:
        row.source = dict(request.source)
        row.secret = sealed.seal(request.password, settings.SECRET_KEY, row.name) if request.password else ""
    row.save()
    return row


def _names(layout: core.Layout) -> str:
    return ", ".join(name for name, _ in layout.dimensions) or "(none)"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ImportFault(
            f"there is no time zone {name[:60]!r}; write one like Asia/Shanghai or Europe/Berlin"
        ) from None


def _valid(words: tuple[str, str], zone: ZoneInfo) -> tuple[int | None, int | None]:
    """Read the valid range: local days, the last one included."""
    found: list[int | None] = []
    for option, word, after in (("--from", words[0], 0), ("--to", words[1], 1)):
        try:
            found.append(core.start_of(date.fromisoformat(word) + timedelta(after), zone) if word else None)
        except (ValueError, OverflowError):
            raise ImportFault(f"{option} is {word[:40]!r}; write a day, for example 2017-11-25") from None
    low, high = found
    if (low is not None and low < 0) or (high is not None and high > 4_102_444_800):
        raise ImportFault("the valid range lies within 1970 and 2100")
    if low is not None and high is not None and low >= high:
        raise ImportFault(f"--to {words[1]} lies before --from {words[0]}")
    return low, high


def _claim(row: Dataset) -> None:
    """Take the dataset for this program; ImportFault while another one that lives has it."""
    last = row.runs.first()
    alive = claims.lives(row.claim) if row.claim else False
    if alive is None:
        alive = bool(last) and (timezone.now() - last.seen).total_seconds() < SILENT_SECONDS
    if alive and row.claim != claims.own():
        raise ImportFault(
            f"an import into {row.name} is running ({row.claim.rpartition(' ')[0]}); wait, or cancel it first"
        )
    if not Dataset.objects.filter(pk=row.pk, claim=row.claim).update(claim=claims.own()):
        raise ImportFault(f"another import into {row.name} has just begun; wait, or cancel it first")
    row.claim = claims.own()


def _run(store: Store, row: Dataset, source: Source, columns: Columns) -> ImportRun:
    """Give the attempt to go on with, else a new one; what others have left is removed."""
    identity, mapping = source.identity, [dict(columns.fields), {k: list(v) for k, v in columns.dimensions.items()}]
    states = (ImportRun.State.RUNNING, ImportRun.State.STOPPED, ImportRun.State.FAILED)
    for run in row.runs.filter(state__in=states):
        same = (run.identity, run.mapping, run.version) == (identity, mapping, row.version)
        if same and run.position and getattr(source, "resumable", True):
            run.state, run.error, run.cancel = ImportRun.State.RUNNING, "", False
            run.save()
            return run
        if run.position:
            abandon(Tables(store, row.name), run.pk, row.version)
        run.position, run.state = {}, run.state if run.state == ImportRun.State.FAILED else ImportRun.State.CANCELLED
        run.save()
    return ImportRun.objects.create(dataset=row, identity=identity, mapping=mapping, version=row.version)


def _perform(
    store: Store,
    row: Dataset,
    run: ImportRun,
    source: Source,
    columns: Columns,
    *,
    now: float,
    tell: Callable[[Progress], None],
) -> ImportRun:
    tables = Tables(store, row.name)
    _prepare(store, source, columns)
    before = run.rows_read if run.position else 0

    def told(progress: Progress) -> None:
        run.position, run.step, run.done = asdict(progress.position), progress.step, progress.done
        run.rows_read = before + progress.rows
        run.save(update_fields=["position", "step", "done", "rows_read", "seen"])
        if ImportRun.objects.filter(pk=run.pk, cancel=True).exists():
            raise CancelledError
        tell(replace(progress, rows=run.rows_read))

    try:
        published = run_import(
            tables, row.as_core(), source, columns, run=run.pk, now=now, position=Position(**run.position), tell=told
        )
    except (ImportFault, StoreError) as error:
        _end(run, ImportRun.State.FAILED, str(error))
        raise
    except CancelledError:
        abandon(tables, run.pk, row.version)
        run.position = {}
        _end(run, ImportRun.State.CANCELLED)
        raise
    except BaseException:  # Ctrl-C, or what `tell` raised: it can go on
        _end(run, ImportRun.State.STOPPED)
        raise
    _serve(row, run, published)
    clear(tables, run.pk, row.version)
    return run


def _prepare(store: Store, source: Source, columns: Columns) -> None:
    """Let a source read only the columns that are mapped, and the store fetch them where it can."""
    if hasattr(source, "narrow"):
        source.narrow([*columns.fields.values(), *(column for column, _ in columns.dimensions.values())])
    if isinstance(source, MySqlRows):
        source.offer(store)


def _serve(row: Dataset, run: ImportRun, published: Published) -> None:
    """Name the new version: from here on reports read it."""
    now = published.dataset
    values = {name: getattr(now, name) for name in ("version", "rows", "users", "first_ts", "last_ts")}
    values |= {"behaviours": dict(now.behaviours), "roles": dict(now.roles)}
    row.duplicates += published.duplicates
    row.quarantined += sum(published.quarantined.values())
    with transaction.atomic():
        done = Dataset.objects.filter(pk=row.pk, version=row.version).update(
            **values, duplicates=row.duplicates, quarantined=row.quarantined, updated=timezone.now()
        )
        if not done:
            raise ImportFault(f"{row.name} has changed meanwhile; import again")
        run.added, run.duplicates, run.quarantined = published.added, published.duplicates, published.quarantined
        run.position = {}
        _end(run, ImportRun.State.DONE)
    for name, value in values.items():
        setattr(row, name, value)


def _end(run: ImportRun, state: str, error: str = "") -> None:
    run.state, run.error, run.ended = state, error, timezone.now()
    run.save()


def _written(row: Dataset) -> str:
    """Give a dataset's mapping as --map has it."""
    fields = [f"{name}={column}" for name, column in row.mapping["fields"].items()]
    return ",".join(
        [*fields, *(f"{name}={column}:{kind}" for name, (column, kind) in row.mapping["dimensions"].items())]
    )
