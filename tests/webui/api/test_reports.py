"""Reports by the API: the numbers of the pages and of the command line, and the users behind each."""

import csv
import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from analytics import catalog
from analytics.models import Dataset
from analytics.store.client import Store
from tests.webui.api.calls import ask, token
from tests.webui.generated_data import generated
from tests.webui.reports.asks import query
from webui.access import Role
from webui.reports import lists

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def key(db: None) -> str:
    return token(Role.VIEWER)


@pytest.fixture
def shop(store: Store, db: None) -> Dataset:
    """Give a small generated dataset `shop`."""
    return generated("shop")


def test_the_reports_are_those_of_the_command_with_their_parameters(
    key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    call_command("report", "list", "--json")
    told = json.loads(capsys.readouterr().out)
    assert ask("GET", "/api/reports", key).json()["reports"] == told
    one = ask("GET", "/api/reports/funnel", key).json()
    assert one == next(report for report in told if report["name"] == "funnel")
    assert {"steps", "window"} <= {param["name"] for param in one["params"]}
    assert len(told) == len(catalog.names())


def test_an_answer_is_that_of_the_page_and_of_the_command(
    key: str, shop: Dataset, capsys: pytest.CaptureFixture[str], as_person: Any
) -> None:
    asked = "d=shop&from=2017-11-29&last=2017-12-01&where=channel%3Dmail,search&users=did+buy&by=week"
    told = ask("GET", f"/api/reports/lifecycle/answer?{asked}", key)
    assert (told.status_code, told["Content-Type"]) == (200, "application/json")
    page = as_person("zhao.min").get(f"/reports/lifecycle/file.json?{asked}").json()
    capsys.readouterr()
    words = ["start=2017-11-29", "end=2017-12-02", "where=channel=mail,search", "users=did buy", "by=week"]
    call_command("report", "lifecycle", "--dataset", "shop", *[f"-p{word}" for word in words], "--json")
    line = json.loads(capsys.readouterr().out)
    for other in (page, line):
        assert (told.json()["columns"], told.json()["rows"]) == (other["columns"], other["rows"])
    assert told.json()["version"] == shop.version


def test_csv_holds_the_same_numbers(key: str, shop: Dataset) -> None:
    asked = query("activity", [])
    told = ask("GET", f"/api/reports/activity/answer?{asked}", key).json()
    answer = ask("GET", f"/api/reports/activity/answer?{asked}&form=csv", key)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    head, *rows = csv.reader(io.StringIO(answer.content.decode()))
    assert head == [column["name"] for column in told["columns"]]
    assert rows == [["" if value is None else str(value) for value in row] for row in told["rows"]]


def test_behind_a_number_stand_as_many_users_by_pages_or_whole(
    key: str, shop: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = query("activity", [])
    told = ask("GET", f"/api/reports/activity/answer?{asked}", key).json()
    assert [column["name"] for column in told["columns"] if column["key"]] == ["day"]
    assert "buyers" in [column["name"] for column in told["columns"] if column["listed"]]
    row = dict(zip([column["name"] for column in told["columns"]], told["rows"][0], strict=True))
    place = f"/api/reports/activity/users?{asked}&at.day={row['day']}&at.column=uv"
    monkeypatch.setattr(lists, "PER_PAGE", 40)
    first = ask("GET", place, key).json()
    assert (first["number"], first["total"], first["page"]) == (row["uv"], row["uv"], 1)
    users = [
        user for page in range(first["pages"]) for user in ask("GET", f"{place}&page={page + 1}", key).json()["users"]
    ]
    assert (len(users), len(set(users))) == (row["uv"], row["uv"])
    whole = ask("GET", f"{place}&form=csv", key).content.decode().split()
    assert whole == ["user", *map(str, users)]
    assert ask("GET", f"{place}&page=99", key).status_code == 400


@pytest.mark.parametrize(
    ("path", "status", "said", "fields"),
    [
        ("activity/answer", 400, "d is missing", []),
        ("activity/answer?d=nothing", 404, "There is no dataset 'nothing'", []),
        ("nothing/answer?d=shop", 404, "there is no report 'nothing'", []),
        ("nothing", 404, "there is no report 'nothing'", []),
        ("activity/answer?d=empty", 409, "no rows yet", []),
        ("activity/answer?d=shop&form=exe", 400, "choose one of json, csv, sql", []),
        ("activity/answer?d=shop&range=9y", 400, "9y", ["range"]),
        ("activity/answer?d=shop&from=soon", 400, "soon", ["from"]),
        ("activity/answer?d=shop&colour=red", 400, "no such parameter", ["colour"]),
        ("activity/answer?d=shop&where=colour%3Dred", 400, "colour", ["where"]),
        ("activity/users?d=shop&at.column=nothing", 400, "nothing", None),
    ],
)
def test_a_wrong_question_is_refused_with_a_sentence(
    key: str, shop: Dataset, path: str, status: int, said: str, fields: list[str] | None
) -> None:
    Dataset.objects.create(name="empty")
    answer = ask("GET", f"/api/reports/{path}", key)
    assert answer.status_code == status, answer.content
    assert said in answer.json()["error"]
    if fields is not None:
        assert list(answer.json()["faults"]) == fields


def test_without_a_store_the_answer_is_503(key: str, settings: Any, tmp_path: Any) -> None:
    settings.HOME = tmp_path
    Dataset.objects.create(name="away", version=1, last_ts=9, layout={})
    answer = ask("GET", "/api/reports/activity/answer?d=away&range=all", key)
    assert (answer.status_code, "store does not run" in answer.json()["error"]) == (503, True)


def test_nobody_gets_an_answer_without_a_token(shop: Dataset) -> None:
    for path in ("", "/activity", "/activity/answer?d=shop", "/activity/users?d=shop"):
        assert Client().get(f"/api/reports{path}").status_code == 401
        assert Client().post(f"/api/reports{path}").status_code == 401
