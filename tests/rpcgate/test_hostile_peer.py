"""A running master under attack: each attack is refused, counted and logged by a word; good clients are served on."""

import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from rpyc.core import brine, consts

from rpcgate.envelope import refusal_of, seal_request
from rpcgate.keys import MasterKeys, WebKeys
from rpcgate.protocol import Hello, encode
from tests.rpcgate import raw
from tests.rpcgate.daemon import Daemon, running

HANDLES = sorted(name for name in vars(consts) if name.startswith("HANDLE_") and name != "HANDLE_CALL")
SECRET = b"pa55-0f-a-victim"
GARBAGE = {
    "HTTP": b"GET / HTTP/1.0\r\n\r\n",
    "zeros": bytes(5000),
    "noise": b"\x16\x03\x01" + os.urandom(70_000),
    "rpyc": raw.call(SECRET),
}
DEEP = brine.TAG_TUP1 * 2_000_000
WIDE = brine.TAG_TUP_L4 + b"\xff" * 4
LONG = brine.TAG_INT_L4 + b"\x00\x1e\x00\x00" + b"9" * 0x1E0000
ROOM = 60 << 20  # bytes by which an attack may raise the master's memory; plain rpyc grows by 645 MB


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("hostile")) as daemon:
        daemon.health()
        yield daemon


class Attack:
    """What an attack is held against: counter, log, memory, and a good client."""

    def __init__(self, master: Daemon, reason: str, times: int = 1) -> None:
        self.master, self.reason, self.times = master, reason, times

    def __enter__(self) -> None:
        self.counted = self.master.health().counters.get(self.reason, 0)
        self.logged, self.memory = len(self.master.log), self.master.memory

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind:
            return
        self.master.logged(rf"refused .*{self.reason}", self.logged)
        assert self._counted() == self.counted + self.times
        assert self.master.memory < self.memory + ROOM
        assert self.master.peak < self.memory + ROOM
        assert SECRET.decode() not in self.master.log

    def _counted(self) -> int:
        """Ask a good client's way; the counter is written a moment after the attacker is hung up on."""
        deadline = time.monotonic() + 60
        while True:
            found = self.master.health().counters.get(self.reason, 0)
            if found >= self.counted + self.times or time.monotonic() > deadline:
                return found


def test_no_certificate(master: Daemon) -> None:
    with Attack(master, "tls"):
        assert_unheard(master, raw.context(None))


def test_a_strangers_certificate(master: Daemon, tmp_path: Path) -> None:
    with Attack(master, "tls"):
        assert_unheard(master, raw.context(WebKeys.create(tmp_path / "k").tls_file))


def test_a_stolen_masters_certificate_and_keys(master: Daemon) -> None:
    with Attack(master, "tls"):
        assert_unheard(master, raw.context(master.keys.tls_file))


def test_tls_1_2(master: Daemon) -> None:
    with (
        Attack(master, "tls"),
        pytest.raises(OSError),
        raw.connected(master.port, raw.context(master.web.tls_file, latest=ssl.TLSVersion.TLSv1_2)),
    ):
        pytest.fail("the handshake succeeded")


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_without_tls(master: Daemon, garbage: str) -> None:
    with Attack(master, "tls"), socket.create_connection(("127.0.0.1", master.port), timeout=30) as sock:
        with suppress(OSError):
            sock.sendall(GARBAGE[garbage])
        assert raw.hung_up(sock)


def test_a_hundred_and_fifty_connections_that_say_nothing_block_nobody(master: Daemon) -> None:
    idle = [socket.create_connection(("127.0.0.1", master.port), timeout=30) for _ in range(150)]
    try:
        assert master.health().master == "sh-1"
        assert all(raw.hung_up(sock) for sock in idle)  # within the handshake's time
    finally:
        for sock in idle:
            sock.close()


def test_a_compressed_bomb_from_the_web_tiers_own_certificate(master: Daemon) -> None:
    with Attack(master, "compressed_frame"):
        sent(master, raw.bomb())


def test_a_compressed_bomb_before_authentication(master: Daemon) -> None:
    with Attack(master, "tls"), socket.create_connection(("127.0.0.1", master.port), timeout=30) as sock:
        with suppress(OSError):
            sock.sendall(raw.bomb())
        assert raw.hung_up(sock)


@pytest.mark.parametrize("length", [(2 << 20) + 1, 1 << 30, 0xFFFFFFFF])
def test_an_oversized_frame(master: Daemon, length: int) -> None:
    with Attack(master, "oversized_frame"):
        sent(master, raw.frame(SECRET, length=length))


@pytest.mark.parametrize("name", HANDLES)
def test_a_request_of_rpycs_own(master: Daemon, name: str) -> None:
    arguments = (consts.LABEL_VALUE, (SECRET, 1, 2)[: 1 if name == "HANDLE_PING" else 3])
    with Attack(master, "not_a_call"):
        sent(master, raw.message(consts.MSG_REQUEST, 0, (getattr(consts, name), arguments)))


