"""The API, the audit log, the log, the terminal and the environment take hostile values without harm."""

import json
import logging
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management.base import BaseCommand
from django.test import Client

from omserver import env, headers
from omserver.logs import OneLine, WithoutRefusals
from webui import console
from webui.access import Role, give_role
from webui.api.tokens import add_token
from webui.servers.services import By, Refused


def person(role: Role) -> Any:
    made = get_user_model().objects.create_user(role.value)
    give_role(made, role)
    return made


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        '{"module":"ping","on":"web1","timeout":' + "9" * 400 + "}",
        '{"module":"ping","on":"web1","confirm":' + "9" * 4000 + "}",
        '{"module":"ping","on":"' + "a" * 3_000_000 + '"}',
        "[" * 100_000,
    ],
)
def test_the_api_answers_what_is_too_large_with_json(body: str) -> None:
    key = add_token(By(person(Role.OPERATOR), "test"), "t")
    headers = {"Authorization": f"Bearer {key}"}
    answer = Client(raise_request_exception=False).post("/api/tasks", body, "application/json", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
    assert json.loads(answer.content)["error"]


@pytest.mark.django_db
def test_a_tokens_name_is_short_and_harmless_on_a_terminal() -> None:
    by = By(person(Role.VIEWER), "test")
    with pytest.raises(Refused, match="control characters"):
        add_token(by, "x\x1b[31m\ny")
    for name in ("", "a" * 300):
        with pytest.raises(ValidationError):
            add_token(by, name)


@pytest.mark.django_db
@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-02-31", "10000-01-01"])
def test_the_audit_log_shows_any_day(day: str) -> None:
    client = Client()
    client.force_login(person(Role.ADMIN))
    assert client.get("/audit/", {"day": day}).status_code == 200


@pytest.mark.django_db
def test_a_command_acts_for_an_admin_who_is_no_superuser() -> None:
    person(Role.VIEWER)
    admin = person(Role.ADMIN)
    assert console.person() == admin


def test_a_table_holds_no_character_that_a_terminal_obeys() -> None:
    out = StringIO()
    command = BaseCommand(stdout=out)
    console.print_table(command, ("NAME",), [("a\x1b]0;x\x07b\nc\u202ed\x9b",)])
    assert out.getvalue().splitlines() == ["NAME", "a�]0;x�b�c�d�"]


def formatted(message: str, *values: object, error: Exception | None = None) -> str:
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("x", logging.WARNING, "f", 1, message, values, info)
    assert WithoutRefusals().filter(record)
    return OneLine("%(levelname)s %(message)s").format(record)


def test_a_log_line_stays_one_line_whatever_it_quotes() -> None:
    assert formatted("refused: %s", "a\nERROR root fake\x1b[31m\u202e") == (
        "WARNING refused: a\\nERROR root fake\\x1b[31m\\u202e"
    )
    assert formatted("名前 %s", "日本") == "WARNING 名前 日本"


def test_a_refusal_leaves_no_traceback_in_the_log_and_a_fault_does() -> None:
    assert formatted("Forbidden", error=PermissionDenied("no")) == "WARNING Forbidden"
    assert "ValueError: ours" in formatted("failed", error=ValueError("ours"))


def test_a_secret_key_that_others_can_read_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    path = tmp_path / "secret_key"
    path.write_text("x" * 60)
    path.chmod(0o640)
    with pytest.raises(env.SetupError, match="chmod 600"):
        env.secret_key(tmp_path)
    path.chmod(0o600)
    assert env.secret_key(tmp_path) == "x" * 60


def test_json_on_a_terminal_is_whole_and_holds_nothing_that_a_terminal_obeys() -> None:
    out, value = StringIO(), {"output": "\x1b[31m\x9b2J\u202e日本 ok\x7f"}
    console.print_json(BaseCommand(stdout=out), value)
    assert json.loads(out.getvalue()) == value
    assert not set("\x1b\x9b\u202e\x7f") & set(out.getvalue())
    assert "日本" in out.getvalue()


def test_a_refusal_on_the_command_line_is_one_harmless_line() -> None:
    assert str(console.UsageError("no server \x1b]0;x\x07\nweb1")) == "no server �]0;x��web1"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/servers/", "/login/", "/nowhere/", "/api/tasks", "/tasks/?page=x"])
def test_no_cache_keeps_a_page_and_each_has_its_policy(path: str) -> None:
    client = Client()
    client.force_login(person(Role.ADMIN))
    answer = client.get(path)
    assert {"private"} & {word.strip() for word in answer.get("Cache-Control", "").split(",")}
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert (answer["X-Content-Type-Options"], answer["X-Frame-Options"]) == ("nosniff", "DENY")


def test_a_static_file_opened_by_itself_may_run_nothing() -> None:
    found: dict[str, str] = {}
    headers.static(found, "logo.svg", "/static/logo.svg")
    assert "sandbox" in found["Content-Security-Policy"]
