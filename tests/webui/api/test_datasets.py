"""Datasets by the API: rows come in as by the page, their import is watched and ended, what was no row is had."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from analytics.models import Dataset, ImportRun
from analytics.store.client import Store
from tests.analytics.test_import import lines
from tests.fleet.mariadb import MariaDb
from tests.webui.api.calls import ask, token
from tests.webui.datasets.conftest import SECRET, rows_of, server, sql, streamed, worked  # noqa: F401  # fixtures
from webui.access import Role
from webui.audit.models import Entry
from webui.datasets.uploads import done_with

pytestmark = [pytest.mark.db, pytest.mark.django_db]
HEAD = "user_id,item_id,category_id,behavior_type,timestamp"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Give the folder whose files may be imported."""
    (tmp_path / "import").mkdir()
    settings.ANALYTICS_IMPORT_DIR = str(tmp_path / "import")
    settings.ANALYTICS_UPLOADS_DIR = tmp_path / "uploads"
    return tmp_path / "import"


@pytest.fixture
def key(db: None) -> str:
    return token(Role.ADMIN)


def uploaded(key: str, content: bytes, name: str = "e.csv") -> Any:
    return ask("POST", f"/api/datasets/-/files?name={name}", key, content)


def rows(number: int = 80) -> bytes:
    return "\n".join([HEAD, *lines(number)]).encode()


@pytest.mark.parametrize("name", ["e.csv", "e.csv.gz"])
def test_an_uploaded_file_becomes_a_dataset(key: str, store: Store, settings: Any, name: str) -> None:
    file = uploaded(key, gzip.compress(rows()) if name.endswith(".gz") else rows(), name)
    assert (file.status_code, sorted(file.json())) == (201, ["name", "sha256", "size"])
    asked = ask("POST", "/api/datasets/by_api/imports", key, {"file": file.json(), "tz": "Asia/Shanghai"})
    assert asked.status_code == 201, asked.content
    run = asked.json()
    assert (run["state"], run["open"], run["dataset"], run["asked_by"]) == ("queued", True, "by_api", "admin")
    done_with(worked())
    assert list(settings.ANALYTICS_UPLOADS_DIR.iterdir()) == []
    ended = ask("GET", f"/api/datasets/by_api/imports/{run['id']}", key).json()
    assert (ended["state"], ended["open"], ended["done"], ended["added"]) == ("done", False, 1.0, len(lines(80)))
    known = ask("GET", "/api/datasets/by_api", key).json()
    assert (known["rows"], known["version"], known["zone"]) == (len(lines(80)), 1, "Asia/Shanghai")
    assert known["last_import"] == {"state": "done", "done": 1.0, "error": ""}
    assert len(rows_of(store, "by_api")) == len(lines(80))
    entry = Entry.objects.get(verb="dataset.import")
    assert (entry.source, entry.subject, entry.detail) == ("api", "by_api", {"rows_from": name})


