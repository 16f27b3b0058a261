"""The import page: rows seen before they are imported, and every mistake said at its field; nothing typed is lost."""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import translation

from analytics.models import Dataset, ImportRun
from analytics.store.client import Store
from tests.analytics.test_import import lines
from tests.fleet.mariadb import MariaDb
from tests.webui.datasets.conftest import (
    PAGE,
    SECRET,
    column,
    file_of,
    imported,
    rows_of,
    seen,
    streamed,
    text,
    typed,
    worked,
)
from webui.audit.models import Entry
from webui.datasets.words import reason

pytestmark = [pytest.mark.db, pytest.mark.django_db]
Sql = Callable[..., None]
HEAD = "user_id,item_id,category_id,behavior_type,timestamp"
TABLE = (
    "CREATE TABLE behaviour (id INT PRIMARY KEY AUTO_INCREMENT, user_id INT, item_id INT, event VARCHAR(20),"
    " at BIGINT, price DECIMAL(8,2))"
)


def filled(sql: Sql, number: int = 60) -> None:
    values = ", ".join(
        f"({n % 7}, {n % 5}, '{('pv', 'pv', 'buy')[n % 3]}', {1_511_539_200 + n}, {n}.5)" for n in range(number)
    )
    sql(TABLE, f"INSERT INTO behaviour (user_id, item_id, event, at, price) VALUES {values}")


def fault(response: Any, field: str, form: str = "form") -> str:
    return " ".join(response.context[form].errors.get(field, []))


