"""A MySQL server may be anybody: it gets no file of ours, however it asks, and what it says is only text."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.test import Client

from tests.webui.datasets.conftest import PAGE, text

pytestmark = [pytest.mark.django_db]
OK = b"\x00\x00\x00\x02\x00\x00\x00"
GREETING = (
    b"\x0a8.0.0-evil\x00" + struct.pack("<I", 1) + b"A" * 8 + b"\x00" + struct.pack("<HBHH", 0xF7FF, 33, 2, 0x000F)
    + bytes([21]) + b"\x00" * 10 + b"B" * 12 + b"\x00" + b"mysql_native_password\x00"
)  # fmt: skip


def packet(number: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


def heard(connection: socket.socket) -> bytes:
    head = connection.recv(4, socket.MSG_WAITALL)
    return connection.recv(int.from_bytes(head[:3], "little"), socket.MSG_WAITALL) if len(head) == 4 else b""


@contextmanager
def evil(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Run a server that lets everybody in and has its own answer to the first question; its port, what it hears."""
    told: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    connection.sendall(packet(0, GREETING))
                    heard(connection)
                    connection.sendall(packet(2, OK))
                    while said := heard(connection):
                        told.append(said)
                        first = said[:1] == b"\x03" and b"SELECT * FROM" in said
                        connection.sendall(packet(1, answer if first else OK))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], told
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


@pytest.mark.parametrize("query", ["", "SELECT 1 AS user_id"])
def test_a_server_that_asks_for_a_file_of_ours_gets_none(admin: Client, tmp_path: Path, query: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("ROOT-PASSWORD-OF-THIS-HOST")
    with evil(b"\xfb" + str(secret).encode()) as (port, told):
        answer = admin.post(
            PAGE,
            {
                "source": "mysql", "host": "127.0.0.1", "port": str(port), "user": "u", "password": "p",
                "database": "d", "table": "" if query else "t", "query": query, "act": "look",
            },
        )  # fmt: skip
    assert any(b"SELECT * FROM" in said for said in told), "it was asked, and its trap was open"
    assert not any(b"ROOT-PASSWORD" in said for said in told)
    assert answer.status_code == 200
    assert answer.context["form"].errors


def test_what_a_server_says_is_shown_as_text(admin: Client) -> None:
    error = b"\xff" + struct.pack("<H", 9999) + b"#HY000<script>alert(1)</script>\x1b[31m"
    with evil(error) as (port, _):
        answer = admin.post(
            PAGE,
            {
                "source": "mysql", "host": "127.0.0.1", "port": str(port), "user": "u", "password": "p",
                "database": "d", "table": "t", "query": "", "act": "look",
            },
        )  # fmt: skip
    assert b"<script>alert" not in answer.content
    assert "9999" in text(answer)
