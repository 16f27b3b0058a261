"""A store that accepts and does not answer keeps only those waiting who ask it, and not for long."""

import http.client
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from analytics import connected
from analytics.store import client
from analytics.store.client import Store
from analytics.store.errors import StoreAwayError
from analytics.store.lines import Line

SECONDS = 60


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Give a server that accepts, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


class Between(ThreadingHTTPServer):
    """A server before the real store, that falls silent when it is told to."""

    daemon_threads = True

    def __init__(self, to: str) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.to = urlsplit(to).netloc
        self.silent, self.over = threading.Event(), threading.Event()


class Passing(BaseHTTPRequestHandler):
    """Pass one question on, and its answer back."""

    server: Between
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.silent.is_set():
            self.server.over.wait(SECONDS)
            self.close_connection = True
            return
        asked = http.client.HTTPConnection(self.server.to, timeout=SECONDS)
        asked.request("POST", self.path, body, dict(self.headers))
        answer = asked.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


def own() -> tuple[str, str]:
    folder = settings.HOME / "analytics"
    return (folder / "address").read_text(), (folder / "token").read_text()


def address(listening: socket.socket) -> str:
    return "http://{}:{}".format(*listening.getsockname())


def test_who_asks_another_store_does_not_wait_for_one_that_is_silent(
    store: Store, silent: socket.socket, settings: Any
) -> None:
    told: list[StoreAwayError] = []

    def ask() -> None:
        with pytest.raises(StoreAwayError) as caught:
            connected.connected()
        told.append(caught.value)

    settings.ANALYTICS_URL = address(silent)
    first = threading.Thread(target=ask, daemon=True)
    first.start()
    asked, _ = silent.accept()
    asked.recv(1)  # it waits for its answer
    place, token = own()
    settings.ANALYTICS_URL = place.replace("http://", f"http://default:{token}@")
    found = connected.connected()
    assert found.ask("SELECT 1 AS one").one() == {"one": 1}
    assert connected.connected() is found
    assert first.is_alive()
    silent.close()
    asked.close()
    first.join(SECONDS)
    assert len(told) == 1


def test_a_store_that_does_not_say_what_it_is_is_away(silent: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_SECONDS", 1)
    with pytest.raises(StoreAwayError):
        Store(address(silent))


def test_a_store_that_falls_silent_is_not_waited_for_to_end_a_query_or_to_tell_how_far_one_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "WORD_SECONDS", 1)
    place, token = own()
    with Between(place) as between:
        threading.Thread(target=between.serve_forever, daemon=True).start()
        asked = Store(f"http://127.0.0.1:{between.server_port}", password=token)
        assert asked.progress("nobody") is None
        line = Line("somebody", lambda: asked)
        between.silent.set()
        waiting = threading.Thread(target=_quietly, args=(line,), daemon=True)
        waiting.start()
        with pytest.raises(StoreAwayError):
            asked.progress("nobody")
        line.end()
        assert waiting.is_alive(), "an answer is waited for longer"
        between.over.set()
        waiting.join(SECONDS)
        assert not waiting.is_alive()
        between.shutdown()


def _quietly(line: Line) -> None:
    with pytest.raises(Exception):  # noqa: B017  # the line was ended, or cut off: the test asks for neither
        line.ask("SELECT 1")
