"""Answer ClickHouse's HTTP protocol from one chDB directory: the child that holds the engine.

Only analytics.store.embedded starts it. It may die at any time (the engine is foreign code, and a query may exhaust the
memory); its parent keeps the socket and starts the next one.
"""

import base64
import hmac
import json
import logging
import os
import re
import select
import signal
import socket
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from analytics.store.chdb import INSERT, Answer, Beside, Connection, EngineError, Limits
from analytics.store.errors import CRASHED
from analytics.store.marks import KILL, MARK, PROGRESS
from analytics.store.turns import GoneError, Turns

log = logging.getLogger(__name__)

PLACES = 4  # statements at once; more only take each other's memory
BODY_LIMIT = 256 << 20  # bytes of one insert; an import sends far less
SQL_LIMIT = 1 << 20
PIECE = 1 << 20
REFUSED = 1001  # ClickHouse's number of what has none of its own: without one, a client takes the store for away
INSERT_LINE = re.compile(rb"\s*(INSERT\s+INTO\s[^\n]+?\sFORMAT\s+\w+)[ \t]*\n", re.IGNORECASE)
ENDS = KILL.format(everywhere="")  # as Store.end asks
TELLS = f"{PROGRESS.format(processes='system.processes')}\n FORMAT Native"  # as Store.progress asks
GONE_SECONDS = 0.2  # how often it is looked whether the client of a running statement is still there


class Server(ThreadingHTTPServer):
    """Hold what all requests share."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, folder: Path, token: str, limits: Limits) -> None:
        super().__init__(listening.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.token, self.limits = token, limits
        self.running = folder / "running"
        self.running.mkdir(exist_ok=True)
        self.connections = [Connection(folder / "chdb") for _ in range(PLACES + 1)]
        self.beside = Beside(self.connections[0])
        self.turns = Turns(self.connections[1:])
        self.marks: dict[str, bool] = {}  # of what runs or waits: whether it is to end
        self.waiting: set[str] = set()  # the marks of what waits for its turn
        self.crashed = _crashed(folder / "crash.json")

    def end(self, mark: str) -> None:
        """End the statement of a mark, which runs or waits for its turn; silent where there is none."""
        if mark in self.marks:
            self.marks[mark] = True
            self.beside.kill(mark)

    def tell(self, name: str) -> Answer:
        """Say how far the statement is whose mark begins with this name."""
        return self.beside.tell(name, next((mark for mark in tuple(self.waiting) if mark.startswith(name)), ""))

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  # http.server's signature
        """Say in one line what a request broke; a client that left is nothing to tell."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            log.error("a request broke: %s: %s", type(error).__name__, error)


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 300  # seconds between two requests of a kept connection
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Say that the store is there; everything else is asked by POST."""
        if urlsplit(self.path).path == "/ping":
            self._send(200, b"Ok.\n")
        else:
            self._refuse(405, "ask by POST")

    def do_POST(self) -> None:
        """Run the statement of a request."""
        length = self.headers.get("Content-Length", "")
        chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        if not self._known():
            self._refuse(401, "Code: 516. DB::Exception: the token is wrong", 516)
        elif self.headers.get("Content-Encoding"):
            self._refuse(415, "send the body as it is, not compressed")
        elif not chunked and (not length.isdigit() or int(length) > BODY_LIMIT):
            self._refuse(413, f"a body has at most {BODY_LIMIT} bytes and says its length")
        else:
            self._answer(self._chunks() if chunked else self._pieces(int(length)))

    def _known(self) -> bool:
        given = self.headers.get("Authorization", "")
        try:
            _, _, password = base64.b64decode(given.removeprefix("Basic "), validate=True).partition(b":")
        except ValueError:
            return False
        return hmac.compare_digest(password, self.server.token.encode())

    def _answer(self, body: Iterator[bytes]) -> None:
        options = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        try:
            if self.headers.get_content_type() == "multipart/form-data":  # so the client sends values that are long
                options |= _fields(self.headers["Content-Type"], b"".join(_within(body, SQL_LIMIT)))
            sql, rows = _split(options.get("query", ""), body)
            answer = self._run(sql, rows, options)
        except GoneError:
            self.close_connection = True
            if not self._gone():
                self._refuse(500, "Code: 394. DB::Exception: the query was cancelled", 394)
        except (EngineError, ValueError) as error:
            if isinstance(error, ValueError):
                with suppress(GoneError, ValueError):
                    deque(body, maxlen=0)  # who still writes reads no answer
            self._refuse(
                500 if isinstance(error, EngineError) else 400, str(error), getattr(error, "code", 0) or REFUSED
            )
        else:
            summary = {"read_rows": str(answer.rows), "elapsed_ns": str(int(answer.seconds * 1e9))}
            self._send(200, answer.data, {"X-ClickHouse-Summary": json.dumps(summary)})

    def _run(self, sql: str, rows: Iterator[bytes] | None, options: dict[str, str]) -> Answer:
        params = {name.removeprefix("param_"): text for name, text in options.items() if name.startswith("param_")}
        if sql == ENDS:  # takes no turn: it is what makes room
            self.server.end(params.get("mark", ""))
            return Answer(b"", 0, 0)
        if sql == TELLS:  # takes no turn: it would come after what it asks about
            return self.server.tell(params.get("name", ""))
        given = options.get("query_id", "").replace("-", "")  # a client without a mark sends a UUID
        if given in self.server.crashed:  # clients send again what was cut off; it would end the next engine, too
            raise EngineError(f"Code: {CRASHED}. DB::Exception: the engine ended while it ran this")
        mark = given if MARK.fullmatch(given) and given not in self.server.marks else uuid.uuid4().hex
        self.server.marks[mark] = False
        self.server.waiting.add(mark)
        try:
            return self._marked(sql, rows, options, params, mark)
        finally:
            del self.server.marks[mark]
            self.server.waiting.discard(mark)

    def _marked(
        self, sql: str, rows: Iterator[bytes] | None, options: dict[str, str], params: dict[str, str], mark: str
    ) -> Answer:
        def gone() -> bool:
            return self.server.marks.get(mark, False) or self._gone()  # asked once more after the answer, at times

        settings = {**self.server.limits.of(options), "log_comment": mark}
        with (
            self.server.turns.take(options.get("quota_key", ""), gone) as connection,
            self._noted(mark, sql),
        ):
            self.server.waiting.discard(mark)
            if rows is not None:
                return connection.insert(sql, rows, settings)
            with self._watched(mark, gone):
                return connection.ask(sql, params, settings)

    @contextmanager
    def _noted(self, mark: str, sql: str) -> Iterator[None]:
        """Leave on disk what runs, so that the parent can say after a crash what ran."""
        path = self.server.running / mark
        path.write_text(sql[:4000])
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _watched(self, mark: str, gone: Callable[[], bool]) -> Iterator[None]:
        """End the statement when its client leaves, or wants it ended."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(GONE_SECONDS):
                if gone():  # asked again until it is done: it may not have begun yet
                    self.server.beside.kill(mark)

        threading.Thread(target=watch, daemon=True).start()
        try:
            yield
        finally:
            done.set()

    def _gone(self) -> bool:
        try:
            ready, _, _ = select.select([self.connection], [], [], 0)
            return bool(ready) and not self.connection.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True

    def _pieces(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self.rfile.read(min(PIECE, length))
            if not piece:
                raise GoneError
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        while True:
            size = int(self.rfile.readline(20).split(b";")[0], 16)
            total += size
            if total > BODY_LIMIT:
                self.close_connection = True
                raise ValueError(f"a body has at most {BODY_LIMIT} bytes")
            yield from self._pieces(size)
            self.rfile.readline(3)
            if not size:
                return

    def _refuse(self, status: int, text: str, code: int = REFUSED) -> None:
        self.close_connection = True  # what is left of its body is not read
        self._send(status, text.encode(), {"X-ClickHouse-Exception-Code": str(code)})

    def _send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, text in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, text)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Stay silent: what runs is nobody's news."""