def test_a_table_is_seen_then_imported_and_its_password_is_nowhere_in_the_clear(
    admin: Client, store: Store, server: MariaDb, sql: Sql, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    filled(sql)
    looked = admin.post(PAGE, typed(server))
    page = text(looked)
    assert "No column is chosen for: Time." in page
    assert "Import 60 rows" in page
    assert not Dataset.objects.exists(), "looking changes nothing"
    sent = {**typed(server, password=""), **column(seen(looked), "at", "ts"), "zone": "Asia/Shanghai", "name": "web"}
    again = admin.post(PAGE, sent)
    assert "60 of the first 60 rows can be taken" in text(again)
    assert "1511539200 = 2017-11-25 00:00:00 Asia/Shanghai (seconds since 1970)" in text(again)
    answer = admin.post(PAGE, {**sent, "act": "import"})
    assert answer.headers["Location"] == "/datasets/web/"
    run = worked()
    assert (run.state, run.added, run.asked_by, run.dataset.roles) == (
        "done",
        60,
        "lin.wei",
        {"pv": "view", "buy": "buy"},
    )
    assert len(rows_of(store, "web")) == 60
    assert (0, 0, "buy", 1_511_539_235) in rows_of(store, "web")
    kept = json.dumps(
        [list(Dataset.objects.values()), list(ImportRun.objects.values()), dict(admin.session)], default=str
    )
    told = (
        kept + page + text(again) + text(admin.get("/datasets/web/")) + caplog.text + str(list(Entry.objects.values()))
    )
    assert SECRET not in told
    assert Entry.objects.filter(verb="dataset.import", subject="web", person_name="lin.wei").exists()
    assert "dataset_password" not in admin.session, "it is forgotten once it is used"


def test_a_password_goes_to_the_account_and_server_for_which_it_was_given_only(
    admin: Client, server: MariaDb, sql: Sql
) -> None:
    filled(sql)
    assert "found" in admin.post(PAGE, typed(server)).context
    assert admin.post(PAGE, typed(server, password="")).context["found"], "the same account: it is kept"
    other = admin.post(PAGE, typed(server, password="", user="other"))
    assert "refuses other@127.0.0.1" in fault(other, "password")
    assert "dataset_password" not in admin.session


def test_who_mistypes_the_table_does_not_type_the_password_again(admin: Client, server: MariaDb, sql: Sql) -> None:
    filled(sql)
    assert "There is no table" in fault(admin.post(PAGE, typed(server, table="nothing")), "table")
    again = admin.post(PAGE, typed(server, password=""))
    assert again.context["found"]
    assert "leave its box empty" in text(again)
    assert "refuses" in fault(admin.post(PAGE, typed(server, password="wrong")), "password")
    alone = admin.post(PAGE, typed(server, password=""))
    assert "without a password; type it" in fault(alone, "password"), "one that is refused is forgotten"


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"password": "wrong"}, "password", "The server refuses reader@127.0.0.1"),
        ({"port": "9"}, "host", "the server does not answer"),
        ({"host": "nowhere.invalid"}, "host", "the server does not answer"),
        ({"host": "a=b;c"}, "host", "is no host"),
        ({"host": "/run/mysqld/mysqld.sock"}, "host", "is no host"),
        ({"port": "99999"}, "port", "less than or equal to 65535"),
        ({"database": "secret"}, "database", "may not use the database secret"),
        ({"table": "nothing"}, "table", "There is no table nothing in the database shop"),
        ({"table": "behaviour`; DROP TABLE behaviour; --"}, "table", "There is no table"),
        ({"table": "", "query": ""}, "table", "Name a table here, or write a query below."),
        ({"query": "SELECT 1"}, "query", "A table and a query are given"),
        ({"table": "", "query": "DROP TABLE behaviour"}, "query", "1064"),
        ({"table": "", "query": "SELECT 1) AS x; DROP TABLE behaviour; -- "}, "query", "1064"),
        ({"table": "", "query": "SELECT * FROM behaviour INTO OUTFILE '/tmp/x'"}, "query", "106"),
        ({"table": "", "query": "SELECT nothing FROM behaviour"}, "query", "nothing"),
    ],
)
def test_what_cannot_be_looked_at_is_said_at_its_field_and_what_was_typed_stays(
    admin: Client, server: MariaDb, sql: Sql, change: dict[str, str], field: str, says: str
) -> None:
    filled(sql)
    sent = typed(server, **change)
    answer = admin.post(PAGE, sent)
    assert says in fault(answer, field)
    assert answer.context["found"] is None
    for name, value in sent.items():
        if name not in ("password", "act", "source"):
            assert answer.context["form"][name].value() == value
    assert sent["password"] not in answer.content.decode()
    sql("SELECT 1 FROM behaviour")


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"name": "Web Shop"}, "name", "is no name for a dataset"),
        ({"name": ""}, "name", "is no name for a dataset"),
        ({"name": "taken"}, "name", "There is a dataset taken already"),
        ({"zone": "Mars/Base"}, "zone", "There is no time zone Mars/Base"),
        ({"zone": "../../etc/passwd"}, "zone", "There is no time zone"),
        ({"first": "25.11.2017"}, "first", "is no day; write it as 2017-11-25"),
        ({"first": "2017-12-01", "last": "2017-11-30"}, "last", "lies before the first one"),
        ({"last": "2999-01-01"}, "last", "between 1970 and 2100"),
        ({"more_roles": "pay"}, "more_roles", "Write code=role"),
        ({"more_roles": "pay=gold"}, "more_roles", "Write code=role"),
    ],
)
def test_what_does_not_name_a_dataset_is_said_at_its_field(
    admin: Client, folder: Path, change: dict[str, str], field: str, says: str
) -> None:
    Dataset.objects.create(name="taken", version=1)
    first = file_of(folder, "e.csv", "\n".join([HEAD, *lines(30)]))
    sent = {**first, **seen(admin.post(PAGE, first)), "name": "web", **change, "act": "import"}
    answer = admin.post(PAGE, sent)
    assert answer.status_code == 200
    assert says in fault(answer, field, "named")
    assert answer.context["named"][field].value() == change[field]
    assert not ImportRun.objects.exists()


def test_a_table_without_the_needed_columns_says_which_and_imports_nothing(admin: Client, folder: Path) -> None:
    first = file_of(folder, "e.csv", "a,b,timestamp\n1,2,1511539200\n")
    answer = admin.post(PAGE, first)
    assert "No column is chosen for: User, Behaviour." in text(answer)
    sent = column(column({**first, **seen(answer)}, "a", "user"), "b", "user")
    twice = admin.post(PAGE, {**sent, "act": "import", "name": "web"})
    assert "Another column is the User already" in text(twice)
    assert not Dataset.objects.exists()
    sent = column(sent, "b", "behaviour")
    assert admin.post(PAGE, {**sent, "act": "import", "name": "web"}).status_code == 302


