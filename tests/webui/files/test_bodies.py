"""A body larger than anything that is taken never reaches the disk."""

import asyncio
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from omserver.asgi import AROUND, application
from omserver.bodies import Bound, Bounded
from webui.api.senders import is_known
from webui.api.tokens import add_token
from webui.servers.services import By


def asked(
    pieces: list[bytes], told: bytes | None = None, path: str = "/", *, known: bool = True
) -> tuple[list[dict[str, Any]], bytes, bool]:
    """Ask an application bounded to 100 bytes, at /large to 150 for those who are known.

    Give what it sends, what it has read, and whether it was cut off.
    """
    sent: list[dict[str, Any]] = []
    read, cut = b"", False
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        nonlocal read, cut
        more = True
        while more:
            message = await receive()
            cut = message["type"] == "http.disconnect"
            read += message.get("body", b"")
            more = not cut and message["more_body"]

    async def sender(_headers: Any) -> bool:
        return known

    headers = [(b"content-length", told)] if told is not None else []
    bounded = Bounded(app, Bound(100, "OMSERVER_FILE_MB"), {"/large": Bound(150, "ANALYTICS_UPLOAD_MB")}, sender)
    asyncio.run(bounded({"type": "http", "path": path, "headers": headers}, receive, send))
    return sent, read, cut


@pytest.mark.parametrize("told", [None, b"100", b"nonsense"])
def test_what_is_within_the_bound_passes(told: bytes | None) -> None:
    assert asked([b"x" * 60, b"x" * 40], told) == ([], b"x" * 100, False)


def test_a_length_above_the_bound_is_answered_before_a_byte_is_read() -> None:
    sent, read, _ = asked([b"x" * 200], b"200")
    assert (sent[0]["status"], b"OMSERVER_FILE_MB" in sent[1]["body"], read) == (413, True, b"")


def test_a_length_that_was_not_told_is_cut_off_at_the_bound() -> None:
    assert asked([b"x" * 60, b"x" * 60]) == ([], b"x" * 60, True)


def test_a_path_may_have_a_bound_of_its_own() -> None:
    assert asked([b"x" * 150], b"150", "/large") == ([], b"x" * 150, False)
    assert asked([b"x" * 90, b"x" * 90], path="/large") == ([], b"x" * 90, True)
    sent, _, _ = asked([b"x" * 200], b"200", "/large")
    assert (sent[0]["status"], b"ANALYTICS_UPLOAD_MB" in sent[1]["body"]) == (413, True)


def test_a_stranger_has_no_larger_bound() -> None:
    assert asked([b"x" * 150], b"150", "/large", known=False)[0][0]["status"] == 413


@pytest.mark.django_db
def test_who_is_signed_in_or_has_a_token_is_known(client: Client) -> None:
    person = User.objects.create_user("lin.wei", password="correct horse 42 battery")
    assert not is_known("", "")
    assert not is_known("omserver_session=nonsense; x=y", "")
    assert not is_known("", "Bearer omt_nonsense")
    client.get("/login/")
    assert not is_known(client.cookies.output(header="", sep=";"), "")
    client.force_login(person)
    cookie = f"a=b; omserver_session={client.cookies['omserver_session'].value}"
    assert is_known(cookie, "")
    assert is_known("", f"Bearer {add_token(By(person, 'test'), 'ci')}")
    client.logout()
    assert not is_known(cookie, "")


@pytest.mark.parametrize("path", ["/datasets/-/upload/", "/api/datasets/-/files"])
def test_a_file_for_an_import_may_be_as_large_as_its_own_setting_says(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omserver.asgi.is_known", lambda *_: False)
    assert "OMSERVER_FILE_MB" in str(refusal(settings.ANALYTICS_UPLOAD_BYTES + AROUND, path))
    monkeypatch.setattr("omserver.asgi.is_known", lambda *_: True)
    assert refusal(settings.ANALYTICS_UPLOAD_BYTES + AROUND, path) is None  # the application goes on to its body
    assert "ANALYTICS_UPLOAD_MB" in str(refusal(settings.ANALYTICS_UPLOAD_BYTES + AROUND + 1, path))
    assert "OMSERVER_FILE_MB" in str(refusal(settings.FILE_BYTES + AROUND + 1, "/api/files"))


def refusal(length: int, path: str) -> str | None:
    """Say of a body of this length to the real application why it is refused; None where its bytes are read."""

    class Read(Exception):  # no error: the test has seen enough
        pass

    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        raise Read

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": path, "query_string": b"",
        "headers": [(b"content-length", str(length).encode())],
    }  # fmt: skip
    try:
        asyncio.run(application(scope, receive, send))
    except Read:
        return None
    return sent[1]["body"].decode()
