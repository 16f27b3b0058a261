"""What a worker does with imports: one program takes each, what breaks off goes on, what fails leaves the old rows."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import MySQLdb
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from analytics import asked, claims, services
from analytics.connected import connected
from analytics.importing.blocks import ImportFault
from analytics.models import Dataset, ImportRun
from analytics.store.client import Store
from analytics.store.errors import StoreAwayError
from analytics.store.schema import Tables
from tests.analytics.test_import import lines
from tests.fleet.mariadb import MariaDb, running_mariadb
from tests.fleet.ports import free_port
from tests.webui.datasets.conftest import PAGE, file_of, imported, rows_of, seen, streamed, text, typed, worked
from tests.webui.datasets.test_import_page import HEAD, filled
from webui.datasets import chores

pytestmark = [pytest.mark.db, pytest.mark.django_db]
Sql = Callable[..., None]
LATER = "INSERT INTO behaviour (user_id, item_id, event, at) SELECT user_id, 9, 'pv', at + 400 FROM behaviour"


def asked_for(admin: Client, folder: Path, name: str, number: int = 400) -> ImportRun:
    """Ask for an import of a file by the page; nothing runs it yet."""
    what = file_of(folder, f"{name}.csv", "\n".join([HEAD, *lines(number)]))
    sent = {**what, **seen(admin.post(PAGE, what)), "name": name, "act": "import"}
    assert admin.post(PAGE, sent).status_code == 302
    return ImportRun.objects.get(dataset__name=name)


class After:
    """An event that is set once it was asked so many times: a worker that is told to end in the middle of an import."""

    def __init__(self, times: int) -> None:
        self.left = times

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_an_import_that_a_worker_left_goes_on_with_the_next_one(
    admin: Client, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.importing.csv_file.BLOCK_BYTES", 2000)
    monkeypatch.setattr(
        "analytics.importing.csv_file.CsvFile.__init__.__kwdefaults__",
        {"header": None, "delimiter": "", "block_bytes": 2000},
    )
    run = asked_for(admin, folder, "left")
    asked.work(connected(), run, After(3))
    run.refresh_from_db()
    assert (run.state, run.rows_read > 0, run.dataset.version) == ("stopped", True, 0)
    page = text(admin.get("/datasets/left/"))
    assert "A worker takes it up by itself." in page
    assert "data-live" in page
    read = run.rows_read
    assert list(asked.waiting()) == [run]
    assert worked().state == "done"
    assert len(rows_of(store, "left")) == len(lines(400))
    run.refresh_from_db()
    assert run.rows_read == len(lines(400)) > read, "what was read is not read again"


def test_an_import_of_a_program_that_died_is_taken_up_and_one_that_lives_is_left_alone(
    admin: Client, folder: Path, store: Store
) -> None:
    run = asked_for(admin, folder, "died")
    ImportRun.objects.filter(pk=run.pk).update(state="running")
    Dataset.objects.filter(name="died").update(claim=claims.own().rpartition(" ")[0] + " 0")
    assert "Stopped, can go on" in text(admin.get("/datasets/died/"))
    assert list(asked.waiting()) == [run]
    alive = f"{claims.own().split(' ')[0]} 1 {claims._began(1)}"
    Dataset.objects.filter(name="died").update(claim=alive)
    assert list(asked.waiting()) == []
    run.refresh_from_db()
    assert asked.work(connected(), run, threading.Event()) is False
    run.refresh_from_db()
    assert run.state == "running"
    Dataset.objects.filter(name="died").update(claim=claims.own().rpartition(" ")[0] + " 0")
    assert worked().state == "done"


def test_a_waiting_import_is_cancelled_at_once_and_one_that_has_begun_by_its_worker(
    admin: Client, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asked_for(admin, folder, "cancelled")
    admin.post("/datasets/cancelled/cancel/")
    run.refresh_from_db()
    assert (run.state, list(asked.waiting())) == ("cancelled", [])
    assert "No import is under way" in text(admin.post("/datasets/cancelled/cancel/", follow=True))
    admin.post(f"/datasets/cancelled/imports/{run.pk}/retry/")
    run.refresh_from_db()
    asked.work(connected(), run, After(1))
    run.refresh_from_db()
    assert (run.state, bool(run.position)) == ("stopped", True)
    admin.post("/datasets/cancelled/cancel/")
    assert worked().state == "cancelled"
    tables = store.ask("SELECT name FROM system.tables WHERE database = 'om_cancelled'").rows
    assert [name for (name,) in tables if name.startswith(("stage", "raw"))] == []
    admin.post(f"/datasets/cancelled/imports/{run.pk}/retry/")
    assert (worked().state, len(rows_of(store, "cancelled"))) == ("done", len(lines(400)))


def test_imports_that_ended_while_another_one_ran_are_not_begun(admin: Client, folder: Path, store: Store) -> None:
    names = ("first", "cancelled", "removed", "done", "fifth")
    runs = {name: asked_for(admin, folder, name) for name in names}
    taken = asked.waiting()
    assert next(taken) == runs["first"], "a worker has it in its hands, for hours"
    admin.post("/datasets/cancelled/cancel/")
    admin.post("/datasets/removed/remove/", {"typed": "removed"})
    ImportRun.objects.filter(pk=runs["done"].pk).update(state="done")
    assert list(taken) == [runs["fifth"]]


@pytest.mark.parametrize("state", ["cancelled", "done"])
def test_an_import_that_ends_just_before_it_is_begun_is_left_alone(
    admin: Client, folder: Path, store: Store, state: str
) -> None:
    run = asked_for(admin, folder, "late")
    ImportRun.objects.filter(pk=run.pk).update(state=state)
    assert asked.work(connected(), run, threading.Event())
    run.refresh_from_db()
    assert (run.state, run.attempts, run.dataset.version, run.dataset.claim) == (state, 0, 0, "")


def test_an_import_whose_dataset_was_removed_makes_none(admin: Client, folder: Path, store: Store) -> None:
    asked_for(admin, folder, "removed")
    (run,) = asked.waiting()
    admin.post("/datasets/removed/remove/", {"typed": "removed"})
    assert not asked.work(connected(), run, threading.Event())
    assert not Dataset.objects.exists()


def test_a_dataset_has_one_import_at_a_time(admin: Client, folder: Path, people: dict[str, User]) -> None:
    run = asked_for(admin, folder, "single")
    what = file_of(folder, "single.csv", "\n".join([HEAD, *lines(9)]))
    sent = {**what, **seen(admin.post(PAGE, what)), "name": "single", "act": "import"}
    answer = admin.post(PAGE, sent)
    assert "There is a dataset single already" in text(answer)
    run.dataset.source = {"mysql": {}}
    with pytest.raises(services.BusyError, match="is under way"):
        asked.ask_sync(run.dataset, "x")


def test_a_server_that_goes_away_fails_the_import_with_a_sentence_and_the_old_rows_answer(
    admin: Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.importing.mysql.rows.BLOCK_ROWS", 50)
    monkeypatch.setattr("analytics.importing.mysql.fetched.PIECE_KEYS", 50)
    port = free_port()
    with running_mariadb(port) as server:
        connection = shop_on(server)
        what = typed(server, password="p")
        sent = {**what, **seen(admin.post(PAGE, what)), "c.4": "ts", "name": "away", "act": "import"}
        assert admin.post(PAGE, sent).status_code == 302
        assert worked().state == "done"
        run_all(connection, LATER)
        admin.post("/datasets/away/sync/")
        run = ImportRun.objects.get(state="queued")
        told = iter(range(2))
        monkeypatch.setattr(asked, "StoppedError", asked.StoppedError)

        class Kill:
            """Let the server die after the first piece."""

            def is_set(self) -> bool:
                if next(told, None) == 1:
                    run_all(connection, "SHUTDOWN")
                    gone(server)
                return False

        asked.work(connected(), run, Kill())  # type: ignore[arg-type]
    run.refresh_from_db()
    assert run.state == "failed"
    page = text(admin.get("/datasets/away/"))
    assert "does not answer, or went away" in page or "the store refused" in page
    assert "The rows that were there before answer all reports." in page
    assert len(rows_of(store, "away")) == 300
    with running_mariadb(port) as server:
        run_all(shop_on(server), LATER)
        admin.post(f"/datasets/away/imports/{run.pk}/retry/")
        assert worked().state == "done"
    assert len(rows_of(store, "away")) == 600


def shop_on(server: MariaDb) -> Any:
    """Fill a server's database `shop` with 300 rows and an account that may read it; give a connection to it."""
    connection = MySQLdb.connect(unix_socket=str(server.socket), user="root", autocommit=True)
    run_all(
        connection,
        "CREATE DATABASE shop",
        "USE shop",
        "CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'p'",
        "GRANT SELECT ON shop.* TO reader@'127.0.0.1'",
    )
    filled(lambda *statements: run_all(connection, *statements), 300)
    return connection


