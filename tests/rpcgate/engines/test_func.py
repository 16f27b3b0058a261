"""What only the func engine promises: methods, jobs that outlive connections, what goes up before a command, names."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines.func import FuncAdapter
from rpcgate.engines.plan import GONE, NOT_CONFIRMED
from sdk import Event, Status, Target, Targets
from tests.fleet.cable import Cable
from tests.fleet.func import FuncFleet, FuncHost, start_func_fleet
from tests.rpcgate.engines.calls import Caller, eventually
from tests.rpcgate.engines.test_verbs import alive, seconds

MakeFunc = Callable[..., Caller]


@pytest.fixture
def make_func(func_fleet: FuncFleet, tmp_path: Path) -> Iterator[MakeFunc]:
    """Give a function that makes a func engine for targets, with other settings where given."""
    made: list[FuncAdapter] = []

    def make(*targets: Target, fleet: FuncFleet = func_fleet, **table: Any) -> Caller:
        made.append(FuncAdapter.from_config(fleet.table(**table), tmp_path))
        return Caller(made[-1], Targets(targets or (fleet.target(0),)))

    yield make
    for adapter in made:
        adapter.close()


@pytest.fixture
def one(func_fleet: FuncFleet) -> Callable[..., FuncHost]:
    """Give a function that starts a minion of its own for a test."""

    def start(**how: Any) -> FuncHost:
        return func_fleet.start(f"own-{secrets.token_hex(4)}.func.test", **how)

    return start


def target(host: FuncHost) -> Target:
    return Target(host.name, host.address, host.port, engine="func")


def polled(host: FuncHost) -> bool:
    """Wait until somebody has asked for a job that was started, so that its id is known."""
    return eventually(lambda: "jobs.job_status" in host.calls()[_last_start(host) :])


def _last_start(host: FuncHost) -> int:
    calls = host.calls()
    return max((at for at, name in enumerate(calls) if name.startswith("async.")), default=len(calls))


def call(caller: Caller, name: str, *args: Any, timeout: float = 20) -> Event:
    module, _, method = name.rpartition(".")
    return caller.one("call", module=module, method=method, args=list(args), timeout=timeout)


@pytest.mark.parametrize("timeout", [20, 60])
def test_a_methods_value_is_the_data_whether_it_is_called_or_started_as_a_job(
    make_func: MakeFunc, timeout: float
) -> None:
    event = call(make_func(), "test.echo", {"a": [1, -2.5, True, None, "ä\r\n中🙂<&>]]>"]}, timeout=timeout)
    assert (event.status, event.reason, event.engine) == (Status.OK, "", "func")
    assert event.data == {"a": [1, -2.5, True, None, "ä\r\n中🙂<&>]]>".replace("\r\n", "\n")]}
    assert '"a"' in event.output


def test_only_what_may_last_is_started_as_a_job(make_func: MakeFunc, one: Callable[..., FuncHost]) -> None:
    host = one()
    caller = make_func(target(host))
    for timeout in (20, 60):
        assert call(caller, "test.ping", timeout=timeout).data == 1
        assert "test" in call(caller, "system.list_modules", timeout=timeout).data
        assert "ping" in call(caller, "test.list_methods", timeout=timeout).data
    assert len(host.calls("async.test.ping")) == len(host.calls("test.ping")) == 1
    assert host.calls("async.system.list_modules") == host.calls("async.test.list_methods") == []


def test_a_carriage_return_arrives_as_one(make_func: MakeFunc) -> None:
    assert call(make_func(), "copyfile.checksum", "a\r\nb").data == hashlib.sha1(b"a\r\nb").hexdigest()


@pytest.mark.parametrize("timeout", [20, 60])
@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("test.explode", "The minion says that test.explode failed: func.minion.codes.FuncException: khhhh"),
        ("test.add", "exceptions.TypeError"),
        ("test.fly", "The minion's module test has no method fly; it has add, "),
        ("fly.ping", "The minion has no module fly; it has command, copyfile, "),
        ("service.status", "exceptions.TypeError"),
    ],
)
def test_what_fails_on_the_minion_is_a_failure_that_says_why(
    make_func: MakeFunc, name: str, word: str, timeout: float
) -> None:
    event = call(make_func(), name, timeout=timeout)
    assert event.status is Status.FAILED
    assert word in event.reason


def test_bytes_that_are_no_text_are_shown_and_said_to_be_so(make_func: MakeFunc) -> None:
    event = call(make_func(), "test.bytes")
    assert event.data == "caf\\xe9 \\x01 \\x1b[31m"
    assert "held bytes that are no text" in event.output


def test_a_result_that_cannot_be_sent_is_a_failure(make_func: MakeFunc) -> None:
    event = call(make_func(), "test.bigint")
    assert event.status is Status.FAILED
    assert "OverflowError" in event.reason


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ([1 << 31], "Argument 1 is 2147483648, and Func's numbers end at 2147483647"),
        (["a", float("nan")], "Argument 2 is nan"),
        (["\x07"], "the character '\\x07', which XML cannot carry"),
        (["\ud800"], "'\\ud800'"),
        ([{3: 4}], "the key 3; Func's structs take texts"),
        ([{"\x01": 4}], "'\\x01'"),
        ([{1, 2}], "is a set"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_it_is(
    make_func: MakeFunc, one: Callable[..., FuncHost], args: list[Any], word: str
) -> None:
    host = one()
    event = call(make_func(target(host)), "test.echo", *args)
    assert event.status is Status.FAILED
    assert word in event.reason
    assert host.calls() == []


@pytest.mark.parametrize("name", ["async.test.ping", "te st.ping", "test.", ".ping", "test.ping<", "tést.ping"])
def test_what_is_no_method_is_refused(make_func: MakeFunc, name: str) -> None:
    assert call(make_func(), name).status is Status.FAILED


def test_result_codes_of_services_are_just_values(
    make_func: MakeFunc, one: Callable[..., FuncHost], tmp_path: Path
) -> None:
    script = tmp_path / "webserver"
    script.write_text('#!/bin/sh\n[ "$1" = restart ] && exit 0\nexit 3\n')
    script.chmod(0o755)
    caller = make_func(target(one(extra=["--services", str(tmp_path)])))
    assert call(caller, "service.restart", "webserver").data == 0
    assert call(caller, "service.status", "webserver", timeout=60).data == 3
    assert "Service not installed: other" in call(caller, "service.status", "other").reason


def test_a_cut_connection_loses_no_command(make_func: MakeFunc, one: Callable[..., FuncHost], tmp_path: Path) -> None:
    host, trace = one(), tmp_path / "trace"
    with Cable(host.address, host.port) as cable:
        caller = make_func(Target(host.name, host.address, cable.port))
        words = f"echo begun >>{trace}; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; echo done"
        called = caller.start("shell", argv=["sh", "-c", words], timeout=300)
        assert polled(host)
        assert eventually(trace.exists)
        cable.cut()
        refused = cable.taken
        assert eventually(lambda: cable.taken > refused)  # it asks, and gets no answer
        (tmp_path / "go").touch()
        cable.mend()
        (event,) = called.finals().values()
    assert (event.status, event.output) == (Status.OK, "done\n")
    assert trace.read_text() == "begun\n"


def test_a_cut_connection_loses_no_method(make_func: MakeFunc, one: Callable[..., FuncHost], tmp_path: Path) -> None:
    host, wait = one(), f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; echo done"
    with Cable(host.address, host.port) as cable:
        caller = make_func(Target(host.name, host.address, cable.port))
        called = caller.start("call", module="command", method="run", args=[wait], timeout=300)
        assert polled(host)
        cable.cut()
        refused = cable.taken
        assert eventually(lambda: cable.taken > refused)
        (tmp_path / "go").touch()
        cable.mend()
        (event,) = called.finals().values()
    assert (event.status, event.data) == (Status.OK, [0, "done\n", ""])
    assert host.calls("async.command.run") == ["async.command.run"]


def test_a_job_that_its_minion_has_forgotten_is_lost(make_func: MakeFunc, tmp_path: Path) -> None:
    with start_func_fleet(1, tmp_path) as fleet:
        host = fleet.hosts[0]
        with Cable(host.address, host.port) as cable:
            caller = make_func(Target(host.name, host.address, cable.port), fleet=fleet)
            called = caller.start("call", module="test", method="sleep", args=[60], timeout=90)
            assert polled(host)
            host.kill()
            again = fleet.start(host.name)
            cable._to = (again.address, again.port)
            (event,) = called.finals().values()
    assert event.status is Status.LOST
    assert "knows the job no more" in event.reason


def test_a_minion_without_jobs_is_called_and_waited_for(make_func: MakeFunc, one: Callable[..., FuncHost]) -> None:
    host = one(extra=["--without", "jobs"])
    caller = make_func(target(host))
    assert caller.one("shell", argv=["sh", "-c", "echo here; exit 3"]).output == "here\n"
    assert call(caller, "test.ping", timeout=60).data == 1
    assert host.calls("async.command.run") == host.calls("async.test.ping") == []
    assert len(host.calls("jobs.job_status")) == 1  # once, and remembered


def test_a_master_that_may_not_ask_for_jobs_starts_none(make_func: MakeFunc, one: Callable[..., FuncHost]) -> None:
    host = one(allow="command.run, test.*")
    assert make_func(target(host)).one("shell", argv=["echo", "here"]).output == "here\n"
    assert host.calls() == ["command.run"]


def test_without_jobs_a_cut_connection_is_lost_and_never_repeated(
    make_func: MakeFunc, one: Callable[..., FuncHost], tmp_path: Path
) -> None:
    host, trace = one(extra=["--without", "jobs"]), tmp_path / "trace"
    with Cable(host.address, host.port) as cable:
        caller = make_func(replace(target(host), port=cable.port))
        called = caller.start("shell", argv=["sh", "-c", f"echo x >>{trace}; sleep 30"])
        assert eventually(trace.exists)
        cable.cut()
        cable.mend()
        (event,) = called.finals().values()
    assert (event.status, event.untouched) == (Status.LOST, False)
    assert trace.read_text() == "x\n"


def test_cancel_without_jobs_is_confirmed_too(make_func: MakeFunc, one: Callable[..., FuncHost]) -> None:
    wait = seconds()
    called = make_func(target(one(extra=["--without", "jobs"]))).start("shell", argv=["sleep", wait], timeout=300)
    assert eventually(lambda: len(alive(wait)) == 1)
    called.running.cancel()
    (event,) = called.finals().values()
    assert (event.status, event.reason) == (Status.CANCELLED, f"Cancelled; {GONE}.")
    assert not alive(wait)


def test_cancel_tells_what_was_said_so_far(make_func: MakeFunc) -> None:
    wait = seconds()
    called = make_func().start("shell", argv=["sh", "-c", f"echo begun; sleep {wait}"], timeout=300)
    assert eventually(lambda: len(alive(wait)) == 1)
    called.running.cancel()
    (event,) = called.finals().values()
    assert event.output.startswith("begun\n")


def test_cancel_over_a_cut_connection_says_that_it_is_not_confirmed(make_func: MakeFunc, func_fleet: FuncFleet) -> None:
    wait, host = seconds(), func_fleet.hosts[1]
    with Cable(host.address, host.port) as cable:
        called = make_func(replace(target(host), port=cable.port)).start("shell", argv=["sleep", wait], timeout=6)
        assert eventually(lambda: len(alive(wait)) == 1)
        cable.cut()
        called.running.cancel()
        (event,) = called.finals().values()
    assert (event.status, event.reason) == (Status.CANCELLED, f"Cancelled; {NOT_CONFIRMED}.")
    assert eventually(lambda: not alive(wait))  # the server ends it by its own clock


@pytest.mark.parametrize("timeout", [20, 60])
def test_a_method_cannot_be_ended_and_its_end_says_so(
    make_func: MakeFunc, one: Callable[..., FuncHost], timeout: float
) -> None:
    host = one()
    called = make_func(target(host)).start("call", module="test", method="sleep", args=[60], timeout=timeout)
    assert eventually(lambda: bool(host.calls("test.sleep" if timeout == 20 else "async.test.sleep")))
    called.running.cancel()
    (event,) = called.finals().values()
    assert (event.status, event.reason) == (Status.CANCELLED, f"Cancelled; {NOT_CONFIRMED}.")


def test_a_method_that_does_not_end_is_of_unknown_outcome(make_func: MakeFunc, one: Callable[..., FuncHost]) -> None:
    event = call(make_func(target(one())), "test.sleep", 30, timeout=5)
    assert (event.status, event.reason) == (Status.TIMEOUT, f"It did not end within 5 s; {NOT_CONFIRMED}.")


def test_what_goes_up_before_a_command_is_private_and_taken_away(
    make_func: MakeFunc, one: Callable[..., FuncHost], tmp_path: Path
) -> None:
    host = one(temporary=tmp_path)
    event = make_func(target(host)).one("script", text="ls -lR $TMPDIR\n# " + "x" * 3_000_000)
    assert event.status is Status.OK
    private = [line[:10] for line in event.output.splitlines() if "part.0" in line or line.endswith(" text")]
    assert private == ["-rw-------"] * 4
    assert [line[:10] for line in event.output.splitlines() if line.startswith("d")] == ["drwx------"]
    assert len(host.calls("copyfile.copyfile")) == 4  # three pieces, and the text that runs them
    assert not list(tmp_path.glob("omserver-*"))


def test_a_master_that_may_not_copy_files_says_so_and_leaves_nothing(
    make_func: MakeFunc, one: Callable[..., FuncHost], tmp_path: Path
) -> None:
    caller = make_func(target(one(allow="command.*, jobs.*", temporary=tmp_path)))
    event = caller.one("script", text="# " + "x" * 200_000)
    assert (event.status, "copyfile.copyfile" in event.reason) == (Status.FAILED, True)
    assert eventually(lambda: not list(tmp_path.glob("omserver-*")))
    assert caller.one("script", text="echo small").output == "small\n"


def test_commands_start_as_after_a_login(make_func: MakeFunc) -> None:
    event = make_func().one("shell", argv=["sh", "-c", "umask; cd; pwd; cd - >/dev/null; pwd"])
    umask, home, here = event.output.split()
    assert (int(umask, 8), here) == (0o022, home)


def test_fifty_names_answer_each_once(make_func: MakeFunc, func_fleet: FuncFleet) -> None:
    hosts = func_fleet.start_together([f"fifty{index}.func.test" for index in range(50)])
    finals = make_func(*map(target, hosts)).start("call", module="test", method="ping", args=[]).finals()
    assert len(finals) == 50
    assert {(event.status, event.data) for event in finals.values()} == {(Status.OK, 1)}


def test_what_a_minion_can_is_asked_anew_after_a_while(make_func: MakeFunc, one: Callable[..., FuncHost]) -> None:
    host = one()
    caller = make_func(target(host), abilities=0)
    for _ in range(2):
        caller.one("shell", argv=["true"])
    starts = host.calls("async.command.run")
    assert len(starts) == 2
    first = host.calls().index("async.command.run")
    assert host.calls()[:first] == ["jobs.job_status"]
    assert "jobs.job_status" in host.calls()[first + 1 :]


def test_renewed_certificates_are_taken_up_without_a_restart(make_func: MakeFunc, tmp_path: Path) -> None:
    with start_func_fleet(1, tmp_path) as fleet:
        caller = make_func(fleet.target(0), fleet=fleet)
        assert call(caller, "test.ping").data == 1
        key = Path(fleet.table()["key"])
        text = key.read_bytes()
        key.write_text("no key")
        assert "the certificates cannot be used" in call(caller, "test.ping").reason
        key.write_bytes(text)
        assert call(caller, "test.ping").data == 1


def test_the_hosts_are_those_whose_certificates_were_signed(
    make_func: MakeFunc, func_fleet: FuncFleet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = tmp_path / "certs"
    certificates.mkdir()
    for index in range(2):
        file = f"{func_fleet.hosts[index].name}.cert"
        (certificates / file).write_bytes((func_fleet.pki.certs / file).read_bytes())
    (certificates / "broken.cert").write_text("no certificate")
    (certificates / "cut.cert").write_bytes((func_fleet.pki.ca).read_bytes()[:400] + b"\n-----END CERTIFICATE-----\n")
    (certificates / "another.cert").write_bytes((func_fleet.pki.ca).read_bytes())
    (certificates / "notes.txt").write_text("not looked at")
    adapter = make_func(certificates=str(certificates)).adapter
    assert isinstance(adapter, FuncAdapter)
    assert [host.name for host in adapter.hosts()] == [func_fleet.hosts[0].name, func_fleet.hosts[1].name]
    for word in ("broken.cert is left out", "cut.cert is left out", "another.cert is left out"):
        assert word in caplog.text
    assert "'None-CA-KEY'" in caplog.text


def test_an_address_that_is_a_name_may_stand_in_the_certificate_instead(
    make_func: MakeFunc, func_fleet: FuncFleet
) -> None:
    func_fleet.pki.issue("localhost")
    host = func_fleet.start("localhost", certificate="localhost", extra=["--listen", "127.0.0.1"])
    named = Target("any name", "localhost", host.port)
    assert call(make_func(named), "test.ping").data == 1
    unnamed = call(make_func(replace(named, address="127.0.0.1")), "test.ping")
    assert (unnamed.status, unnamed.untouched) == (Status.UNREACHABLE, True)
    assert "is for 'localhost', not for any name" in unnamed.reason


@pytest.mark.parametrize("size", [0, 1 << 20, (1 << 20) + 1, 3 << 20, 5_000_000])
def test_a_large_file_comes_in_pieces_and_nothing_of_it_stays(
    make_func: MakeFunc, one: Callable[..., FuncHost], tmp_path: Path, size: int
) -> None:
    host, content = one(temporary=tmp_path), secrets.token_bytes(size)
    (tmp_path / "file").write_bytes(content)
    event = make_func(target(host)).one("get", path=str(tmp_path / "file"), limit=5_000_000)
    assert (event.status, base64.b64decode(event.data["content"]) == content) == (Status.OK, True)
    assert eventually(lambda: [path.name for path in tmp_path.iterdir() if path.name.startswith("omserver")] == [])
    pieces = -(-(size + 16) // (1 << 20))  # 16: the mark before the content
    assert len(host.calls("command.run")) == (0 if pieces == 1 else pieces + 1)  # 1: which takes it away


def test_a_file_that_is_larger_than_what_is_taken_is_left_there(make_func: MakeFunc, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(6_000_000))
    event = make_func().one("get", path=str(tmp_path / "file"), limit=5_000_000)
    assert (event.status, "more than the 5000000 bytes" in event.reason) == (Status.FAILED, True)


def test_closing_the_engine_ends_what_runs(make_func: MakeFunc) -> None:
    caller, wait = make_func(), seconds()
    called = caller.start("shell", argv=["sleep", wait], timeout=300)
    assert eventually(lambda: len(alive(wait)) == 1)
    caller.adapter.close()
    (event,) = called.finals().values()
    assert event.status is Status.CANCELLED
    assert not alive(wait)
    assert caller.one("shell", argv=["echo", "anew"]).output == "anew\n"


def test_thousands_of_hosts_that_are_down_end_each(make_func: MakeFunc) -> None:
    targets = [Target(f"down{index}.func.test", "127.0.0.92", 9) for index in range(3000)]
    finals = make_func(*targets).start("shell", argv=["true"]).finals()
    assert len(finals) == 3000
    assert {(event.status, event.untouched) for event in finals.values()} == {(Status.UNREACHABLE, True)}


def test_much_output_comes_whole_where_much_may_be_kept(make_func: MakeFunc) -> None:
    words = "head -c 4000000 /dev/zero | tr '\\0' x; echo end >&2"
    event = make_func().one("shell", argv=["sh", "-c", words], output_limit=5_000_000)
    assert (event.data["stdout"] == "x" * 4_000_000, event.data["stderr"]) == (True, "end\n")


def test_a_long_value_is_shown_in_part_and_given_whole(make_func: MakeFunc) -> None:
    event = make_func().one("call", module="test", method="large", args=[3_000_000], timeout=20, output_limit=1000)
    assert (len(event.data), event.size, len(event.output) < 1000) == (3_000_000, 3_000_001, True)
    assert "left out" in event.output
