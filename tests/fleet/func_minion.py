"""The minion: TLS with certificates on both sides, HTTP, access lists, and how Func says that something failed."""

import socket
import socketserver
import ssl
import threading
import traceback
import xmlrpc.client
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.fleet import func_values
from tests.fleet.func_acl import Acls, Peer
from tests.fleet.func_modules import FuncException, Modules, run

IDLE = 20.0  # seconds of silence after which a minion leaves a connection
LARGEST = 256 << 20  # bytes of a request


class Minion(socketserver.ThreadingTCPServer):
    """Serve one host's methods. log: a line for each call that was let in: the caller, the method."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], context: ssl.SSLContext, acls: Acls, modules: Modules, log: Path
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Request)
        self._context = context
        self.acls = acls
        self.modules = modules
        self._log = log
        self._lock = threading.Lock()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that a slow one delays nobody."""
        request.settimeout(IDLE)
        with suppress(OSError), self._context.wrap_socket(request, server_side=True) as secured:
            Request(secured, client_address, self)

    def note(self, peer: Peer, method: str) -> None:
        """Write a call into the log."""
        with self._lock, self._log.open("a") as file:
            file.write(f"{peer.key} {method}\n")

    def answer(self, peer: Peer, body: bytes) -> bytes:
        """Carry out a request and give the reply's body."""
        params, name = xmlrpc.client.loads(body)
        called = (name or "").removeprefix("async.")
        if not self.acls.allow(peer, called):
            return func_values.fault("<class 'func.minion.codes.AccessToMethodDenied'>:")
        self.note(peer, name or "")
        if called == name:
            return func_values.reply(self._value(called, params))
        return func_values.reply(self.modules.jobs.start(partial(self._value, called, params, job=True)))

    def _value(self, name: str, params: tuple[Any, ...], *, job: bool = False) -> Any:
        try:
            method = self.modules.find(name)
            return method(*params, **({"job": True} if job and method is run else {}))
        except FuncException as error:
            return func_values.remote_error(error.kind, str(error), _trace())
        except Exception as error:  # noqa: BLE001  # a method's fault is its caller's news
            return func_values.remote_error(f"exceptions.{type(error).__name__}", str(error), _trace())


class Request(BaseHTTPRequestHandler):
    """One request on one connection, which then ends without a word of it in the headers: an overlord would stall."""

    protocol_version = "HTTP/1.1"
    server_version = "BaseHTTP/0.3"
    server: Minion

    def do_POST(self) -> None:
        """Answer a call."""
        self.close_connection = True
        peer = Peer.of_socket(self.connection)  # type: ignore[arg-type]  # wrapped by finish_request
        size = int(self.headers.get("Content-Length", 0))
        if self.path not in ("/", "/RPC2") or size > LARGEST:
            self._send(404, b"No such page")
            return
        try:
            body = self.server.answer(peer, self.rfile.read(size))
        except Exception:
            self._send(500, b"")
            raise
        self._send(200, body)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-type", "text/xml")
        self.send_header("Content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Say nothing: the minion has its own log."""


def server_context(certificate: Path, key: Path, ca: Path, *, weak: bool = False) -> ssl.SSLContext:
    """Make a minion's side of TLS. weak: certificates signed with SHA-1 may be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if weak:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca)
    context.load_cert_chain(certificate, key)
    return context


def _trace() -> str:
    return traceback.format_exc(limit=3)
