"""The JSON API: tokens, refusals, and the same acts as the form."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.webui.api.calls import ask, token
from webui.access import Role
from webui.servers.models import Idc, Server
from webui.tasks.models import Task

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def fleet(db: None) -> None:
    Server.objects.create(name="web1", idc=Idc.objects.create(name="sh"))


def test_without_a_good_token_nothing_is_said() -> None:
    for key in ("", "omt_wrong", "x" * 5000):
        for path in ("/api/modules", "/api/servers", "/api/tasks", "/api/tasks/1"):
            answer = ask("GET", path, key)
            assert answer.status_code == 401
            assert answer.json()["error"].startswith("Send the header")


def test_a_task_is_created_shown_and_cancelled() -> None:
    key = token(Role.OPERATOR)
    made = ask("POST", "/api/tasks", key, {"module": "run_command", "on": "web1", "params": {"command": "uptime"}})
    assert made.status_code == 201, made.content
    plain = made.json()
    assert plain["counts"]["queued"] == 1
    assert [host["host"] for host in plain["hosts"]] == ["web1"]
    assert ask("GET", f"/api/tasks/{plain['id']}", key).json()["module"] == "run_command"
    assert ask("POST", f"/api/tasks/{plain['id']}/cancel", key).status_code == 200
    assert ask("GET", "/api/tasks", key).json()["tasks"][0]["id"] == plain["id"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"on": "web1"}, "module is missing"),
        ({"module": "run_command"}, "on is missing"),
        ({"module": "nope", "on": "web1"}, "nope"),
        ({"module": "run_command", "on": "web9", "params": {"command": "id"}}, "web9"),
        ({"module": "run_command", "on": "web1", "params": {"colour": "red"}}, "colour"),
        ({"module": "run_command", "on": "web1", "params": []}, "wrong type"),
        ({"module": "run_command", "on": "web1", "check": 1}, "wrong type"),
        ({"module": "run_command", "on": "web1", "max_fail": True}, "wrong type"),
        ({"module": "run_command", "on": "web1", "shell": True}, "no field"),
        ("[1]", "no JSON object"),
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_wrong_request_is_refused_with_a_sentence_and_stores_nothing(body: Any, words: str) -> None:
    answer = ask("POST", "/api/tasks", token(Role.OPERATOR), body)
    assert answer.status_code == 400
    assert words in json.dumps(answer.json())
    assert not Task.objects.exists()


def test_a_viewer_may_look_but_not_run() -> None:
    key = token(Role.VIEWER)
    assert ask("GET", "/api/servers?on=web1", key).json()["servers"][0]["name"] == "web1"
    answer = ask("POST", "/api/tasks", key, {"module": "run_command", "on": "web1", "params": {"command": "id"}})
    assert answer.status_code == 403
    assert not Task.objects.exists()


def test_other_methods_and_unknown_tasks_are_refused() -> None:
    key = token(Role.OPERATOR)
    assert ask("DELETE", "/api/tasks", key).status_code == 405
    assert ask("GET", "/api/tasks/999", key).status_code == 404


def test_an_address_that_is_none_and_a_wrong_parameter_are_named() -> None:
    key = token(Role.OPERATOR)
    assert ask("GET", "/api/nothing/here", key).json()["error"].startswith("There is nothing at /api/nothing/here")
    wrong = ask("POST", "/api/tasks", key, {"module": "tail_log", "on": "web1", "params": {"lines": 5000}})
    assert "params.lines" in wrong.json()["faults"]


def test_a_module_is_published_by_who_may() -> None:
    source = (Path(__file__).resolve().parents[3] / "modules" / "ping.py").read_text()
    plain = {"name": "ping_again", "source": source, "idcs": ["sh"], "note": "from a script"}
    assert ask("POST", "/api/modules", token(Role.OPERATOR), plain).status_code == 403
    key = token(Role.ADMIN)
    answer = ask("POST", "/api/modules", key, plain)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["name"], told["idcs"], told["masters"]) == ("ping_again", ["sh"], [])
    listed = {one["name"]: one["digest"] for one in ask("GET", "/api/modules", key).json()["modules"]}
    assert listed["ping_again"] == told["digest"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "name is missing"),
        ({"name": "x", "source": "x = ", "idcs": ["sh"]}, "x.py, line 1: it is no Python"),
        ({"name": "../x", "source": "x", "idcs": ["sh"]}, "no name for a module"),
        ({"name": "x", "source": "x", "idcs": [{}]}, "write a list of names"),
        ({"name": "x", "source": "x", "idcs": ["nowhere"]}, "There is no IDC nowhere"),
        ({"name": "x", "source": "\ud800", "idcs": []}, "not UTF-8"),
        ({"name": "x", "source": 1}, "source is of the wrong type"),
        ({"name": "x", "source": "x", "more": 1}, "more is no field of a module"),
    ],
)
def test_a_module_that_cannot_be_published_gets_a_sentence(body: dict[str, Any], said: str) -> None:
    answer = ask("POST", "/api/modules", token(Role.ADMIN), body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
