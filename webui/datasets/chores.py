"""What the worker does for datasets: the imports that pages asked for, syncs that are due, the generated dataset.

What is heavy (Arrow, the drivers) is loaded when there is work, so that a worker that waits is small.
"""

import hashlib
import logging
import os
import socket
import threading
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from analytics.models import Dataset, ImportRun
from analytics.store import rollups as forms

log = logging.getLogger(__name__)
DEMO, DEMO_ROWS, DEMO_DAYS, DEMO_SEED = "demo", 1_000_000, 56, 20
State = ImportRun.State
away: set[str] = set()  # what has been said of a store that is away, once
unbuilt: set[tuple[int, int]] = set()  # datasets, with their versions, whose rollups could not be built: said once


def imports(stopped: threading.Event) -> None:
    """Run what waits, one import after the other."""
    if (
        not ImportRun.objects.exclude(request={})
        .filter(state__in=(State.QUEUED, State.STOPPED, State.RUNNING))
        .exists()
    ):
        return
    from analytics import asked
    from analytics.connected import connected
    from analytics.store.errors import StoreAwayError
    from webui.datasets import uploads

    for run in asked.waiting():
        if stopped.is_set():
            return
        try:
            store = connected()
        except StoreAwayError as error:
            if str(error) not in away:
                log.warning("imports wait: %s", error)
                away.add(str(error))
            return
        away.clear()
        if asked.work(store, run, stopped):
            run.refresh_from_db()
            if run.state in (State.DONE, State.CANCELLED):
                uploads.done_with(run)


def syncs(_: threading.Event) -> None:
    """Ask for the syncs that are due."""
    if Dataset.objects.filter(sync_minutes__gt=0, sync_next__lte=timezone.now()).exists():
        from analytics import asked

        asked.ask_due()


def rollups(stopped: threading.Event) -> None:
    """Build the rollups of datasets that were imported when they had another form. Those that cannot be are said once.

    A store is asked once for each form, not at each start: until it is asked, its engine takes no memory.
    """
    mark, form = settings.HOME / "rollups", _form()
    if stopped.is_set() or (mark.exists() and mark.read_text() == form):
        return
    rows = Dataset.objects.filter(version__gt=0)
    if rows.exists() and not _brought_up(rows, stopped):
        return
    mark.write_text(form)


def _form() -> str:
    """Give what changes when rollups get another form, or the store is another one."""
    return hashlib.sha256(f"{forms.form()} {settings.ANALYTICS_URL}".encode()).hexdigest()


def _brought_up(rows: Iterable[Dataset], stopped: threading.Event) -> bool:
    """Bring the rollups of datasets up; False where the store is away, or an import runs: it is tried again."""
    from analytics.asked import StoppedError
    from analytics.store.errors import StoreAwayError

    done = True
    try:
        for row in rows:
            if stopped.is_set():
                return False
            done = _has_form(row, stopped) and done
    except (StoreAwayError, StoppedError):
        return False
    return done


def _has_form(row: Dataset, stopped: threading.Event) -> bool:
    """Bring the rollups of one dataset up; False where it is to be tried again. StoreAwayError as it comes.

    asked.StoppedError: the worker is to end; nothing is half done.
    """
    from analytics import services
    from analytics.asked import StoppedError
    from analytics.connected import connected
    from analytics.store.errors import StoreAwayError, StoreError

    def go_on(_: float) -> None:
        if stopped.is_set():
            raise StoppedError

    if (row.pk, row.version) in unbuilt:
        return True
    try:
        if services.bring_up(connected(), row, go_on):
            log.info("the rollups of %s are built again", row.name)
    except StoreAwayError:
        raise
    except services.BusyError:
        return False
    except StoreError as error:
        log.error("the rollups of %s cannot be built again; pages may lack numbers: %s", row.name, error)
        unbuilt.add((row.pk, row.version))
    return True


def demo(_: threading.Event) -> None:
    """Ask for the generated dataset, once in an installation's life, and only where there is none of its own.

    It begins after the first page can be had: the port of the pages answers.
    """
    mark = settings.HOME / "demo-dataset"
    if not settings.ANALYTICS_DEMO or mark.exists() or not _pages_answer():
        return
    try:
        mark.touch(mode=0o600, exist_ok=False)  # one worker does it
    except FileExistsError:
        return
    if not Dataset.objects.exists():
        ask_demo()


def ask_demo() -> ImportRun:
    """Ask for rows that are made up, ending yesterday."""
    from analytics import asked, sources
    from analytics.generate import ZONE
    from analytics.requests import Request, zone_of

    yesterday = timezone.now().astimezone(zone_of(ZONE)).date() - timedelta(1)
    kept = {"generated": DEMO_ROWS, "seed": DEMO_SEED, "end": str(yesterday), "days": DEMO_DAYS}
    source = sources.opened(kept)
    request = Request(name=DEMO, zone=ZONE, valid=source.valid, generated=True)
    run = asked.ask(request, source, kept, "script/server")
    Dataset.objects.filter(pk=run.dataset_id).update(title="Generated behaviour data")
    return run


def _pages_answer() -> bool:
    """Say whether the pages can be had, where script/server says at which port they are."""
    host, port = os.environ.get("OMSERVER_HOST", ""), os.environ.get("OMSERVER_PORT", "")
    if not port.isdecimal():
        return True
    try:
        socket.create_connection((host or "127.0.0.1", int(port)), timeout=1).close()
    except (OSError, OverflowError):
        return False
    return True
