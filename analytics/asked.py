"""Imports that a page asks for: they wait in the database until a worker takes them; syncs that are due join them."""

import logging
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from analytics import claims, people, sealed, services, sources
from analytics.dataset import Kind
from analytics.importing.blocks import ImportFault, Source
from analytics.importing.mapping import Columns
from analytics.importing.running import Progress
from analytics.models import Dataset, ImportRun
from analytics.requests import Request, prepared
from analytics.store.client import Store
from analytics.store.errors import StoreError
from sdk.text import Text

log = logging.getLogger(__name__)
State = ImportRun.State
OPEN = Q(state__in=(State.QUEUED, State.RUNNING)) | (Q(state=State.STOPPED) & ~Q(request={}))
SYNC = {"source": {"sync": True}}
MOST_MINUTES = 44_640  # a month


class StoppedError(Exception):
    """The worker was asked to end; what it was at is for the next one."""


def ask(request: Request, source: Source, kept: Mapping[str, Any], by: str) -> ImportRun:
    """Let a worker import a source's rows. kept: the source as analytics.sources opens it.

    ImportFault: what was said does not fit, or the dataset has an import already.
    """
    if row := Dataset.objects.filter(name=request.name).first():
        _alone(row)
    row, _ = prepared(request, source)  # asks the source: no transaction waits for it
    return _queue(row, {"source": dict(kept), **_plain(request)}, by, request.password)


def ask_sync(row: Dataset, by: str) -> ImportRun:
    """Let a worker read what is new in the table that a dataset came from."""
    if "mysql" not in row.source:
        raise ImportFault(
            Text("{name} did not come from MySQL or MariaDB; import its next file instead", name=row.name)
        )
    return _queue(row, SYNC, by)


def ask_people(
    row: Dataset, source: Source, kept: Mapping[str, Any], by: str, *, columns: str = "", password: str = ""
) -> ImportRun:
    """Let a worker bring in a users table. kept: as for `ask`; columns: as --map of the command has them."""
    people.fitting(row, source, columns)
    return _queue(row, {"source": dict(kept), "people": True, "map": columns}, by, password)


def again(run: ImportRun, by: str) -> None:
    """Let a worker take up an import that failed, stopped or was cancelled; it goes on where it was if it can."""
    if not run.request:
        raise ImportFault(
            Text(
                "this import of {name} was begun on the command line; the same command takes it up",
                name=run.dataset.name,
            )
        )
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=run.dataset_id)
        run.refresh_from_db()  # the page that asks may be an hour old
        _alone(run.dataset)
        if run.state == State.DONE:
            raise ImportFault(
                Text("this import of {name} is done; there is nothing to try again", name=run.dataset.name)
            )
        run.state, run.error, run.cancel, run.ended, run.asked_by = State.QUEUED, "", False, None, by
        run.fault, run.attempts = {}, 0
        run.save()


def schedule(row: Dataset, minutes: int) -> None:
    """Sync a dataset every so many minutes from now on; 0 never."""
    if minutes and "mysql" not in row.source:
        raise ImportFault(
            Text("{name} did not come from MySQL or MariaDB; only a table can be read again by itself", name=row.name)
        )
    if not 0 <= minutes <= MOST_MINUTES:
        raise ImportFault(
            Text(
                "{minutes} is no time between two syncs; write minutes from 1 to {most}",
                minutes=minutes,
                most=MOST_MINUTES,
            )
        )
    row.sync_minutes = minutes
    row.sync_next = timezone.now() + timedelta(minutes=minutes) if minutes else None
    row.save(update_fields=["sync_minutes", "sync_next"])


def ask_due() -> int:
    """Ask for the syncs that are due, each once however many workers look; their number."""
    now, asked = timezone.now(), 0
    for row in Dataset.objects.filter(sync_minutes__gt=0, sync_next__lte=now, version__gt=0):
        following = now + timedelta(minutes=row.sync_minutes)
        if Dataset.objects.filter(pk=row.pk, sync_next=row.sync_next).update(sync_next=following):
            try:
                ask_sync(row, "schedule")
            except ImportFault as fault:  # one is under way: the next moment is soon enough
                log.info("%s: no sync now: %s", row.name, fault)
            else:
                asked += 1
    return asked


def waiting() -> Iterator[ImportRun]:
    """Give the imports that a worker may take: those that wait, and those whose program has died.

    Each is read right before it is given: while the one before it ran it may have been cancelled, or taken by another.
    """
    wanted = ImportRun.objects.filter(OPEN).exclude(request={})
    for pk in list(wanted.order_by("pk").values_list("pk", flat=True)):
        run = wanted.filter(pk=pk).select_related("dataset").first()
        if run and (run.state != State.RUNNING or not run.dataset.claim or not claims.lives(run.dataset.claim)):
            yield run


