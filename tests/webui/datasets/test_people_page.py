"""The users table of a dataset by its page: asked for, brought in by a worker, shown, removed; faults in the form."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from analytics.models import Dataset, ImportRun
from analytics.store.client import Store
from tests.fleet.mariadb import MariaDb
from tests.webui.datasets.conftest import file_of, imported, text, typed, worked
from tests.webui.datasets.test_uploads import sent
from webui.datasets import uploads

pytestmark = [pytest.mark.db, pytest.mark.django_db]
EVENTS = "uid,item,cat,behavior,time\n1,7,9,pv,2017-11-25 10:00:00\n2,7,9,pv,2017-11-26 10:00:00\n"
USERS = (
    "uid,registered_at,channel\n1,2017-11-20,ads\n1,2017-11-21,ads\n2,2017-11-22,mail\n2,2017-11-22,mail\nx,never,\n"
)
PAGE = "/datasets/shop/people/"


@pytest.fixture
def shop(admin: Client, folder: Path, store: Store) -> Dataset:
    imported(admin, file_of(folder, "e.csv", EVENTS), name="shop")
    return Dataset.objects.get(name="shop")


def file(admin: Client, name: str, content: str) -> dict[str, str]:
    return {"source": "upload", "file": json.dumps(sent(admin, name, content.encode()).json()), "columns": ""}


def test_a_file_of_users_is_brought_in_by_a_worker_shown_and_removed(admin: Client, shop: Dataset) -> None:
    before = text(admin.get("/datasets/shop/"))
    assert "a user is new with the first event" in before
    assert PAGE in before
    assert admin.post(PAGE, file(admin, "u.csv", USERS)).url == "/datasets/shop/"
    run = worked()
    assert (run.state, run.added, run.duplicates, run.error) == ("done", 2, 1, "")
    uploads.done_with(run)
    shown = text(admin.get("/datasets/shop/"))
    for said in (
        "users table",
        "2 users with their registration.",
        "The earliest counts.",
        "registered_at",
        "1: the user is",
    ):
        assert said in shown
    shop.refresh_from_db()
    assert (shop.people, shop.people_mapping["conflicts"]) == (2, 1)
    assert "registered_channel" in shop.as_core().mapped
    assert "is removed" in text(admin.post("/datasets/shop/people/remove/", follow=True))
    shop.refresh_from_db()
    assert shop.people_version == 0
    assert "shop has no users table" in text(admin.post("/datasets/shop/people/remove/", follow=True))


def test_a_table_of_users_comes_from_mysql_without_its_password_being_kept(
    admin: Client, shop: Dataset, server: MariaDb, sql: Callable[..., None]
) -> None:
    sql("CREATE TABLE members (id INT, at DATETIME)", "INSERT INTO members VALUES (1, '2017-11-20 00:00:00')")
    what = typed(server, table="members", columns="user=id,registered_at=at")
    assert admin.post(PAGE, what).status_code == 302
    assert worked().state == "done"
    shop.refresh_from_db()
    assert (shop.people, shop.people_mapping["source"]["table"]) == (1, "members")
    assert what["password"] not in json.dumps(shop.people_mapping) + json.dumps(list(shop.runs.values("request")))
    assert "reader@127.0.0.1/shop, members" in text(admin.get("/datasets/shop/"))
    wrong = text(admin.post(PAGE, typed(server, table="nobody", columns="")))
    assert "There is no table nobody in the database shop." in wrong


@pytest.mark.parametrize(
    ("content", "columns", "says"),
    [
        ("uid,age\n1,2\n", "", "no column is known for registered_at"),
        ("uid,reg\n1,2\n", "registered_at=born", "which is not there; there are: uid, reg"),
        ("uid,reg\n1,2\n", "amount=reg", "the field one of user, registered_at, channel"),
    ],
)
def test_what_fits_no_users_table_is_said_at_its_columns(
    admin: Client, shop: Dataset, content: str, columns: str, says: str
) -> None:
    answer = admin.post(PAGE, file(admin, "u.csv", content) | {"columns": columns})
    assert answer.status_code == 200
    assert says in str(answer.context["form"].errors["columns"])
    assert ImportRun.objects.filter(state="queued").count() == 0


def test_what_fails_later_stands_in_its_import_and_the_old_table_serves(admin: Client, shop: Dataset) -> None:
    admin.post(PAGE, file(admin, "u.csv", USERS))
    worked()
    admin.post(PAGE, file(admin, "u.csv", "uid,registered_at\nx,y\n"))
    run = worked()
    assert (run.state, "no user could be taken" in run.error) == ("failed", True)
    shop.refresh_from_db()
    assert (shop.people, shop.claim) == (2, "")
    assert "no user could be taken" in text(admin.get("/datasets/shop/"))


def test_a_waiting_users_table_can_be_cancelled_and_two_never_wait(admin: Client, shop: Dataset) -> None:
    admin.post(PAGE, file(admin, "u.csv", USERS))
    second: Any = admin.post(PAGE, file(admin, "u.csv", USERS))
    assert "an import into shop is under way" in text(second)
    admin.post("/datasets/shop/cancel/")
    assert worked().state == "cancelled"
    shop.refresh_from_db()
    assert shop.people_version == 0


def test_parquet_is_refused_and_only_admins_come_here(
    admin: Client, client: Client, shop: Dataset, people: Any
) -> None:
    refused = admin.post(PAGE, file(admin, "u.parquet", "PAR1"))
    assert "choose a CSV file" in str(refused.context["form"].errors["file"])
    client.force_login(people["zhao.min"])
    assert client.get(PAGE).status_code == 403
    assert client.post("/datasets/shop/people/remove/").status_code == 403
    assert PAGE not in text(client.get("/datasets/shop/"))