def run_all(connection: Any, *statements: str) -> None:
    for statement in statements:
        connection.cursor().execute(statement)


def gone(server: MariaDb) -> None:
    """Wait until the server has ended."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            MySQLdb.connect(unix_socket=str(server.socket), user="root").close()
        except MySQLdb.Error:
            return
        time.sleep(0.02)  # it offers nothing to wait on
    raise AssertionError("the server is still there")


def test_a_sync_that_is_due_is_asked_for_once_however_many_look(
    admin: Client, server: MariaDb, sql: Sql, store: Store
) -> None:
    filled(sql)
    what = typed(server)
    imported(admin, what, name="due", **{"c.4": "ts"})
    row = Dataset.objects.get(name="due")
    page = admin.post("/datasets/due/schedule/", {"minutes": "15"}, follow=True)
    assert "It is synced every 15 minutes." in text(page)
    assert asked.ask_due() == 0
    Dataset.objects.update(sync_next=timezone.now() - timedelta(minutes=1))
    sql("INSERT INTO behaviour (user_id, item_id, event, at) VALUES (99, 1, 'pv', 1511539299)")
    assert [asked.ask_due(), asked.ask_due()] == [1, 0]
    run = worked()
    assert (run.state, run.asked_by, run.added) == ("done", "schedule", 1)
    row.refresh_from_db()
    assert row.sync_next > timezone.now() + timedelta(minutes=14)
    call_command("dataset", "schedule", "due", "--off")
    row.refresh_from_db()
    assert (row.sync_minutes, row.sync_next) == (0, None)
    with pytest.raises(CommandError, match="write minutes from 1"):
        call_command("dataset", "schedule", "due", "--every", "0")


@pytest.mark.parametrize("minutes", ["-1", "x", "", "99999999", "٣"])
def test_a_schedule_that_is_none_is_refused(admin: Client, minutes: str, store: Store) -> None:
    Dataset.objects.create(name="shop", version=1, source={"mysql": {}})
    page = admin.post("/datasets/shop/schedule/", {"minutes": minutes}, follow=True)
    assert "is no time between two syncs" in text(page)
    assert Dataset.objects.get().sync_next is None


def test_files_cannot_be_synced(store: Store) -> None:
    row = Dataset.objects.create(name="shop", version=1)
    with pytest.raises(ImportFault, match="did not come from MySQL"):
        asked.schedule(row, 5)
    with pytest.raises(ImportFault, match="did not come from MySQL"):
        asked.ask_sync(row, "x")


def test_a_dataset_is_removed_with_its_rows_by_typing_its_name(admin: Client, folder: Path, store: Store) -> None:
    asked_for(admin, folder, "gone")
    worked()
    admin.post("/datasets/gone/remove/", {"typed": "other"})
    assert len(rows_of(store, "gone")) == len(lines(400))
    page = admin.post("/datasets/gone/remove/", {"typed": "gone"}, follow=True)
    assert "gone and its rows are removed." in text(page)
    assert not Dataset.objects.filter(name="gone").exists()
    assert store.ask("SELECT name FROM system.databases WHERE name = 'om_gone'").rows == []


def test_the_generated_dataset_is_made_once_in_an_installation(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    settings.ANALYTICS_DEMO = True
    monkeypatch.setattr(chores.settings, "HOME", tmp_path)
    monkeypatch.setattr(chores, "DEMO_ROWS", 2000)
    monkeypatch.setenv("OMSERVER_PORT", str(free_port()))
    chores.demo(threading.Event())
    assert not Dataset.objects.exists(), "the pages do not answer yet"
    monkeypatch.delenv("OMSERVER_PORT")
    chores.demo(threading.Event())
    monkeypatch.undo()
    run = worked()
    assert (run.state, run.dataset.name, run.dataset.generated) == ("done", "demo", True)
    assert run.dataset.rows + run.duplicates == 2000
    call_command("dataset", "remove", "demo", "--yes")
    monkeypatch.setattr(chores.settings, "HOME", tmp_path)
    chores.demo(threading.Event())
    assert not Dataset.objects.exists()


def test_rollups_of_an_older_form_are_built_again_once(
    admin: Client, folder: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for(admin, folder, "shop")
    worked()
    tables, ended = Tables(store, "shop"), threading.Event()
    tables.drop("hour_v1")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(chores.settings, "HOME", home)
    monkeypatch.setattr("analytics.connected.connected", away)
    chores.rollups(ended)
    assert not (home / "rollups").exists(), "it is tried again"
    monkeypatch.setattr("analytics.connected.connected", lambda: store)
    chores.rollups(ended)
    assert Dataset.objects.get().version == 2
    assert tables.has_rollups(2)
    monkeypatch.setattr("analytics.connected.connected", away)
    chores.rollups(ended)  # the store is not asked again


def test_a_dataset_without_tables_is_said_once_and_keeps_no_other_from_its_rollups(
    admin: Client, folder: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    for name in ("busy", "gone", "other"):
        asked_for(admin, folder, name)
    worked()
    Tables(store, "busy").drop("hour_v1")
    Tables(store, "gone").drop_database()
    Tables(store, "other").drop("hour_v1")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(chores.settings, "HOME", home)
    monkeypatch.setattr("analytics.connected.connected", lambda: store)
    monkeypatch.setattr(chores, "unbuilt", set())
    Dataset.objects.filter(name="busy").update(claim=f"{claims.own().split(' ')[0]} 1 {claims._began(1)}")
    for _ in range(3):
        chores.rollups(threading.Event())
    assert not (home / "rollups").exists(), "one is tried again"
    assert Tables(store, "other").has_rollups(Dataset.objects.get(name="other").version)
    Dataset.objects.filter(name="busy").update(claim="")
    chores.rollups(threading.Event())
    assert (home / "rollups").exists()
    said = [record.getMessage() for record in caplog.records if "cannot be built" in record.getMessage()]
    assert [one.startswith("the rollups of gone cannot be built again") for one in said] == [True]


def away() -> Store:
    raise StoreAwayError("the analytics store does not run")


def test_the_lines_set_aside_of_a_store_that_is_away_are_a_sentence(
    admin: Client, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asked_for(admin, folder, "shop")
    worked()
    assert streamed(admin.get(f"/datasets/shop/imports/{run.pk}/set-aside.csv")) == "reason,line\r\n"
    monkeypatch.setattr("webui.datasets.left_out.connected", away)
    answer = admin.get(f"/datasets/shop/imports/{run.pk}/set-aside.csv")
    assert answer.status_code == 503
    assert "the analytics store does not run" in text(answer)