def work(store: Store, run: ImportRun, stopped: threading.Event) -> bool:
    """Run one import to its end; what goes wrong stands in it.

    False when another program has its dataset, or that was removed.
    """

    def tell(_: Progress | None) -> None:
        if stopped.is_set():
            raise StoppedError

    if run.attempts >= run.MOST_ATTEMPTS and not run.cancel:
        _fail(run, _deadly(run))
        return True
    _attempted(run, run.attempts + 1)  # written before the work: who is killed writes nothing more
    try:
        _perform(store, run, tell)
    except services.BusyError:
        _attempted(run, run.attempts - 1)
        return False
    except (services.CancelledError, StoppedError):
        pass
    except (ImportFault, StoreError, ValueError) as fault:
        _fail(run, services.told(fault))
    except Exception:
        log.exception("import %s failed", run)
        _fail(run, Text("the import failed by a fault of ours; the worker's log has the reason"))
    _attempted(run, 0)
    state = ImportRun.objects.filter(pk=run.pk).values_list("state", flat=True).first()
    log.info("import %s into %s: %s", run.pk, run.dataset.name, state or "removed")
    return state is not None


def _perform(store: Store, run: ImportRun, tell: Any) -> None:  # noqa: ANN401  # Callable[[Progress], None]
    if run.cancel:
        services.give_up(store, run)
        return
    now, kept = timezone.now().timestamp(), run.request["source"]
    if kept.get("sync"):
        services.sync(store, run.dataset, now=now, tell=tell, asked=run)
        return
    password = sealed.unseal(run.secret, settings.SECRET_KEY, run.dataset.name) if run.secret else ""
    if "people" in run.request:
        _bring_people(store, run, sources.opened(kept, password), now, tell)
        return
    request = _request(run.dataset.name, run.request, password)
    services.import_rows(store, sources.opened(kept, password), request, now=now, tell=tell, asked=run)


def _bring_people(store: Store, run: ImportRun, source: Source, now: float, tell: Any) -> None:  # noqa: ANN401  # as above
    """Bring in a users table; one that stopped begins anew."""

    def told(done: float, rows: int) -> None:
        run.done, run.rows_read = done, rows
        run.save(update_fields=["done", "rows_read", "seen"])
        if ImportRun.objects.filter(pk=run.pk, cancel=True).exists():
            raise services.CancelledError
        tell(None)

    kept = run.request["source"] if "mysql" in run.request["source"] else {}
    with services.alone(run.dataset):
        services.see_wanted(run)
        run.state, run.step, run.began, run.error, run.ended = State.RUNNING, "read", timezone.now(), "", None
        run.save()
        try:
            found = people.brought(store, run.dataset, source, map=run.request["map"], kept=kept, now=now, tell=told)
        except (services.CancelledError, StoppedError) as stopped:
            _ended(run, State.STOPPED if isinstance(stopped, StoppedError) else State.CANCELLED)
            raise
        run.added, run.duplicates, run.done = found.users, found.duplicates, 1.0
        _ended(run, State.DONE)


def _ended(run: ImportRun, state: ImportRun.State) -> None:
    run.state, run.ended = state, timezone.now()
    run.save(update_fields=["state", "ended", "added", "duplicates", "done", "seen"])


def _fail(run: ImportRun, sentence: Text) -> None:
    ImportRun.objects.filter(pk=run.pk).exclude(state=State.DONE).update(
        state=State.FAILED, error=str(sentence), fault=sentence.as_dict(), ended=timezone.now()
    )


def _attempted(run: ImportRun, times: int) -> None:
    run.attempts = times
    ImportRun.objects.filter(pk=run.pk).update(attempts=times)


def _deadly(run: ImportRun) -> Text:
    """Say that no further worker shall die over an import."""
    return Text(
        "{attempts} workers ended over this import without a word, the last after {rows:,} rows: most likely the system"
        " ended them for want of memory (its log says so: out of memory), or they crashed (the worker's log says so)."
        " It is not taken up again by itself. Give this machine more memory, or import less at once (a query, a"
        " part of the file), then go on; what was read is kept",
        attempts=run.attempts,
        rows=run.rows_read,
    )


def _queue(row: Dataset, plain: Mapping[str, Any], by: str, password: str = "") -> ImportRun:
    secret = sealed.seal(password, settings.SECRET_KEY, row.name) if password else ""
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=row.pk)
        _alone(row)
        return ImportRun.objects.create(
            dataset=row, state=State.QUEUED, request=dict(plain), secret=secret, asked_by=by, version=row.version
        )


def _alone(row: Dataset) -> None:
    """See that no other import of the dataset waits or runs."""
    if row.runs.filter(OPEN).exists():
        raise services.BusyError(
            Text("an import into {name} is under way; wait for its end, or cancel it first", name=row.name)
        )


def _plain(request: Request) -> dict[str, Any]:
    columns = request.columns
    return {
        "map": request.map,
        "columns": columns
        and {
            "fields": dict(columns.fields),
            "dimensions": {name: list(value) for name, value in columns.dimensions.items()},
            "kinds": dict(columns.kinds),
        },
        "codes": request.codes and dict(request.codes),
        "zone": request.zone,
        "valid": list(request.valid),
        "generated": request.generated,
        "kept": dict(request.source),
    }


def _request(name: str, plain: Mapping[str, Any], password: str) -> Request:
    columns = plain["columns"]
    return Request(
        name=name,
        map=plain["map"],
        columns=columns
        and Columns(
            columns["fields"],
            {word: (column, Kind(kind)) for word, (column, kind) in columns["dimensions"].items()},
            {word: Kind(kind) for word, kind in columns["kinds"].items()},
        ),
        codes=plain["codes"],
        zone=plain["zone"],
        valid=(plain["valid"][0], plain["valid"][1]),
        generated=plain["generated"],
        source=plain["kept"],
        password=password,
    )
