"""What only the ssh engine promises: logins, host keys, kept connections, and many hosts at once."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from rpcgate.engines.ssh import SshAdapter
from sdk import Status, Target
from tests.fleet.sshd import Fleet, start_fleet
from tests.rpcgate.engines.calls import Caller, eventually
from tests.rpcgate.engines.conftest import MakeSsh
from tests.rpcgate.engines.test_verbs import alive, seconds

pytestmark = pytest.mark.sshd


@pytest.fixture
def own_fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Give two hosts that a test may kill."""
    with start_fleet(2, tmp_path) as started:
        yield started


@pytest.fixture
def silent() -> Iterator[Target]:
    """Give a host that takes connections and never says a word."""
    with socket.create_server(("127.0.0.99", 0)) as server:
        yield Target("silent", "127.0.0.99", server.getsockname()[1])


@pytest.fixture
def full() -> Iterator[Target]:
    """Give a host whose network drops packets: its queue of connections is full, so nothing is answered."""
    with socket.socket() as server:
        server.bind(("127.0.0.98", 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield Target("full", *server.getsockname())
        for filler in fillers:
            filler.close()


def connections(fleet: Fleet, index: int = 0) -> int:
    """Count the connections that a host holds."""
    words = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(fleet.hosts[index].pid)], capture_output=True, check=False
    )
    return len(words.stdout.split())


def test_many_hosts_answer_each_once(make_ssh: MakeSsh, fleet: Fleet) -> None:
    caller = make_ssh(fleet, *(fleet.target(index) for index in range(50)))
    finals = caller.start("shell", argv=["echo", "here"]).finals()
    assert len(finals) == 50
    assert {(event.output, event.reason) for event in finals.values()} == {("here\n", "")}


def test_connections_are_kept_and_shared(make_ssh: MakeSsh, own_fleet: Fleet) -> None:
    caller = make_ssh(own_fleet, own_fleet.target(0), replace(own_fleet.target(0), name="again"))
    for _ in range(3):
        caller.start("shell", argv=["true"]).finals()
    assert connections(own_fleet) == 1


def test_idle_connections_are_closed(make_ssh: MakeSsh, own_fleet: Fleet) -> None:
    caller = make_ssh(own_fleet, idle=0)
    caller.start("shell", argv=["true"]).finals()
    assert eventually(lambda: connections(own_fleet) == 0)


def test_no_more_connections_are_kept_than_allowed(make_ssh: MakeSsh, own_fleet: Fleet) -> None:
    caller = make_ssh(own_fleet, connections=1)
    caller.start("shell", argv=["true"]).finals()
    assert eventually(lambda: connections(own_fleet, 0) + connections(own_fleet, 1) == 1)


def test_more_sessions_than_one_connection_takes_open_another(make_ssh: MakeSsh, tmp_path: Path) -> None:
    with start_fleet(1, tmp_path, extra="MaxSessions 1") as narrow:
        caller = make_ssh(narrow, *(narrow.target(index) for index in range(2)))
        finals = caller.start("shell", argv=["sleep", "0.2"]).finals()
    assert {event.status for event in finals.values()} == {Status.OK}


def test_a_connection_that_died_while_idle_is_replaced_unseen(make_ssh: MakeSsh, own_fleet: Fleet) -> None:
    caller = make_ssh(own_fleet, own_fleet.target(0))
    assert caller.one("shell", argv=["true"]).status is Status.OK
    for pid in _below(own_fleet.hosts[0].pid):
        os.kill(pid, signal.SIGKILL)
    event = caller.one("shell", argv=["echo", "again"])
    assert (event.output, event.reason) == ("again\n", "")


def test_a_connection_that_died_without_a_word_is_replaced(make_ssh: MakeSsh, own_fleet: Fleet) -> None:
    caller = make_ssh(own_fleet, own_fleet.target(0), connect_timeout=8, keepalive=0)
    assert caller.one("shell", argv=["true"]).status is Status.OK
    frozen = _below(own_fleet.hosts[0].pid)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        event = caller.one("shell", argv=["echo", "again"])
        assert (event.status, event.output) == (Status.OK, "again\n")
    finally:
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_a_connection_lost_while_a_command_runs_is_lost_and_never_repeated(
    make_ssh: MakeSsh, own_fleet: Fleet, tmp_path: Path
) -> None:
    trace = Path(f"/tmp/omtest-{secrets.token_hex(6)}")
    caller = make_ssh(own_fleet)
    gate = Path(f"{trace}.go")
    words = f"echo x >>{trace}-$PPID; echo begun; while [ ! -e {gate} ]; do sleep 0.1; done"
    called = caller.start("shell", argv=["sh", "-c", words])
    try:
        for _ in range(2):
            assert called.first().output == "begun\n"
        own_fleet.kill(0)
        gate.touch()
        finals = called.finals()
        assert finals["host0"].status is Status.LOST
        assert "after the command was sent; its outcome is not known" in finals["host0"].reason
        assert finals["host0"].output == "begun\n"
        assert finals["host1"].status is Status.OK
        assert len(list(trace.parent.glob(f"{trace.name}-*"))) == 2
    finally:
        gate.touch()
        for path in trace.parent.glob(f"{trace.name}-*"):
            path.unlink()
        gate.unlink()


