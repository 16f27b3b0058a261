"""The pipe: what is left of rpyc takes one request and one reply, within bounds, and nothing else."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from rpyc.core import brine, consts, protocol

from rpcgate import service, transport
from rpcgate.client import MasterClient, MasterSilent
from rpcgate.envelope import MAX_ENVELOPE, seal_request
from rpcgate.protocol import Done, Hello, encode
from rpcgate.transport import MAX_FRAME
from tests.fleet.waiting import until
from tests.rpcgate import raw
from tests.rpcgate.port import Port, opened


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    with opened(tmp_path) as port:
        yield port


def test_a_frame_holds_the_largest_envelope() -> None:
    assert len(raw.call(bytes(MAX_ENVELOPE))) < MAX_FRAME


def test_the_pinned_rpyc_has_what_is_overridden() -> None:
    for name in ("_dispatch", "_request_handlers", "_cleanup", "_send", "_seq_request_callback", "serve", "close"):
        assert hasattr(protocol.Connection, name)
    for name, number in {
        "MSG_REQUEST": 1,
        "MSG_REPLY": 2,
        "MSG_EXCEPTION": 3,
        "HANDLE_CALL": 7,
        "LABEL_VALUE": 1,
    }.items():
        assert getattr(consts, name) == number  # docs/protocol.md promises these bytes


REFERENCES = [(consts.LABEL_REMOTE_REF, ("builtins.list", 1, 2)), (consts.LABEL_LOCAL_REF, ("x", 1, 2))]
HANDLES = sorted(value for name, value in vars(consts).items() if name.startswith("HANDLE_"))


@pytest.mark.parametrize("handle", [*HANDLES, 0, 99, "call", None])
def test_every_request_but_a_call_with_bytes_closes_the_connection(port: Port, handle: object) -> None:
    for arguments in [(), ("text",), (b"a", b"b"), (1,), ((b"x",),)]:
        if not (handle == consts.HANDLE_CALL and arguments == (b"x",)):
            refused(port, raw.message(consts.MSG_REQUEST, 0, (handle, (consts.LABEL_VALUE, arguments))), "not_a_call")


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_to_an_object_closes_the_connection(port: Port, reference: tuple[int, object]) -> None:
    arguments = (consts.LABEL_TUPLE, (reference,))
    refused(port, raw.message(consts.MSG_REQUEST, 0, (consts.HANDLE_CALL, arguments)), "not_a_call")


@pytest.mark.parametrize("kind", [consts.MSG_REPLY, consts.MSG_EXCEPTION, 0, 77])
def test_a_server_takes_no_replies(port: Port, kind: int) -> None:
    refused(port, raw.message(kind, 0, (consts.LABEL_VALUE, b"x")), "not_a_call")


BAD_FRAMES: dict[str, tuple[Callable[[], bytes], str]] = {
    "no payload": (lambda: raw.frame(b"\x01"), "malformed_frame"),
    "unknown tags": (lambda: raw.frame(b"\x01\xff\xff"), "malformed_frame"),
    "deep": (lambda: raw.frame(b"\x01" + brine.TAG_TUP1 * 5000), "malformed_frame"),
    "wide": (lambda: raw.frame(b"\x01" + brine.TAG_TUP_L4 + b"\xff" * 4), "malformed_frame"),
    "long number": (
        lambda: raw.frame(b"\x01" + brine.TAG_INT_L4 + b"\x00\x0f\x42\x40" + b"9" * 1_000_000),
        "malformed_frame",
    ),
    "no number": (lambda: raw.frame(b"\x01" + brine.dump(("seq", (7, (1, (b"x",)))))), "malformed_frame"),
    "no pair": (lambda: raw.frame(b"\x01" + brine.dump(7)), "malformed_frame"),
    "too long": (lambda: raw.frame(b"x", length=MAX_FRAME + 1), "oversized_frame"),
    "4 GiB": (lambda: raw.frame(b"x", length=0xFFFFFFFF), "oversized_frame"),
    "bomb": (lambda: raw.bomb(50 << 20), "compressed_frame"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_frame_that_breaks_the_rules_closes_the_connection(port: Port, name: str) -> None:
    made, reason = BAD_FRAMES[name]
    refused(port, made(), reason)


def test_an_oversized_frame_is_refused_by_its_header_alone(port: Port) -> None:
    refused(port, raw.HEADER.pack(MAX_FRAME + 1, 0), "oversized_frame")


def test_an_empty_frame_ends_the_connection(port: Port) -> None:
    with web_peer(port) as sock:
        sock.sendall(raw.frame(b""))
        assert raw.hung_up(sock)


def test_half_a_frame_holds_no_thread_for_long(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport.Pipe.__init__, "__defaults__", (None, 0.3))
    with web_peer(port) as sock:
        sock.sendall(raw.call(b"x" * 500)[:100])
        assert raw.hung_up(sock)  # within the socket's own time: see raw.connected


def test_dripping_bytes_do_not_prolong_a_frame(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport.Pipe.__init__, "__defaults__", (None, 0.5))
    with web_peer(port) as sock:
        sock.settimeout(0.05)
        sent, whole = 0, raw.call(b"x" * 5000)
        with pytest.raises(OSError):  # noqa: PT012  # it is the server's hanging up that ends the loop
            for byte in whole:
                sock.sendall(bytes([byte]))
                sent += 1
                drained(sock)
        assert sent < len(whole) / 2  # a twentieth of a second for each: four minutes, if each gained time


def test_a_connection_without_questions_is_let_go(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "IDLE", 0.2)
    with web_peer(port) as sock:
        assert raw.hung_up(sock)


def test_the_oldest_stranger_makes_room(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "STRANGERS", 5)
    idle = [socket.create_connection(("127.0.0.1", port.port), timeout=60) for _ in range(12)]
    try:
        assert port.counts("tls", 7)
        with port.client() as client:
            assert client.ask(Hello()) == Done()
    finally:
        for sock in idle:
            sock.close()


def test_nobody_waits_for_a_crowd_that_says_nothing(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "HANDSHAKE", 60.0)
    idle = [socket.create_connection(("127.0.0.1", port.port), timeout=30) for _ in range(150)]
    try:
        began = time.monotonic()
        with port.client() as client:
            assert client.ask(Hello()) == Done()
        assert time.monotonic() - began < service.HANDSHAKE  # none was let go for its silence by then
    finally:
        for sock in idle:
            sock.close()


def test_a_handshake_that_does_not_end_is_cut(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "HANDSHAKE", 0.3)
    with socket.create_connection(("127.0.0.1", port.port), timeout=60) as sock:
        sock.sendall(b"\x16\x03\x01\x02")
        assert raw.hung_up(sock)
    assert port.counts("tls")


def test_more_connections_than_seats_are_refused_and_a_freed_seat_is_given_again(
    port: Port,
) -> None:
    port.server._seats = threading.BoundedSemaphore(1)
    with port.client() as first, port.client() as second:
        first.ask(Hello())
        with pytest.raises(MasterSilent):
            second.ask(Hello())
        assert port.counts("crowded")
        first.close()
        assert until(lambda: answered(second))


def test_running_out_of_files_does_not_end_the_service(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    class Exhausted:
        def accept(self) -> None:
            failed.set()
            raise OSError(24, "Too many open files")

    failed, real = threading.Event(), port.server.listener
    port.server.listener = Exhausted()
    with socket.create_connection(("127.0.0.1", port.port)):
        assert failed.wait(30)
    port.server.listener = real
    assert port.client().ask(Hello()) == Done()


HOSTILE_ANSWERS: dict[str, Callable[[ssl.SSLSocket], object]] = {
    "a compressed bomb": lambda sock: sock.sendall(raw.bomb(50 << 20)),
    "an oversized frame": lambda sock: sock.sendall(raw.frame(b"x", length=MAX_FRAME + 1)),
    "a reference": lambda sock: sock.sendall(raw.message(consts.MSG_REPLY, 0, REFERENCES[0])),
    "an exception": lambda sock: sock.sendall(
        raw.message(consts.MSG_EXCEPTION, 0, (("builtins", "SystemExit"), ("pa55",), (), "trace"))
    ),
    "a request": lambda sock: sock.sendall(raw.call(b"x")),
    "an unsigned answer": lambda sock: sock.sendall(
        raw.message(consts.MSG_REPLY, 0, (consts.LABEL_VALUE, encode(Done())))
    ),
    "noise": lambda sock: sock.sendall(os.urandom(4000)),
    "the end": lambda sock: sock.close(),
    "half a frame": lambda sock: sock.sendall(raw.frame(b"x" * 100)[:50]),
}


@pytest.mark.parametrize("answer", HOSTILE_ANSWERS)
def test_a_client_survives_a_master_that_answers_with(answer: str, port: Port) -> None:
    def act(sock: ssl.SSLSocket) -> None:
        raw.read_frame(sock)
        HOSTILE_ANSWERS[answer](sock)

    with raw.hostile_master(port.master.tls_file, act) as number:
        client = MasterClient("127.0.0.1", number, port.master.public, port.web, timeout=1.0)
        began = time.monotonic()
        with pytest.raises(MasterSilent) as caught:
            client.ask(Hello())
        assert "pa55" not in str(caught.value)
        assert time.monotonic() - began < 100  # the client's own patience, not the hostile master's


def test_a_request_carries_its_sequence_number_back(port: Port) -> None:
    sealed, _key = seal_request(
        encode(Hello()), to=port.master.public, keys=port.web, now=time.time(), request_id="ab" * 16
    )
    with web_peer(port) as sock:
        sock.sendall(raw.call(sealed, seq=4711))
        reply = raw.read_frame(sock)
    assert reply[0] == consts.MSG_REPLY
    assert brine.load(reply[1:])[0] == 4711


def web_peer(port: Port) -> "raw.AbstractContextManager[ssl.SSLSocket]":
    return raw.connected(port.port, raw.context(port.web.tls_file))


def refused(port: Port, data: bytes, reason: str) -> None:
    """Send bytes as the enrolled web tier and see the connection end, the reason counted, a good client served."""
    before = port.core.counted[reason]
    with web_peer(port) as sock:
        with suppress(OSError):  # it may hang up in the middle
            sock.sendall(data)
        assert raw.hung_up(sock)
    assert port.counts(reason, before + 1)
    with port.client() as client:
        assert client.ask(Hello()) == Done()


def drained(sock: ssl.SSLSocket) -> None:
    try:
        if not sock.recv(100):
            raise OSError("closed")
    except TimeoutError:
        pass


def answered(client: MasterClient) -> bool:
    try:
        return client.ask(Hello()) == Done()
    except MasterSilent:
        return False