def _crashed(path: Path) -> frozenset[str]:
    """Give the marks of what ran when the last engine died."""
    try:
        return frozenset(json.loads(path.read_text())["marks"])
    except (OSError, ValueError, KeyError):
        return frozenset()


def _split(query: str, body: Iterator[bytes]) -> tuple[str, Iterator[bytes] | None]:
    """Give the statement, and the rows behind it: None where it takes none.

    The statement stands in the address, or at the beginning of the body; an INSERT .. FORMAT has rows behind it.
    """
    if query:
        return query, body if INSERT.fullmatch(query) else None
    head = next(body, b"")
    if match := INSERT_LINE.match(head):
        return match[1].decode(), chain([head[match.end() :]], body)
    return b"".join(_within(chain([head], body), SQL_LIMIT)).decode(), None


def _fields(kind: str, body: bytes) -> dict[str, str]:
    """Read the fields of a form. kind: its Content-Type, which says what stands between them."""
    form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=HTTP)
    parts = form.get_payload() if form.is_multipart() else []
    found = {}
    for part in parts:
        name, text = part.get_param("name", "", "content-disposition"), part.get_payload(decode=True)
        found[str(name)] = text.decode()
    return found


def _within(body: Iterator[bytes], limit: int) -> Iterator[bytes]:
    total = 0
    for piece in body:
        total += len(piece)
        if total > limit:
            raise ValueError(f"a statement has at most {limit} bytes")
        yield piece


def main() -> None:
    """Serve on the socket that the parent passes until the parent ends; its words: fd, pipe, folder, limits as JSON."""
    listening, pipe, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches the parent too, which ends this one
    token = (folder / "token").read_text()
    server = Server(socket.socket(fileno=listening), folder, token, Limits(**json.loads(sys.argv[4])))

    def until_the_parent_ends() -> None:
        os.read(pipe, 1)
        server.shutdown()

    threading.Thread(target=until_the_parent_ends, daemon=True).start()
    server.serve_forever(poll_interval=0.1)
    for connection in server.connections:
        connection.close()


if __name__ == "__main__":
    main()
