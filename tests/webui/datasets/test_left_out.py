"""What imports left out is saved by the page and by the command line: lines that are no rows, exact duplicates."""

import csv
import io
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from analytics.importing import aside, copies
from analytics.models import Dataset, ImportRun
from analytics.store.client import Store
from analytics.store.schema import Tables
from tests.webui.datasets.conftest import file_of, imported, streamed, text

pytestmark = [pytest.mark.db, pytest.mark.django_db]
HEAD = "user_id,item_id,event,ts,city"
TWICE = "1,2,pv,2017-11-25 09:00:00,Köln"
MORE = "3,4,buy,2017-11-26 10:00:00.5,-x"


def brought(admin: Client, folder: Path, name: str, rows: list[str]) -> ImportRun:
    what = file_of(folder, f"{name}.csv", "\n".join([HEAD, *rows, ""]))
    return imported(admin, what, name="twice", zone="Asia/Shanghai", **{"c.4": "text"})


def added(admin: Client, folder: Path, rows: list[str]) -> ImportRun:
    path = folder / "more.csv"
    path.write_text("\n".join([HEAD, *rows, ""]))
    call_command("dataset", "import", "twice", "--csv", str(path), "--map", "city=city")
    return ImportRun.objects.first()  # type: ignore[return-value]


def saved(admin: Client, run: ImportRun) -> list[list[str]]:
    answer = admin.get(f"/datasets/twice/imports/{run.pk}/duplicates.csv")
    assert answer.status_code == 200, answer
    return list(csv.reader(io.StringIO(streamed(answer))))


def test_duplicates_are_saved_with_how_often_and_why(admin: Client, folder: Path, store: Store, tmp_path: Path) -> None:
    run = brought(admin, folder, "first", [TWICE, MORE, TWICE, TWICE, "5,6,pv,never,x"])
    assert (run.added, run.duplicates) == (2, 2)
    head, *rows = saved(admin, run)
    assert head == ["left out", "reason", "user", "time", "behaviour", "item", "city"]
    assert rows == [
        ["2", "it stands several times in what was imported", "1", "2017-11-25 09:00:00", "pv", "2", "Köln"]
    ]
    page = text(admin.get("/datasets/twice/"))
    assert "Save the exact duplicates as CSV" in page
    again = added(admin, folder, [MORE, "9,9,pv,2017-11-27 00:00:00,y", MORE])
    assert (again.added, again.duplicates) == (1, 2)
    assert [row[:5] for row in saved(admin, again)[1:]] == [
        ["2", "it was there before the import", "3", "2017-11-26 10:00:00.500000", "buy"]
    ]
    assert saved(admin, run)[1:] == rows, "each import has its own"
    out = tmp_path / "double.csv"
    call_command("dataset", "duplicates", "twice", "--csv", str(out))
    head, *both = csv.reader(out.open())
    assert head[:3] == ["import", "left out", "reason"]
    assert [(row[0], row[1], row[-1]) for row in both] == [(str(run.pk), "2", "Köln"), (str(again.pk), "2", "-x")]


def test_of_very_many_duplicates_some_are_kept(
    admin: Client, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "MOST", 5)
    monkeypatch.setattr(copies, "PIECE", 2)
    rows = [f"{user},1,pv,2017-11-25 09:00:00,x" for user in range(20)]
    run = brought(admin, folder, "many", rows * 2)
    assert run.duplicates == 20
    assert len(saved(admin, run)) == 6
    assert "(at most 5 different rows)" in text(admin.get("/datasets/twice/"))