@pytest.mark.parametrize("label", [consts.LABEL_LOCAL_REF, consts.LABEL_REMOTE_REF, consts.LABEL_TUPLE])
def test_a_reference_to_an_object(master: Daemon, label: int) -> None:
    reference = (consts.LABEL_TUPLE, ((label, ("builtins.type", 1, 2)),))
    with Attack(master, "not_a_call"):
        sent(master, raw.message(consts.MSG_REQUEST, 0, (consts.HANDLE_CALL, reference)))


@pytest.mark.parametrize("data", [DEEP, WIDE, LONG], ids=["deep", "wide", "long"])
def test_a_frame_made_to_exhaust_the_reader(master: Daemon, data: bytes) -> None:
    with Attack(master, "malformed_frame"):
        sent(master, raw.frame(b"\x01" + data))


def test_a_replay(master: Daemon) -> None:
    data = sealed(master)
    with web_peer(master) as sock:
        assert refusal_of(raw.answer_to(sock, data)) is None
    with Attack(master, "replayed"), web_peer(master) as sock:
        assert refusal_of(raw.answer_to(sock, data)) == "replayed"


def test_a_replay_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as master:
        data = sealed(master)
        with web_peer(master) as sock:
            raw.answer_to(sock, data)
        assert master.stop() == 0
        master.start()
        with web_peer(master) as sock:
            assert refusal_of(raw.answer_to(sock, data)) == "replayed"


def test_flipped_bits(master: Daemon) -> None:
    data = sealed(master)
    last = len(data) - 1
    for where in (60, last // 2, last):
        flipped = data[:where] + bytes([data[where] ^ 1]) + data[where + 1 :]
        with Attack(master, "altered"), web_peer(master) as sock:
            assert refusal_of(raw.answer_to(sock, flipped)) == "altered"


def test_a_stolen_masters_signature(master: Daemon) -> None:
    """With the web tier's certificate stolen as well, it still cannot sign."""
    keys = master.keys
    for name, reason in ((keys.sign_id, "not_web"), (master.web.current, "altered")):
        thief = replace(master.web, sign={name: keys.sign}, current=name)
        with Attack(master, reason), web_peer(master) as sock:
            assert refusal_of(raw.answer_to(sock, sealed(master, web=thief))) == reason


def test_another_masters_message(master: Daemon, tmp_path: Path) -> None:
    other = MasterKeys.create(tmp_path / "o", "bj-1").public
    for public in (other, replace(other, name="sh-1")):
        with Attack(master, "foreign"), web_peer(master) as sock:
            data, _key = seal_request(
                SECRET, to=public, keys=master.web, now=time.time(), request_id=os.urandom(16).hex()
            )
            assert refusal_of(raw.answer_to(sock, data)) == "foreign"


def test_an_expired_message(master: Daemon) -> None:
    with Attack(master, "expired"), web_peer(master) as sock:
        assert refusal_of(raw.answer_to(sock, sealed(master, now=time.time() - 3600))) == "expired"


@pytest.mark.parametrize(
    "data", [b"", b"OMS1", SECRET, b"OMS1\x01" + bytes(120)], ids=["none", "magic", "text", "zeros"]
)
def test_noise_in_a_proper_call(master: Daemon, data: bytes) -> None:
    reason = "foreign" if len(data) > 100 else "malformed"  # zeros say: for the master whose name is empty
    with Attack(master, reason), web_peer(master) as sock:
        assert refusal_of(raw.answer_to(sock, data)) == reason


def test_a_sealed_body_that_is_no_message(master: Daemon) -> None:
    with Attack(master, "not_a_message"), web_peer(master) as sock:
        assert refusal_of(raw.answer_to(sock, sealed(master, body=b'{"kind": "' + SECRET + b'"}'))) is None


def test_all_that_left_neither_threads_nor_memory_behind(master: Daemon) -> None:
    status = Path(f"/proc/{master.process.pid}/status")
    deadline = time.monotonic() + 60
    while (threads := int(status.read_text().split("Threads:")[1].split()[0])) > 15 and time.monotonic() < deadline:
        master.health()
    assert threads <= 15
    assert "Traceback" not in master.log


def sealed(master: Daemon, *, web: WebKeys | None = None, now: float | None = None, body: bytes | None = None) -> bytes:
    data, _key = seal_request(
        encode(Hello()) if body is None else body,
        to=master.public,
        keys=web or master.web,
        now=time.time() if now is None else now,
        request_id=os.urandom(16).hex(),
    )
    return data


def web_peer(master: Daemon) -> "raw.AbstractContextManager[ssl.SSLSocket]":
    return raw.connected(master.port, raw.context(master.web.tls_file))


def sent(master: Daemon, data: bytes) -> None:
    """Send bytes with the web tier's own certificate, and see the connection end."""
    with web_peer(master) as sock:
        with suppress(OSError):  # it may hang up in the middle
            sock.sendall(data)
        assert raw.hung_up(sock)


def assert_unheard(master: Daemon, tls: ssl.SSLContext) -> None:
    """In TLS 1.3 a client learns only from its first read that its certificate was refused."""
    with suppress(OSError), raw.connected(master.port, tls) as sock:
        sock.sendall(raw.call(sealed(master)))
        assert sock.recv(1) == b""
