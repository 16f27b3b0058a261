"""A body larger than anything that is taken never reaches the disk."""

import asyncio
from typing import Any

import pytest
from django.conf import settings

from omserver.asgi import AROUND, application
from omserver.bodies import Bound, Bounded


def asked(pieces: list[bytes], told: bytes | None = None, path: str = "/") -> tuple[list[dict[str, Any]], bytes, bool]:
    """Ask an application bounded to 100 bytes, at /large to 150.

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

    headers = [(b"content-length", told)] if told is not None else []
    bounded = Bounded(app, Bound(100, "OMSERVER_FILE_MB"), {"/large": Bound(150, "ANALYTICS_UPLOAD_MB")})
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


@pytest.mark.parametrize("path", ["/datasets/-/upload/", "/api/datasets/-/files"])
def test_a_file_for_an_import_may_be_as_large_as_its_own_setting_says(path: str) -> None:
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
