"""What Func's engine does when a minion, or somebody in its place, does not do what minions do."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpcgate.engines.func import FuncAdapter
from rpcgate.engines.func_run import QUICK
from sdk import Status, Target, Targets
from tests.fleet import func_faulty
from tests.fleet.func import FuncFleet
from tests.fleet.func_faulty import HEAD, PING, Behave, Faulty, says
from tests.fleet.func_pki import Pki
from tests.rpcgate.engines.calls import Caller

BOMB = b"<!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;&b;'>]><methodResponse>&c;</methodResponse>"
DEEP = b"<methodResponse><params><param>" + b"<value><array><data>" * 5000
FAULTS = [
    (says(b"hello"), Status.LOST, "no XML"),
    (says(BOMB), Status.LOST, "declares a document type"),
    (says("<!DOCTYPE a><a/>".encode("utf-16")), Status.LOST, "declares a document type"),
    (says(DEEP), Status.LOST, "nested too deeply"),
    (
        says(b"<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>"),
        Status.LOST,
        "",
    ),
    (says(b"<methodResponse></methodResponse>"), Status.LOST, "no XML-RPC"),
    (says(b"<a/>"), Status.LOST, "no XML-RPC"),
    (says(b"", b"HTTP/1.1 500 Oops\r\n"), Status.LOST, "HTTP 500"),
    (says(b"", b"SSH-2.0-OpenSSH\r\n"), Status.LOST, "no HTTP"),
    (says(b"x" * (1 << 20), HEAD + b"X-Long: " + b"y" * 100_000 + b"\r\n"), Status.LOST, "no HTTP"),
    (func_faulty.cut_short, Status.LOST, "too early"),
    (func_faulty.reset, Status.LOST, "the connection broke"),
    (func_faulty.never, Status.TIMEOUT, "did not end within 8 s"),
    (func_faulty.drips, Status.TIMEOUT, "did not end within 8 s"),
    (func_faulty.endless, Status.FAILED, "more than the 1000000 bytes"),
    (says(b"x" * 1_000_001), Status.FAILED, "1000001 bytes"),
]


@pytest.fixture
def func(func_fleet: FuncFleet, tmp_path: Path) -> Iterator[Caller]:
    adapter = FuncAdapter.from_config(func_fleet.table(reply_limit=1_000_000, connect_timeout=20), tmp_path)
    yield Caller(adapter, Targets((func_fleet.target(0),)))
    adapter.close()


@pytest.fixture
def full() -> Iterator[Target]:
    """Give a host whose network drops packets: its queue of connections is full, so nothing is answered."""
    with socket.socket() as server:
        server.bind(("127.0.0.95", 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield Target("full.func.test", *server.getsockname(), engine="func")
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(("behave", "status", "word"), FAULTS)
def test_each_fault_of_a_minion_is_told_and_nothing_is_sent_twice(
    func: Caller, func_fleet: FuncFleet, behave: Behave, status: Status, word: str
) -> None:
    seconds = 8 if status is Status.TIMEOUT else QUICK  # of more it would be a job, which other requests come before
    with Faulty(func_fleet.pki, behave) as faulty:
        event = func.on(faulty.target).one("call", module="test", method="ping", args=[], timeout=seconds)
    assert (event.status, event.untouched, faulty.requests) == (status, False, 1)
    assert word in event.reason


def test_a_sound_answer_of_the_same_kind_is_taken(func: Caller, func_fleet: FuncFleet) -> None:
    with Faulty(func_fleet.pki, says(PING)) as sound:
        assert func.on(sound.target).one("call", module="test", method="ping", args=[], timeout=QUICK).data == 1


def test_a_command_that_was_sent_to_a_minion_which_crashes_is_not_sent_again(
    func: Caller, func_fleet: FuncFleet
) -> None:
    with Faulty(func_fleet.pki, func_faulty.reset) as faulty:
        first = func.on(faulty.target).one("shell", argv=["id"])
        asked = faulty.requests
        func.adapter.func._abilities.learn_jobs(_minion(faulty.target), True)  # type: ignore[attr-defined]
        event = func.on(faulty.target).one("shell", argv=["id"])
    assert (first.status, first.untouched, asked) == (Status.UNREACHABLE, True, 1)  # only asked whether it has jobs
    assert (event.status, event.untouched, faulty.requests) == (Status.LOST, False, 2)


def test_the_certificate_of_another_authority_is_refused_by_the_minion_before_anything_is_sent(
    func_fleet: FuncFleet, tmp_path: Path
) -> None:
    certificate, key = Pki(tmp_path / "foreign").issue("omserver.func.test")
    adapter = FuncAdapter.from_config(func_fleet.table(certificate=str(certificate), key=str(key)), tmp_path)
    before = len(func_fleet.hosts[0].calls())
    event = Caller(adapter, Targets((func_fleet.target(0),))).one("shell", argv=["id"])
    adapter.close()
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
    assert "refuses this master's certificate" in event.reason
    assert len(func_fleet.hosts[0].calls()) == before


def test_a_certificate_signed_with_sha1_is_believed_only_where_that_is_configured(
    func: Caller, func_fleet: FuncFleet, tmp_path: Path
) -> None:
    name = "old.func.test"
    func_fleet.pki.issue(name, file="old", sha1=True)
    host = func_fleet.start(name, certificate="old", extra=["--weak"])
    target = Target(name, host.address, host.port)
    refused = func.on(target).one("shell", argv=["echo", "here"])
    adapter = FuncAdapter.from_config(func_fleet.table(legacy_certificates=True), tmp_path)
    believed = Caller(adapter, Targets((target,))).one("shell", argv=["echo", "here"])
    adapter.close()
    assert (refused.status, refused.untouched) == (Status.UNREACHABLE, True)
    assert "too weak; docs/func.md says what legacy_certificates does" in refused.reason
    assert believed.output == "here\n"


def test_somebody_who_takes_connections_and_says_nothing_is_unreachable(func_fleet: FuncFleet, tmp_path: Path) -> None:
    adapter = FuncAdapter.from_config(func_fleet.table(connect_timeout=1), tmp_path)
    with socket.create_server(("127.0.0.94", 0)) as server:
        mute = Target("mute.func.test", *server.getsockname())
        event = Caller(adapter, Targets((mute,))).one("shell", argv=["id"])
    adapter.close()
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
    assert "did not agree on TLS in 1 s" in event.reason


def test_a_port_that_nobody_listens_on_is_unreachable_at_once(func: Caller) -> None:
    with socket.create_server(("127.0.0.94", 0)) as server:
        address = server.getsockname()
    event = func.on(Target("closed.func.test", *address)).one("shell", argv=["id"])
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
    assert event.reason == f"{address[0]}:{address[1]} cannot be connected to: connection refused."
    event = func.on(Target("closed.func.test", "localhost", address[1])).one("shell", argv=["id"])
    assert event.reason == f"localhost:{address[1]} cannot be connected to: connection refused."


def test_one_dead_host_among_twenty_delays_nobody(func_fleet: FuncFleet, full: Target, tmp_path: Path) -> None:
    adapter = FuncAdapter.from_config(func_fleet.table(concurrency=1, connect_timeout=30), tmp_path)
    names = [f"many{index}.func.test" for index in range(19)]
    hosts = func_fleet.start_together(names)
    living = [Target(host.name, host.address, host.port) for host in hosts]
    called = Caller(adapter, Targets((full, *living))).start("call", module="test", method="ping", args=[])
    answered = [called.first() for _ in living]
    waited = not called.running.wait(0)  # for `full`
    finals = called.finals()
    adapter.close()
    assert ({event.status for event in answered}, waited) == ({Status.OK}, True)
    assert (finals[full.name].status, finals[full.name].untouched) == (Status.UNREACHABLE, True)


def _minion(target: Target) -> object:
    from rpcgate.engines.func_wire import Minion

    assert target.port
    return Minion(target.host, target.port, frozenset({target.name}))