def test_a_column_that_is_left_out_stays_out_and_others_become_dimensions(
    admin: Client, folder: Path, store: Store
) -> None:
    rows = "user_id,event,ts,price,Stadt/Ort,Größe; DROP\n1,pv,1511539200,9.5,北京,4\n2,pv,1511539201,1,O'Hare; --,5\n"
    first = file_of(folder, "e.csv", rows)
    sent = {**first, **seen(admin.post(PAGE, first)), "name": "dims"}
    sent = column(column(column(sent, "price", "ignore"), "Stadt/Ort", "text"), "Größe; DROP", "number")
    assert admin.post(PAGE, {**sent, "act": "import"}).status_code == 302
    run = worked()
    assert run.state == "done", run.error
    assert set(run.dataset.mapping["fields"]) == {"user", "behaviour", "ts"}
    assert rows_of(store, "dims", "user_id, `@stadt_ort`, `@größe_drop`") == [(1, "北京", 4.0), (2, "O'Hare; --", 5.0)]


def test_times_of_each_kind_are_recognised_and_what_is_none_is_counted(
    admin: Client, folder: Path, store: Store
) -> None:
    times = {
        "1511539200": 1_511_539_200, "1511539201000": 1_511_539_201, "2017-11-25 00:00:02": 1_511_539_202,
        "2017-11-24T16:00:03Z": 1_511_539_203, "-2134949234": None, "2122867355": None, "99999999999999": None,
        "soon": None,
    }  # fmt: skip
    rows = [f"{n},1,1,pv,{time}" for n, time in enumerate(times, 1)]
    first = file_of(folder, "e.csv", "\n".join([HEAD, *rows, "1,1,1,pv", '7,1,1,"pv,1511539200']))
    looked = admin.post(PAGE, {**first, "zone": "Asia/Shanghai"})
    assert "the time lies outside the valid range" in text(looked)
    run = imported(admin, first, zone="Asia/Shanghai", name="times", first="2017-11-25", last="2017-12-03")
    assert [row[3] for row in rows_of(store, "times")] == [time for time in times.values() if time]
    assert run.quarantined == {"time": 1, "range": 3, "columns": 2}
    page = text(admin.get("/datasets/times/"))
    assert "6 rows set aside, by reason" in page
    saved = streamed(admin.get(f"/datasets/times/imports/{run.pk}/set-aside.csv?why=range"))
    assert saved.count("\n") == 4
    assert 'the time lies outside the valid range,"5,1,1,pv,-2134949234"' in saved