def test_cancel_over_a_lost_host_says_that_it_is_not_confirmed(
    make_ssh: MakeSsh, own_fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpcgate.engines.remote.ENDING", 8.0)
    caller = make_ssh(own_fleet, own_fleet.target(0), connect_timeout=8, keepalive=0)
    called = caller.start("shell", argv=["sh", "-c", "echo begun; exec sleep 40"])
    called.first()
    frozen = [own_fleet.hosts[0].pid, *_below(own_fleet.hosts[0].pid)]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    called.running.cancel()
    try:
        event = called.finals()["host0"]
        assert event.status is Status.CANCELLED
        assert "could not be confirmed" in event.reason
    finally:
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_the_remote_deadline_holds_when_the_master_dies(fleet: Fleet, tmp_path: Path) -> None:
    time_ = seconds()
    program = f"""
from pathlib import Path
from rpcgate.engines import Call
from rpcgate.engines.ssh import SshAdapter
from sdk import Target, Targets
adapter = SshAdapter.from_config({{"known_hosts": {str(fleet.known_hosts)!r}, "keys": [{str(fleet.key)!r}]}}, Path("."))
target = Target("a", {fleet.hosts[0].address!r}, {fleet.hosts[0].port}, {fleet.hosts[0].user!r})
words = ["sh", "-c", "echo begun; sleep {time_} & sleep {time_}"]
call = Call("shell", Targets((target,)), {{"argv": words}}, timeout=10)
adapter.call(call, lambda event: print(event.output, end="", flush=True)).wait()
"""
    root = Path(__file__).parents[3]
    master = subprocess.Popen([sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE)
    assert master.stdout
    assert master.stdout.readline() == b"begun\n"
    assert eventually(lambda: alive(time_))  # the shell says so before it starts it
    master.kill()
    master.wait(60)
    master.stdout.close()
    assert eventually(lambda: not alive(time_))


def test_a_host_that_does_not_answer_delays_no_other(
    make_ssh: MakeSsh, fleet: Fleet, full: Target, silent: Target
) -> None:
    caller = make_ssh(
        fleet, full, silent, *(fleet.target(index) for index in range(5)), connect_timeout=25, concurrency=2
    )
    called = caller.start("shell", argv=["true"])
    first = [called.first() for _ in range(5)]
    assert {event.host for event in first} == {f"host{index}" for index in range(5)}
    finals = called.finals()
    assert finals["full"].status is finals["silent"].status is Status.UNREACHABLE
    assert "did not answer within 25 s" in finals["full"].reason


def test_cancel_ends_hosts_not_begun_at_once(make_ssh: MakeSsh, fleet: Fleet, full: Target) -> None:
    caller = make_ssh(fleet, full, fleet.target(0), fleet.target(1), concurrency=1)
    called = caller.start("shell", argv=["sh", "-c", "echo begun; exec sleep 60"])
    begun = called.first().host
    called.running.cancel()
    finals = called.finals()
    assert {event.status for event in finals.values()} == {Status.CANCELLED}
    waiting = [event for event in finals.values() if event.host != begun]
    assert {event.reason for event in waiting} == {"Cancelled; nothing had been sent to the server."}
    assert "confirms" in finals[begun].reason


def test_a_refused_connection_is_unreachable(ssh: Caller) -> None:
    event = ssh.on(Target("a", "127.0.0.2", 1)).one("shell", argv=["true"])
    assert event.status is Status.UNREACHABLE
    assert event.reason == "127.0.0.2:1 refused the connection; nothing listens there, or the port is wrong."


def test_a_name_that_does_not_exist_is_unreachable(ssh: Caller) -> None:
    event = ssh.on(Target("no-such-host.invalid")).one("shell", argv=["true"])
    assert event.status is Status.UNREACHABLE
    assert "no-such-host.invalid cannot be resolved" in event.reason


def test_a_key_that_the_host_does_not_take_is_unreachable(make_ssh: MakeSsh, fleet: Fleet, tmp_path: Path) -> None:
    key = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    event = make_ssh(fleet, keys=[str(key)]).one("shell", argv=["true"])
    assert event.status is Status.UNREACHABLE
    assert f"does not let {fleet.hosts[0].user} in with {key}" in event.reason


def test_an_unknown_host_key_is_refused_with_its_fingerprint(make_ssh: MakeSsh, fleet: Fleet, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    caller = make_ssh(fleet, known_hosts=str(empty))
    host = fleet.hosts[0]
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(fleet.key.parent / "host0_ed25519.pub")],
        capture_output=True,
        text=True,
        check=True,
    )
    event = caller.one("shell", argv=["true"])
    assert event.status is Status.UNREACHABLE
    assert f"The host key of [{host.address}]:{host.port} is not known" in event.reason
    assert shown.stdout.split()[1] in event.reason
    assert str(empty) in event.reason
    assert f"ssh-keyscan -p {host.port} {host.address}" in event.reason
    shutil.copy(fleet.known_hosts, empty)
    assert caller.one("shell", argv=["true"]).status is Status.OK


def test_a_changed_host_key_is_refused_with_a_warning(make_ssh: MakeSsh, fleet: Fleet, tmp_path: Path) -> None:
    lines = fleet.known_hosts.read_text().splitlines()
    changed = tmp_path / "known_hosts"
    changed.write_text(f"{lines[0].split()[0]} {lines[1].split(maxsplit=1)[1]}\n")
    event = make_ssh(fleet, known_hosts=str(changed)).one("shell", argv=["true"])
    assert event.status is Status.UNREACHABLE
    assert "has CHANGED" in event.reason
    assert f"-f {changed}" in event.reason


@pytest.fixture
def sudo_says(make_ssh: MakeSsh, tmp_path: Path) -> Iterator[Callable[[str], Caller]]:
    """Give an engine with sudo, on a host whose sudo is a script: the real one needs a sudoers file of the machine."""
    folder = Path(f"/tmp/omtest-{secrets.token_hex(6)}")
    folder.mkdir()
    with start_fleet(1, tmp_path, extra=f"SetEnv PATH={folder}:/usr/bin:/bin") as fleet:

        def make(text: str) -> Caller:
            (folder / "sudo").write_text(f"#!/bin/sh\n{text}\n")
            (folder / "sudo").chmod(0o755)
            return make_ssh(fleet, sudo=True, sudo_user="web")

        folder.chmod(0o755)
        yield make
    shutil.rmtree(folder)


def test_sudo_stands_before_each_command_and_its_ending(sudo_says: Callable[[str], Caller]) -> None:
    caller = sudo_says('[ "$1 $2 $3 $4" = "-n -H -u web" ] || exit 9; shift 4; export BY_SUDO="yes"; exec "$@"')
    assert caller.one("shell", argv=["printenv", "BY_SUDO"]).output == "yes\n"
    assert caller.one("script", text="echo $BY_SUDO $1", args=["a"]).output == "yes a\n"
    called = caller.start("shell", argv=["sh", "-c", "echo begun; exec sleep 60"])
    called.first()
    called.running.cancel()
    assert "confirms" in called.finals()["host0"].reason


def test_a_refusal_of_sudo_is_named(sudo_says: Callable[[str], Caller]) -> None:
    event = sudo_says("echo 'sudo: a password is required' >&2; exit 1").one("shell", argv=["true"])
    assert (event.status, event.reason) == (Status.FAILED, "sudo refused: a password is required.")


def test_a_host_without_sudo_is_named(make_ssh: MakeSsh, tmp_path: Path) -> None:
    with start_fleet(1, tmp_path, extra="SetEnv PATH=/nowhere") as fleet:
        event = make_ssh(fleet, sudo=True).one("shell", argv=["true"])
    assert (event.status, "the server has no sudo" in event.reason) == (Status.FAILED, True)


def test_no_command_reaches_the_log(ssh: Caller, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        ssh.one("shell", argv=["echo", "a-secret-word"])
        ssh.one("script", text="echo a-secret-word", args=["a-secret-word"])
    assert "a-secret-word" not in caplog.text


def test_a_key_that_cannot_be_used_makes_the_engine_unusable(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(tmp_path / "id")], check=True)
    adapter = SshAdapter.from_config({"keys": ["id"]}, tmp_path)
    assert "engines.ssh.keys" in adapter.usable()
    assert "engines.ssh.keys" in SshAdapter.from_config({}, tmp_path).usable()


def _below(listener: int) -> list[int]:
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=True)
    rows = [
        (int(pid), int(parent), name)
        for pid, parent, name in (line.split(None, 2) for line in listed.stdout.splitlines())
    ]
    found, waiting = [], [listener]
    while waiting:
        parent = waiting.pop()
        below = [pid for pid, above, name in rows if above == parent and name.startswith("sshd")]
        found += below
        waiting += below
    return found
