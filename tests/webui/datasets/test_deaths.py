"""Imports over which workers die, and files that are swapped between the look and the import."""

import os
import signal
import threading
from pathlib import Path
from typing import NoReturn

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from analytics import asked
from analytics.connected import connected
from analytics.models import Dataset, ImportRun
from analytics.store.client import Store
from analytics.store.reach import reached
from tests.analytics.test_import import lines
from tests.webui.datasets.conftest import file_of, imported, rows_of, text, worked
from tests.webui.datasets.test_import_page import HEAD
from tests.webui.datasets.test_worker import asked_for
from webui.datasets import folder as folders
from webui.datasets.uploads import RefusedError

pytestmark = [pytest.mark.db]


class Killed:
    """An event at which the kernel ends this program, as it does for want of memory."""

    def is_set(self) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def dies(run: ImportRun) -> None:
    """Let a worker take the import up, and be killed in the middle."""
    connections.close_all()
    pid = os.fork()
    if not pid:
        try:
            with reached(settings.HOME) as own:
                asked.work(own, run, Killed())  # type: ignore[arg-type]
        finally:
            os._exit(9)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    run.refresh_from_db()


@pytest.mark.django_db(transaction=True)
def test_an_import_over_which_three_workers_died_waits_for_a_person(admin: Client, folder: Path, store: Store) -> None:
    run = asked_for(admin, folder, "deadly")
    for number in (1, 2, 3):
        assert list(asked.waiting()) == [run]
        dies(run)
        assert (run.state, run.attempts) == ("running", number)
        page = text(admin.get("/datasets/deadly/"))
        assert (f"Attempt {number + 1} of 3: the worker before it ended without a word." in page) == (number < 3)
    assert worked().state == "failed", "no fourth worker dies over it"
    assert list(asked.waiting()) == []
    page = text(admin.get("/datasets/deadly/"))
    assert "3 workers ended over this import without a word" in page
    assert "out of memory" in page
    assert "Go on" in page
    run.refresh_from_db()
    assert run.fault["values"]["attempts"] == 3
    admin.post(f"/datasets/deadly/imports/{run.pk}/retry/")
    run = worked()
    assert (run.state, run.attempts, run.error, run.fault) == ("done", 0, "", {})
    assert len(rows_of(store, "deadly")) == len(lines(400))


@pytest.mark.django_db
def test_a_worker_that_is_asked_to_end_is_no_death(admin: Client, folder: Path, store: Store) -> None:
    run = asked_for(admin, folder, "asked")
    ended = threading.Event()
    ended.set()
    for _ in range(4):
        asked.work(connected(), run, ended)
        run.refresh_from_db()
        assert (run.state, run.attempts) == ("stopped", 0)
    assert worked().state == "done"


@pytest.mark.django_db
def test_a_file_that_is_swapped_after_the_look_is_not_read(admin: Client, folder: Path, store: Store) -> None:
    asked_for(admin, folder, "swapped")
    secret = folder.parent / "secret.csv"
    secret.write_text("user_id,event,ts\n1,SECRET,1511539200\n")
    (folder / "swapped.csv").unlink()
    (folder / "swapped.csv").symlink_to(secret)
    run = worked()
    assert run.state == "failed"
    assert run.error.startswith("swapped.csv: this is not the file any more whose first rows were looked at")
    page = text(admin.get("/datasets/swapped/"))
    assert "look at them again" in page
    assert str(folder) not in page
    assert Dataset.objects.get().version == 0
    (folder / "swapped.csv").unlink()
    what = file_of(folder, "swapped.csv", "\n".join([HEAD, *lines(30)]))
    assert imported(admin, what, name="swapped").state == "done", "a new look takes the file that is there now"


def test_a_folder_that_becomes_a_link_leads_nowhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "e.csv").write_text("a,b\n")
    other = folder.parent / "other"
    other.mkdir()
    (other / "e.csv").write_text("SECRET\n")
    real = Path.resolve

    def resolved(path: Path, strict: bool = False) -> Path:
        found = real(path, strict=strict)
        if path.name == "e.csv":  # the moment after the path was followed
            (folder / "deep").rename(folder / "away")
            (folder / "deep").symlink_to(other)
        return found

    monkeypatch.setattr(Path, "resolve", resolved)
    with pytest.raises(RefusedError, match="There is no file"):
        folders.find("deep/e.csv")


def test_a_pipe_in_the_folder_is_no_file(folder: Path) -> None:
    os.mkfifo(folder / "e.csv")
    with pytest.raises(RefusedError, match="There is no file"):
        folders.find("e.csv")