def test_local_times_of_a_zone_with_summer_time_are_read_as_people_there_do(
    admin: Client, folder: Path, store: Store
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    written = ["2026-03-29 01:59:59", "2026-03-29 03:00:00", "2026-10-25 01:59:59", "2026-10-25 03:00:00"]
    first = file_of(folder, "e.csv", "\n".join([HEAD, *(f"{n},1,1,pv,{time}" for n, time in enumerate(written))]))
    imported(admin, first, zone="Europe/Berlin", name="dst")
    wanted = [int(datetime.fromisoformat(time).replace(tzinfo=zone).timestamp()) for time in written]
    found = [row[3] for row in rows_of(store, "dst")]
    assert found == wanted
    assert wanted[1] - wanted[0] == 1
    assert wanted[3] - wanted[2] == 3601 + 3600


def test_a_code_that_nobody_knows_is_kept_and_a_role_that_a_person_gives_counts(
    admin: Client, folder: Path, store: Store
) -> None:
    first = file_of(
        folder, "e.csv", "\n".join([HEAD, "1,1,1,klick,1511539200", "1,1,1,pv,1511539201", "1,1,1,'; --,1511539202"])
    )
    looked = admin.post(PAGE, first)
    codes = {code.code: (code.number, code.role) for code in looked.context["found"].codes}
    assert {code: role for code, (_, role) in codes.items()} == {"klick": "", "pv": "view", "'; --": ""}
    sent = {**first, **seen(looked), f"r.{codes['klick'][0]}": "view", "more_roles": "kauf=buy", "name": "codes"}
    admin.post(PAGE, {**sent, "act": "import"})
    run = worked()
    assert run.dataset.behaviours == {"klick": 1, "pv": 1, "'; --": 1}
    assert run.dataset.roles == {"klick": "view", "pv": "view", "kauf": "buy"}


def test_identifiers_with_quotes_and_semicolons_are_only_names(
    admin: Client, server: MariaDb, sql: Sql, store: Store
) -> None:
    sql(
        "CREATE TABLE `be``h; DROP TABLE x; --'\"` (`u``; id` INT, `e%s<b>` VARCHAR(40), `t,=` DATETIME)",
        "INSERT INTO `be``h; DROP TABLE x; --'\"` VALUES (1, '<script>alert(1)</script>', '2017-11-25 01:21:10')",
    )
    first = typed(server, table="be`h; DROP TABLE x; --'\"")
    looked = admin.post(PAGE, first)
    assert b"<script>alert" not in looked.content
    assert b"e%s<b>" not in looked.content
    sent = {**first, **seen(looked), "zone": "UTC", "name": "odd"}
    sent = column(column(column(sent, "u`; id", "user"), "e%s<b>", "behaviour"), "t,=", "ts")
    assert admin.post(PAGE, {**sent, "act": "import"}).status_code == 302
    assert worked().state == "done"
    assert rows_of(store, "odd", "user_id, behaviour, ts") == [(1, "<script>alert(1)</script>", 1_511_572_870)]
    assert b"<script>alert" not in admin.get("/datasets/odd/").content
    sql("INSERT INTO `be``h; DROP TABLE x; --'\"` VALUES (2, 'pv', '2017-11-25 01:21:11')")
    admin.post("/datasets/odd/sync/")
    assert (worked().state, len(rows_of(store, "odd", "user_id"))) == ("done", 2), "a sync finds columns of any name"


def test_a_sync_by_the_command_is_shown_as_one_by_the_page(
    admin: Client, server: MariaDb, sql: Sql, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(sql)
    what = typed(server)
    sent = column({**what, **seen(admin.post(PAGE, what)), "name": "synced"}, "at", "ts")
    assert admin.post(PAGE, {**sent, "act": "import"}).status_code == 302
    assert worked().state == "done"
    admin.post("/datasets/synced/sync/")
    by_page = worked()
    call_command("dataset", "sync", "synced")
    assert "synced: 0 rows added, 60 were there already, 0 quarantined" in capsys.readouterr().out
    by_command = ImportRun.objects.order_by("-pk")[0]
    assert by_command != by_page
    page = admin.get("/datasets/synced/")
    shown = [text(page).partition(f'id="om-import-{run.pk}"')[2].partition("</li>")[0] for run in (by_page, by_command)]
    for said in shown:
        assert "· sync" in said
        assert "0 rows added, 60 were there already, 0 set aside." in said
        assert "Save the exact duplicates" not in said


def test_rows_are_added_to_a_dataset_by_its_own_mapping(admin: Client, folder: Path, store: Store) -> None:
    rows = lines(60)
    imported(admin, file_of(folder, "a.csv", "\n".join([HEAD, *rows[:40]])), name="more")
    first = file_of(folder, "b.csv", "\n".join([HEAD, *rows[20:]]))
    looked = admin.post(f"{PAGE}?into=more", first)
    sent = {**first, **{k: v for k, v in seen(looked).items() if k[0] == "c"}, "act": "import"}
    assert admin.post(f"{PAGE}?into=more", sent).headers["Location"] == "/datasets/more/"
    run = worked()
    assert (run.added, run.duplicates, run.dataset.rows) == (20, 20, len(rows))


def test_reasons_are_all_said_in_the_readers_language() -> None:
    from analytics.importing.stage import REASONS

    with translation.override("zh-hans"):
        assert not [name for name, word in REASONS.items() if reason(name) == word]


@pytest.mark.parametrize("name", ["zhao.min", "chen.jie"])
def test_only_an_admin_imports_changes_and_saves_what_was_set_aside(
    client: Client, people: dict[str, User], name: str
) -> None:
    row = Dataset.objects.create(name="shop", version=1)
    run = ImportRun.objects.create(dataset=row, state="failed", request={"source": {"sync": True}})
    if people[name].groups.filter(name="admin").exists():
        pytest.fail(f"{name} is an admin")
    client.force_login(people[name])
    assert client.get(PAGE).status_code == 403
    assert client.get(f"/datasets/shop/imports/{run.pk}/set-aside.csv").status_code == 403
    for act in (
        "-/import",
        "-/upload",
        "shop/sync",
        "shop/schedule",
        "shop/cancel",
        "shop/remove",
        f"shop/imports/{run.pk}/retry",
    ):
        assert client.post(f"/datasets/{act}/", {"typed": "shop"}).status_code == 403, act
    page = client.get("/datasets/shop/").content
    for word in (b"Sync now", b"Remove it", b"Try again", b"set-aside.csv"):
        assert word not in page
