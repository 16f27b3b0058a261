"""What changes datasets: import, sync, cancel, remove. Each is safe to repeat."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from analytics import claims, sealed, sources
from analytics.importing.blocks import ImportFault, Source
from analytics.importing.mapping import Columns
from analytics.importing.publish import Published
from analytics.importing.running import Position, Progress, abandon, clear, run_import
from analytics.models import Dataset, ImportRun
from analytics.requests import Request, came_from, columns_of, prepared
from analytics.store.client import Store
from analytics.store.errors import StoreError
from analytics.store.schema import Tables
from sdk.text import Text

__all__ = [
    "BusyError",
    "CancelledError",
    "Request",
    "alone",
    "cancel",
    "give_up",
    "import_rows",
    "remove",
    "see_wanted",
    "sync",
]
SILENT_SECONDS = 600  # a program on another host that said nothing for so long is gone
OVERLAP_SECONDS = 86_400  # what a sync reads again, for rows that came in late
_held: set[int] = set()  # the datasets that a thread of this program has: a claim names the program only
_lock = threading.Lock()


class CancelledError(Exception):
    """Someone cancelled the import; what it had collected is removed."""


class BusyError(ImportFault):
    """Another program that lives has the dataset. Try again when it is done."""


def import_rows(
    store: Store,
    source: Source,
    request: Request,
    *,
    now: float,
    tell: Callable[[Progress], None],
    asked: ImportRun | None = None,
) -> ImportRun:
    """Bring a source's rows into a dataset, which is made when it is new; an attempt that broke off is taken up again.

    asked: the import that a page has asked for, to be run now. ImportFault, StoreError: nothing has changed, the old
    rows serve. CancelledError: likewise, by a person's wish. What `tell` raises leaves the import as it is, to go on
    by the same call.
    """
    known = Dataset.objects.filter(name=request.name).first()
    if asked and not known:  # the dataset was removed meanwhile, and with it this import
        raise CancelledError
    with ExitStack() as held:
        if known:  # who is refused as busy has changed nothing
            held.enter_context(alone(known))
        row, columns = prepared(request, source)
        if not known:
            held.enter_context(alone(row))
        row.refresh_from_db()  # another import may have ended just before
        if asked:
            see_wanted(asked)
        run = _run(store, row, source, columns, asked)
        return _perform(store, row, run, source, columns, request, now=now, tell=tell)


def sync(
    store: Store,
    row: Dataset,
    *,
    now: float,
    tell: Callable[[Progress], None],
    password: str = "",
    overlap: int = OVERLAP_SECONDS,
    asked: ImportRun | None = None,
) -> ImportRun:
    """Read what is new in the table a dataset came from, and the last day once more for rows that came late."""
    if "mysql" not in row.source:
        raise ImportFault(
            Text("{name} did not come from MySQL or MariaDB; import its next file instead", name=row.name)
        )
    try:
        password = password or (sealed.unseal(row.secret, settings.SECRET_KEY, row.name) if row.secret else "")
    except ValueError as error:
        raise ImportFault(error.args[0]) from error
    source: Any = sources.opened(row.source, password)
    column = row.mapping["fields"]["ts"]
    if row.version and column in source.columns:
        source.begin_at(column, max(0, min(row.last_ts, int(now)) - overlap), ZoneInfo(row.zone))
    source.overlaps = True  # what is read once more was there already: the table need not hold anything twice
    wanted = Request(name=row.name, columns=columns_of(row))
    return import_rows(store, source, wanted, now=now, tell=tell, asked=asked)


def cancel(row: Dataset) -> bool:
    """End the import that waits, or ask the one that runs to stop; False when there is none."""
    waits = row.runs.filter(state=ImportRun.State.QUEUED, position={})
    ended = waits.update(state=ImportRun.State.CANCELLED, ended=timezone.now())
    states = (ImportRun.State.RUNNING, ImportRun.State.QUEUED)
    asked = row.runs.filter(state__in=states).update(cancel=True)
    stopped = row.runs.filter(state=ImportRun.State.STOPPED).exclude(request={}).update(cancel=True)
    return bool(ended or asked or stopped)


def see_wanted(run: ImportRun) -> None:
    """See, with its dataset claimed, that an import is still to be done; CancelledError where it is not any more."""
    run.refresh_from_db()
    if not run.open:
        raise CancelledError


def give_up(store: Store, run: ImportRun) -> None:
    """Remove what an import has collected that nobody wants any more, and end it."""
    row = run.dataset
    with alone(row):
        row.refresh_from_db(fields=["version"])  # what is removed is the version after the one that serves now
        abandon(Tables(store, row.name), run.pk, row.version)
        run.position = {}
        _end(run, ImportRun.State.CANCELLED)


def remove(store: Store, row: Dataset) -> None:
    """Remove a dataset with its rows; ImportFault while an import runs."""
    with alone(row):
        Tables(store, row.name).drop_database()
        row.delete()


def bring_up(store: Store, row: Dataset, progress: Callable[[float], None]) -> bool:
    """Build a dataset's rollups where those there have another form; say whether that was needed.

    They come with a version of their own: one that serves is never half filled, and no answer kept of it is taken for
    one of the new form. progress: called with the share that is done, first with 0; what it raises ends the work.
    BusyError while an import runs. StoreError: the old version serves.
    """
    tables = Tables(store, row.name)
    if tables.has_rollups(row.version):
        return False
    with alone(row):
        row.refresh_from_db()  # another program may have done it, or imported, just before
        if tables.has_rollups(row.version):
            return False
        progress(0)
        version = tables.create_version(row.as_core())
        tables.build_rollups(row.as_core(), version, progress)
        tables.settle(version)
        _move(row, version)
        tables.drop_version(version - 2)  # as after an import, the one before it stays
    return True


def _move(row: Dataset, version: int) -> None:
    """Let a version of the same rows serve. Imports that were left in the middle go on where they were."""
    with transaction.atomic():
        if not Dataset.objects.filter(pk=row.pk, version=row.version).update(version=version):
            raise BusyError(Text("{name} has changed meanwhile; import again", name=row.name))
        row.runs.exclude(position={}).filter(version=row.version).update(version=version)
    row.version = version


@contextmanager
def alone(row: Dataset) -> Iterator[None]:
    """Keep the dataset for the caller meanwhile; BusyError while another thread, or a program that lives, has it."""
    pk = row.pk  # a removed row has none
    with _lock:
        taken = pk in _held
        _held.add(pk)
    if taken:
        raise _busy(row.name, claims.own())
    try:
        row.claim = Dataset.objects.filter(pk=pk).values_list("claim", flat=True).first() or ""
        _claim(row)
        try:
            yield
        finally:
            Dataset.objects.filter(pk=pk, claim=claims.own()).update(claim="")
    finally:
        _held.discard(pk)


def _claim(row: Dataset) -> None:
    """Take the dataset for this program; BusyError while another one that lives has it."""
    last = row.runs.first()
    alive = claims.lives(row.claim) if row.claim else False
    if alive is None:
        alive = bool(last) and (timezone.now() - last.seen).total_seconds() < SILENT_SECONDS
    if alive and row.claim != claims.own():
        raise _busy(row.name, row.claim)
    if not Dataset.objects.filter(pk=row.pk, claim=row.claim).update(claim=claims.own()):
        raise BusyError(Text("another import into {name} has just begun; wait, or cancel it first", name=row.name))
    row.claim = claims.own()


def _busy(name: str, claim: str) -> BusyError:
    words = {"name": name, "program": claim.rpartition(" ")[0]}
    return BusyError(Text("an import into {name} is running ({program}); wait, or cancel it first", **words))


def _run(store: Store, row: Dataset, source: Source, columns: Columns, asked: ImportRun | None) -> ImportRun:
    """Give the attempt to go on with, else a new one; what others have left is removed."""
    sync = {"sync": True} if getattr(source, "overlaps", False) else {}  # it reads another part of the same table
    identity, mapping = source.identity | sync, _meaning(row, columns)
    states = (ImportRun.State.RUNNING, ImportRun.State.STOPPED, ImportRun.State.FAILED)
    wanted = [asked] if asked else []
    for run in [*wanted, *row.runs.filter(state__in=states).exclude(pk=asked.pk if asked else None)]:
        same = (run.identity, run.mapping, run.version) == (identity, mapping, row.version)
        if same and run.position and getattr(source, "resumable", True) and asked in (None, run):
            return _begun(run, {"cancel": run.cancel and run == asked})
        if run.position:
            abandon(Tables(store, row.name), run.pk, row.version)
        if run != asked:
            run.position = {}
            run.state = run.state if run.state == ImportRun.State.FAILED else ImportRun.State.CANCELLED
            run.save()
    fresh = {"identity": identity, "mapping": mapping, "version": row.version, "position": {}, "rows_read": 0}
    return _begun(asked or ImportRun(dataset=row), {**fresh, "done": 0.0, "step": "", "began": None})


def _meaning(row: Dataset, columns: Columns) -> list[Any]:
    """Give what says how rows are read, as JSON; blocks read otherwise do not go together."""
    dimensions = {name: list(value) for name, value in columns.dimensions.items()}
    return [dict(columns.fields), dimensions, row.layout, row.zone, [row.valid_from, row.valid_to]]


def _begun(run: ImportRun, values: dict[str, object]) -> ImportRun:
    """Note that a program has begun with an import, or goes on; the time in which nobody worked on it is left out."""
    now = timezone.now()
    for name, value in values.items():
        setattr(run, name, value)
    run.began = now - (run.seen - run.began) if run.began and run.seen else now
    run.state, run.error, run.fault, run.ended = ImportRun.State.RUNNING, "", {}, None
    run.save()
    return run


def _perform(  # noqa: PLR0913  # each is one thing that an import needs
    store: Store,
    row: Dataset,
    run: ImportRun,
    source: Source,
    columns: Columns,
    request: Request,
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
        _end(run, ImportRun.State.FAILED, error)
        raise
    except CancelledError:
        abandon(tables, run.pk, row.version)
        run.position = {}
        _end(run, ImportRun.State.CANCELLED)
        raise
    except BaseException:  # Ctrl-C, or what `tell` raised: it can go on
        _end(run, ImportRun.State.STOPPED)
        raise
    _serve(row, run, published, {**came_from(request), "read_ts": int(now)})
    clear(tables, run.pk, row.version)
    return run


def _prepare(store: Store, source: Source, columns: Columns) -> None:
    """Let a source read only the columns that are mapped, and the store fetch them where it can."""
    if hasattr(source, "narrow"):
        source.narrow([*columns.fields.values(), *(column for column, _ in columns.dimensions.values())])
    if hasattr(source, "offer"):
        source.offer(store)


def _serve(row: Dataset, run: ImportRun, published: Published, came: dict[str, Any]) -> None:
    """Name the new version: from here on reports read it. came: where a sync finds its rows, and when it was read."""
    now = published.dataset
    values = {name: getattr(now, name) for name in ("version", "rows", "users", "first_ts", "last_ts")}
    values |= {"behaviours": dict(now.behaviours), "roles": dict(now.roles), **came}
    row.duplicates += published.duplicates - published.known
    row.quarantined += sum(published.quarantined.values())
    with transaction.atomic():
        done = Dataset.objects.filter(pk=row.pk, version=row.version).update(
            **values, duplicates=row.duplicates, quarantined=row.quarantined, updated=timezone.now()
        )
        if not done:
            raise ImportFault(Text("{name} has changed meanwhile; import again", name=row.name))
        run.added, run.duplicates, run.quarantined = published.added, published.duplicates, published.quarantined
        run.position = {}
        _end(run, ImportRun.State.DONE)
    for name, value in values.items():
        setattr(row, name, value)


def _end(run: ImportRun, state: str, error: Exception | None = None) -> None:
    said = told(error) if error else None
    run.state, run.error, run.fault, run.ended = state, said or "", said.as_dict() if said else {}, timezone.now()
    run.save()


def told(error: Exception) -> Text:
    """Give what an error says, with its template where it has one."""
    return Text.of(error.args[0] if error.args and isinstance(error.args[0], str) else str(error))
