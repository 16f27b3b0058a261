"""A body larger than anything that is taken never reaches the disk."""

import asyncio
from typing import Any

import pytest

from omserver.bodies import Bounded


def asked(pieces: list[bytes], told: bytes | None = None) -> tuple[list[dict[str, Any]], bytes, bool]:
    """Ask an application bounded to 100 bytes; give what it sends, what it has read, and whether it was cut off."""
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
    asyncio.run(Bounded(app, 100)({"type": "http", "headers": headers}, receive, send))
    return sent, read, cut


@pytest.mark.parametrize("told", [None, b"100", b"nonsense"])
def test_what_is_within_the_bound_passes(told: bytes | None) -> None:
    assert asked([b"x" * 60, b"x" * 40], told) == ([], b"x" * 100, False)


def test_a_length_above_the_bound_is_answered_before_a_byte_is_read() -> None:
    sent, read, _ = asked([b"x" * 200], b"200")
    assert (sent[0]["status"], b"OMSERVER_FILE_MB" in sent[1]["body"], read) == (413, True, b"")


def test_a_length_that_was_not_told_is_cut_off_at_the_bound() -> None:
    assert asked([b"x" * 60, b"x" * 60]) == ([], b"x" * 60, True)