def test_each_question_for_duplicates_reads_one_import_only(
    admin: Client, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that reads all of them each time takes minutes where many imports left some out."""
    monkeypatch.setattr(copies, "PIECE", 2)
    Tables(store, "twice").drop_database()  # what the imports of other tests left out stays in the store
    rows = [f"{user},1,pv,2017-11-25 09:00:00,x" for user in range(15)]
    runs = [brought(admin, folder, "first", rows[:5] * 2)]
    runs += [added(admin, folder, rows[begin : begin + 5] * 2) for begin in (5, 10)]
    tables, asked = Tables(store, "twice"), []
    monkeypatch.setattr(store, "ask", lambda sql, bind=None: asked.append((sql, bind)) or Store.ask(store, sql, bind))
    found = [row for piece in copies.pieces(tables) for row in piece]
    assert [(row[0], row[3][0]) for row in found] == [
        (run.pk, str(5 * n + i)) for n, run in enumerate(runs) for i in range(5)
    ]
    reads = [Store.ask(store, f"EXPLAIN ESTIMATE {sql}", bind).one()["rows"] for sql, bind in asked if "LIMIT" in sql]
    assert reads == [5] * 9


def test_a_long_field_of_a_duplicate_is_cut_and_stays_readable(admin: Client, folder: Path, store: Store) -> None:
    run = brought(admin, folder, "long", [f"1,2,pv,2017-11-25 09:00:00,x{'é' * 600}"] * 2)
    assert saved(admin, run)[1][-1] == f"x{'é' * 499}\ufffd"


def test_without_duplicates_the_file_has_a_head_only(admin: Client, folder: Path, store: Store) -> None:
    run = brought(admin, folder, "none", [MORE])
    assert len(saved(admin, run)) == 1
    assert "Save the exact duplicates" not in text(admin.get("/datasets/twice/"))


def test_only_an_admin_saves_duplicates(client: Client, admin: Client, folder: Path, people: dict[str, User]) -> None:
    run = brought(admin, folder, "first", [TWICE, TWICE])
    client.force_login(people["zhao.min"])
    assert client.get(f"/datasets/twice/imports/{run.pk}/duplicates.csv").status_code == 403


def test_long_lines_that_were_set_aside_come_a_few_at_a_time(
    admin: Client, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "PIECE_BYTES", 3000)
    run = brought(admin, folder, "long", [MORE, *(f"{number},{'x' * 1000},pv" for number in range(7))])
    found = streamed(admin.get(f"/datasets/twice/imports/{run.pk}/set-aside.csv"))
    assert found.count("x" * 1000) == 7


def test_lines_set_aside_come_each_as_often_as_they_stood(
    admin: Client, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "PIECE", 3)
    bad = [*["1,2"] * 8, "1,3", *["7,2,,2017-11-25,c"] * 2, *(f"9,{n},pv,never,d" for n in range(7)), "1,é", "1,é"]
    run = brought(admin, folder, "often", [MORE, *bad])
    found = streamed(admin.get(f"/datasets/twice/imports/{run.pk}/set-aside.csv"))
    _, *rows = csv.reader(io.StringIO(found))
    assert sorted(line for _, line in rows) == sorted(bad)
    for reason in {why for why, _ in rows}:
        lines = [line for why, line in rows if why == reason]
        assert lines == sorted(lines)


def test_lines_set_aside_keep_their_columns(admin: Client, folder: Path, store: Store, tmp_path: Path) -> None:
    bad = ['9,1,pv,never,"mail, weekly"', '9,2,pv,never,"of 5"" or 6"""', "9,3,pv,never,plain"]
    run = brought(admin, folder, "columns", [MORE, *bad])
    found = streamed(admin.get(f"/datasets/twice/imports/{run.pk}/set-aside.csv"))
    assert [line for _, line in csv.reader(io.StringIO(found))][1:] == bad
    out = tmp_path / "bad.csv"
    call_command("dataset", "quarantine", "twice", "--csv", str(out))
    lines = [line for number, _, line in csv.reader(out.open()) if number == str(run.pk)]
    assert [row[-1] for row in csv.reader(lines)] == ["mail, weekly", 'of 5" or 6"', "plain"]


class Terminal(StringIO):
    """A person at a terminal, who types this."""

    def isatty(self) -> bool:
        return True


def test_a_dataset_is_removed_by_typing_its_name_or_by_yes(
    admin: Client, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    brought(admin, folder, "first", [TWICE, MORE])
    monkeypatch.setattr(sys, "stdin", StringIO("twice\n"))
    with pytest.raises(CommandError, match="twice has 2 rows, which go for good; --yes removes them") as caught:
        call_command("dataset", "remove", "twice")
    assert caught.value.returncode == 2
    for typed in ("no\n", "", "TWICE\n"):
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        with pytest.raises(CommandError, match="nothing is removed") as caught:
            call_command("dataset", "remove", "twice")
        assert caught.value.returncode == 1
    assert "Type its name to remove it" in capsys.readouterr().err
    assert Dataset.objects.filter(name="twice").exists()
    monkeypatch.setattr(sys, "stdin", Terminal("twice\n"))
    call_command("dataset", "remove", "twice")
    assert not Dataset.objects.exists()


def test_generated_rows_are_replaced_only_where_that_is_said(store: Store) -> None:
    words = ("dataset", "generate", "made", "--rows", "2000")
    call_command(*words)
    before = Dataset.objects.get()
    with pytest.raises(CommandError, match=r"made has [\d,]+ generated rows already; --replace makes") as caught:
        call_command(*words, "--seed", "2")
    assert caught.value.returncode == 2
    call_command(*words, "--seed", "2", "--days", "20", "--replace")
    now = Dataset.objects.get()
    assert (now.rows > 1900, now.version) == (True, 1)
    assert now.stamp != before.stamp, "no kept answer of the old rows is taken for one of these"
