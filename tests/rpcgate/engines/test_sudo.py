"""The engines with the machine's real sudo, in which the fleet's account may become root while a test runs."""

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rpcgate.engines.ansible import AnsibleAdapter
from rpcgate.engines.ssh import SshAdapter
from sdk import Event, Status, Targets
from tests.fleet.sshd import Fleet, plain_account
from tests.rpcgate.engines.calls import Caller, eventually
from tests.rpcgate.engines.test_verbs import alive, seconds

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.ansible,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("sudo"), reason="needs root, and sudo"),
]
SUDOERS = Path("/etc/sudoers.d/omserver-test")
VALID = timedelta(minutes=2)  # as long as a test may take
ENGINES = {"ssh": SshAdapter, "ansible": AnsibleAdapter}


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """Keep other test runs on this machine out: what one allows to the account, the other would find allowed."""
    with Path("/run/omserver-test-sudo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go when the file is closed
        SUDOERS.unlink(missing_ok=True)
        yield


@pytest.fixture
def allowed(alone: None) -> Iterator[None]:
    """Let the fleet's account become anybody without a password, for one test.

    The line runs out by itself, and the next run removes it: a test run that is killed removes nothing.
    """
    new = SUDOERS.with_name(f"{SUDOERS.name}.new~")  # sudo reads no file whose name ends so
    until = (datetime.now(UTC) + VALID).strftime("%Y%m%d%H%M%SZ")
    new.unlink(missing_ok=True)
    new.touch(0o440)
    new.write_text(f"{plain_account()} ALL=(ALL) NOTAFTER={until} NOPASSWD: ALL\n")
    try:
        subprocess.run(["visudo", "-q", "-c", "-f", str(new)], check=True, timeout=60)
        new.rename(SUDOERS)
        yield
    finally:
        new.unlink(missing_ok=True)
        SUDOERS.unlink(missing_ok=True)


@pytest.fixture(params=ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    """Give each engine that logs in by SSH."""
    return str(request.param)


@pytest.fixture
def plain(request: pytest.FixtureRequest, name: str) -> Caller:
    """Give such an engine without sudo, on one host."""
    caller: Caller = request.getfixturevalue(name)
    return replace(caller, targets=Targets((caller.targets[0],)))


@pytest.fixture
def root(fleet: Fleet, tmp_path: Path, name: str) -> Iterator[Caller]:
    """Give such an engine with sudo."""
    table = {**fleet.table, "sudo": True}
    adapter = ENGINES[name].from_config(table, tmp_path)
    yield Caller(adapter, Targets((fleet.target(0),)))
    adapter.close()


@pytest.mark.usefixtures("allowed")
def test_everything_runs_as_root(root: Caller) -> None:
    path = Path(f"/root/omserver-test-{os.getpid()}")
    try:
        assert root.one("shell", argv=["whoami"]).output == "root\n"
        assert root.one("script", text='whoami; echo "$HOME $1"', args=["a b"]).output == "root\n/root a b\n"
        put = [root.one("put", path=str(path), content=b"\x00\xff", mode=0o600) for _ in range(2)]
        assert [event.status for event in put] == [Status.CHANGED, Status.OK]
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (0, 0o600)
        assert root.one("get", path=str(path)).data == {"content": "AP8="}
    finally:
        path.unlink(missing_ok=True)


@pytest.mark.usefixtures("allowed")
def test_sudo_is_told_no_word_of_the_command_because_it_logs_them(root: Caller) -> None:
    event = root.one("shell", argv=["sh", "-c", 'echo "[$SUDO_COMMAND]"', "s3cr3t-word"])
    assert event.output.startswith("[/bin/sh -c")
    assert "s3cr3t" not in event.output


@pytest.mark.usefixtures("allowed")
def test_another_account_can_be_named(fleet: Fleet, tmp_path: Path, name: str) -> None:
    table = {**fleet.table, "sudo": True, "sudo_user": "nobody"}
    adapter = ENGINES[name].from_config(table, tmp_path)
    try:
        assert Caller(adapter, Targets((fleet.target(0),))).one("shell", argv=["whoami"]).output == "nobody\n"
    finally:
        adapter.close()


def test_without_the_right_to_it_the_refusal_is_told(root: Caller) -> None:
    event = root.one("shell", argv=["whoami"])
    assert event.status is Status.FAILED
    assert "password is required" in event.reason or "Missing sudo password" in event.reason
    assert "root" not in event.output


@pytest.mark.usefixtures("allowed")
def test_cancel_ends_what_root_runs_and_what_it_detached(root: Caller) -> None:
    time = seconds()
    event = cancelled(root, ["sh", "-c", orphan(time)], time, 2)
    assert event.reason == "Cancelled; the server confirms that its processes are gone."
    assert not alive(time)


@pytest.mark.usefixtures("allowed")
def test_the_deadline_holds_for_root(root: Caller) -> None:
    time = seconds()
    event = root.one("shell", argv=["sh", "-c", orphan(time)], timeout=1)
    assert event.status is Status.TIMEOUT
    assert not alive(time)


@pytest.mark.usefixtures("allowed")
def test_cancel_of_a_module_ends_what_root_detached(root: Caller) -> None:
    if "module" not in root.adapter.verbs:
        pytest.skip("only Ansible has modules")
    time = seconds()
    called = root.start(
        "module", name="ansible.builtin.command", args={"argv": ["sh", "-c", orphan(time)]}, timeout=300
    )
    assert eventually(lambda: len(alive(time)) == 2)
    called.running.cancel()
    (event,) = called.finals().values()
    assert event.reason == "Cancelled; the server confirms that its processes are gone."
    assert not alive(time)


@pytest.mark.usefixtures("allowed")
def test_cancel_of_what_the_account_may_not_end_does_not_say_that_it_is_gone(plain: Caller) -> None:
    time = seconds()
    try:
        event = cancelled(plain, ["sudo", "-n", "sh", "-c", f"trap '' TERM HUP; exec sleep {time}"], time, 1)
        assert event.reason == "Cancelled; whether its processes are gone could not be confirmed."
        assert len(alive(time)) == 1
    finally:
        for pid in alive(time):
            os.kill(pid, signal.SIGKILL)


def orphan(time: str) -> str:
    """Give a shell's text that leaves one process behind, detached, and waits in another."""
    detach = f"trap '' TERM HUP; setsid sleep {time} >/dev/null 2>&1 &"
    return f"sh -c {shlex.quote(detach)}; sleep {time}"


def cancelled(caller: Caller, argv: list[str], time: str, count: int) -> Event:
    """Start a command, wait until its processes run, cancel it, and give its end."""
    called = caller.start("shell", argv=argv, timeout=300)
    assert eventually(lambda: len(alive(time)) == count)
    called.running.cancel()
    (event,) = called.finals().values()
    assert event.status is Status.CANCELLED
    return event