def test_the_list_is_that_of_the_command_by_pages(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    Dataset.objects.bulk_create(Dataset(name=f"d{number:03}", version=1, rows=number) for number in range(101))
    capsys.readouterr()
    call_command("dataset", "list", "--json")
    told = json.loads(capsys.readouterr().out)
    first, second = (ask("GET", f"/api/datasets?page={page}", key).json() for page in (1, 2))
    assert first["datasets"] + second["datasets"] == told
    assert {name: second[name] for name in ("page", "pages", "total")} == {"page": 2, "pages": 2, "total": 101}
    for wrong in ("3", "0", "-1", "x", "9" * 30, "²"):
        answer = ask("GET", f"/api/datasets?page={wrong}", key)
        assert (answer.status_code, "write a number from 1 to 2" in answer.json()["error"]) == (400, True)


def test_the_list_asks_as_much_for_many_datasets_as_for_few(key: str, django_assert_num_queries: Any) -> None:
    for number in range(7):
        ImportRun.objects.create(dataset=Dataset.objects.create(name=f"d{number}"), state="done")
    with django_assert_num_queries(5):  # the token, that it was used, the number of rows, the rows, their imports
        assert len(ask("GET", "/api/datasets", key).json()["datasets"]) == 7


def test_an_import_is_cancelled_and_taken_up_again(key: str, store: Store, folder: Path) -> None:
    (folder / "e.csv").write_bytes(rows())
    run = ask("POST", "/api/datasets/again/imports", key, {"path": "e.csv"}).json()
    busy = ask("POST", "/api/datasets/again/imports", key, {"path": "e.csv"})
    assert (busy.status_code, "under way" in busy.json()["error"]) == (409, True)
    cancelled = ask("POST", "/api/datasets/again/cancel", key)
    assert (cancelled.status_code, cancelled.json()["state"], cancelled.json()["id"]) == (200, "cancelled", run["id"])
    none = ask("POST", "/api/datasets/again/cancel", key)
    assert (none.status_code, none.json()["error"]) == (400, "No import is under way any more.")
    again = ask("POST", f"/api/datasets/again/imports/{run['id']}/retry", key).json()
    assert again["state"] == "queued"
    assert worked().state == "done"
    assert [one["state"] for one in ask("GET", "/api/datasets/again/imports", key).json()["imports"]] == ["done"]
    verbs = list(Entry.objects.filter(subject="again").order_by("pk").values_list("verb", flat=True))
    assert verbs == ["dataset.import", "dataset.cancel", "dataset.retry"]


def test_what_was_left_out_is_had_with_its_reasons(key: str, store: Store, folder: Path) -> None:
    again = rows(20).splitlines()[-1]
    (folder / "e.csv").write_bytes(rows(20) + b"\n1,2,3,pv,never\nshort,row\n" + again + b"\n")
    run = ask("POST", "/api/datasets/aside/imports", key, {"path": "e.csv"}).json()
    early = ask("GET", f"/api/datasets/aside/imports/{run['id']}/set-aside", key)
    assert (early.status_code, "no rows yet" in early.json()["error"]) == (404, True)
    worked()
    counted = ask("GET", f"/api/datasets/aside/imports/{run['id']}", key).json()["quarantined"]
    assert sum(counted.values()) == 2
    told = streamed(ask("GET", f"/api/datasets/aside/imports/{run['id']}/set-aside", key)).splitlines()
    assert (told[0], len(told)) == ("reason,line", 3)
    doubled = streamed(ask("GET", f"/api/datasets/aside/imports/{run['id']}/duplicates", key)).splitlines()
    assert (doubled[0].split(",")[:2], len(doubled)) == (["left out", "reason"], 2)
    (why, *_) = counted
    one = streamed(ask("GET", f"/api/datasets/aside/imports/{run['id']}/set-aside?why={why}", key)).splitlines()
    assert len(one) == 1 + counted[why]


def test_a_table_is_imported_and_synced(
    key: str,
    store: Store,
    server: MariaDb,  # noqa: F811
    sql: Callable[..., None],  # noqa: F811
) -> None:
    sql(
        "CREATE TABLE behaviour (id INT PRIMARY KEY, user_id INT, item_id INT, behavior_type TEXT, ts INT)",
        "INSERT INTO behaviour VALUES (1, 7, 1, 'pv', 1511568000), (2, 8, 1, 'buy', 1511571600)",
    )
    account = {"host": "127.0.0.1", "port": server.port, "user": "reader", "password": SECRET, "database": "shop"}
    asked = ask("POST", "/api/datasets/table/imports", key, {"mysql": account, "table": "behaviour"})
    assert asked.status_code == 201, asked.content
    assert worked().state == "done"
    sql("INSERT INTO behaviour VALUES (3, 9, 1, 'pv', 1511575200)")
    assert ask("POST", "/api/datasets/table/sync", key).status_code == 201
    assert worked().added == 1
    every = ask("POST", "/api/datasets/table/schedule", key, {"minutes": 60})
    assert (every.status_code, every.json()) == (200, {"dataset": "table", "minutes": 60})
    assert ask("POST", "/api/datasets/table/schedule", key, {"minutes": 0}).json()["minutes"] == 0
    wrong = ask("POST", "/api/datasets/x/imports", key, {"mysql": account | {"password": "x"}, "table": "behaviour"})
    assert wrong.status_code == 400
    assert list(wrong.json()["faults"]) == ["mysql.password"]
    for told in (asked, wrong):
        assert SECRET not in told.content.decode()
    assert SECRET not in json.dumps(list(Entry.objects.values()), default=str)


@pytest.mark.parametrize(
    ("body", "said", "field"),
    [
        ({}, "by one of file, path and mysql", ""),
        ({"path": "e.csv", "file": {}}, "by one of file, path and mysql", ""),
        ({"path": "../secret.csv"}, "There is no file ../secret.csv", "path"),
        ({"path": "/etc/passwd"}, "There is no file /etc/passwd", "path"),
        ({"path": 7}, "path is of the wrong type", ""),
        ({"file": {"name": "e.csv", "size": 1, "sha256": "0" * 64}}, "not here any more", "file"),
        ({"file": {"name": ["x"], "sha256": "../x"}}, "not here any more", "file"),
        ({"path": "e.csv", "tz": "Mars/Base"}, "there is no time zone 'Mars/Base'", ""),
        ({"path": "e.csv", "from": "soon"}, "from is 'soon'; write a day", ""),
        ({"path": "e.csv", "map": "user=nothing"}, "nothing", ""),
        ({"path": "e.csv", "map": "user=\ud800"}, "half a character", ""),
        ({"path": "e.csv", "delimiter": "abc"}, "abc", "delimiter"),
        ({"path": "e.csv", "colour": "red"}, "colour is no field of an import", ""),
        ({"mysql": {"host": "-oProxy=x", "user": "u", "database": "d"}, "table": "t"}, "is no host", "mysql.host"),
        ({"mysql": {"host": "h", "user": "u", "database": "d"}}, "Name a table here", "table"),
        ({"mysql": {"host": "h", "socket": "/x"}, "table": "t"}, "socket is no field of mysql", ""),
        ({"mysql": {"host": "h", "port": 70000, "user": "u", "database": "d"}, "table": "t"}, "65535", "mysql.port"),
        ("[]", "no JSON object", ""),
    ],
)
def test_a_wrong_import_is_refused_with_a_sentence_and_stores_nothing(
    key: str, folder: Path, body: Any, said: str, field: str
) -> None:
    (folder / "e.csv").write_bytes(rows(9))
    answer = ask("POST", "/api/datasets/wrong/imports", key, body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert list(answer.json()["faults"]) == ([field] if field else [])
    assert not ImportRun.objects.exists()
    assert not Entry.objects.filter(verb__startswith="dataset").exists()


def test_a_file_is_refused_as_on_the_page(key: str, settings: Any) -> None:
    settings.ANALYTICS_UPLOAD_BYTES = 1 << 20
    large = uploaded(key, bytes((1 << 20) + 1))
    assert (large.status_code, "larger than 1 MiB" in large.json()["error"]) == (413, True)
    none = uploaded(key, b"a,b\n", "e.exe")
    assert (none.status_code, "is no file of rows" in none.json()["error"]) == (400, True)
    assert not any(settings.ANALYTICS_UPLOADS_DIR.glob("*"))


def test_a_form_with_a_file_is_told_how_to_send_it(key: str) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test import Client

    sent = {"file": SimpleUploadedFile("e.csv", b"a,b\n")}
    answer = Client().post("/api/datasets/-/files?name=e.csv", sent, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, "--data-binary" in answer.json()["error"]) == (400, True)


def test_what_is_not_there_is_404_with_a_sentence(key: str) -> None:
    Dataset.objects.create(name="shop")
    for method, path in (("GET", ""), ("GET", "/imports"), ("POST", "/sync"), ("POST", "/cancel")):
        answer = ask(method, f"/api/datasets/nothing{path}", key)
        assert (answer.status_code, answer.json()["error"]) == (404, "There is no dataset 'nothing'.")
    assert ask("GET", "/api/datasets/shop/imports/7", key).json()["error"] == "There is no import 7 of shop."
    assert ask("POST", "/api/datasets/shop/imports/7/retry", key).status_code == 404
    assert "did not come from MySQL" in ask("POST", "/api/datasets/shop/sync", key).json()["error"]
    Dataset.objects.update(source={"mysql": {"host": "db"}})
    assert "is no time between" in ask("POST", "/api/datasets/shop/schedule", key, {"minutes": -5}).json()["error"]
    assert ask("POST", "/api/datasets/shop/schedule", key, {}).json()["error"] == "minutes is missing."
