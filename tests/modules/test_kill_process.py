"""kill_process on real hosts, with real processes."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner

pytestmark = pytest.mark.sshd
Victim = Callable[..., "subprocess.Popen[bytes]"]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a host with root as login takes root")


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    """Start a process with a name of its own; stubborn ones ignore TERM."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *words: str, stubborn: bool = False) -> "subprocess.Popen[bytes]":
        path = tmp_path / name
        trap = "trap '' TERM; " if stubborn else ""
        path.write_text(f'#!/bin/sh\n{trap}echo up\nwhile :; do read -r never <>"${{0%/*}}/fifo"; done\n')
        path.chmod(0o755)
        if not (tmp_path / "fifo").exists():
            os.mkfifo(tmp_path / "fifo")
        process = subprocess.Popen([path, *words], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def name() -> str:
    return f"omt{secrets.token_hex(4)}"


@needs_root
def test_a_process_ends_and_is_listed(run_as_root: Runner, victim: Victim, name: str) -> None:
    process = victim(name, "two words")
    event = run_as_root("kill_process", name=name)["host0"]
    assert event.status is Status.CHANGED
    assert event.output.split()[:2] == [str(process.pid), "ended"]
    assert "two words" in event.output
    assert process.wait(60) == -15
    event = run_as_root("kill_process", name=name)["host0"]
    assert (event.status, event.output) == (Status.OK, f"No process is called {name}.\n")


@needs_root
def test_one_that_does_not_end_is_killed_after_the_wait(run_as_root: Runner, victim: Victim, name: str) -> None:
    process = victim(name, stubborn=True)
    event = run_as_root("kill_process", name=name, wait=1)["host0"]
    assert (event.status, event.output.split()[1]) == (Status.CHANGED, "killed")
    assert process.wait(60) == -9


@needs_root
def test_without_kill_it_is_left_and_said_to_be_there(run_as_root: Runner, victim: Victim, name: str) -> None:
    process = victim(name, stubborn=True)
    event = run_as_root("kill_process", name=name, wait=1, kill=False)["host0"]
    assert (event.status, event.reason) == (Status.FAILED, "1 of 1 processes are still there.")
    assert process.poll() is None


def test_a_dry_run_lists_and_ends_nothing(run: Runner, victim: Victim, name: str) -> None:
    process = victim(name)
    event = run("kill_process", check=True, name=name)["host0"]
    assert (event.status, event.output.split()[:4]) == (Status.CHANGED, [str(process.pid), "would", "be", "ended"])
    assert process.poll() is None


@needs_root
def test_more_than_allowed_are_left_alone(run_as_root: Runner, victim: Victim, name: str) -> None:
    processes = [victim(name) for _ in range(3)]
    event = run_as_root("kill_process", name=name, at_most=2)["host0"]
    assert event.status is Status.FAILED
    assert event.reason == f"3 processes are called {name}, and at most 2 may be ended; nothing was done"
    assert [process.poll() for process in processes] == [None] * 3
    assert run_as_root("kill_process", name=name, at_most=3)["host0"].output.count("ended") == 3


@needs_root
def test_a_number_hits_only_the_process_of_that_name(run_as_root: Runner, victim: Victim, name: str) -> None:
    first, second = victim(name), victim(name)
    event = run_as_root("kill_process", name="nginx", pid=first.pid)["host0"]
    assert (event.status, event.reason) == (Status.FAILED, f"process {first.pid} is called {name}, not nginx")
    assert run_as_root("kill_process", name=name, pid=first.pid)["host0"].status is Status.CHANGED
    assert (first.wait(60), second.poll()) == (-15, None)
    gone = run_as_root("kill_process", name=name, pid=first.pid)["host0"]
    assert (gone.status, gone.output) == (Status.OK, f"There is no process {first.pid}.\n")


@needs_root
def test_long_names_are_compared_whole(run_as_root: Runner, victim: Victim, name: str) -> None:
    long = f"{name}-with-a-long-name"
    right, other = victim(f"{long}-1"), victim(f"{long}-2")
    assert run_as_root("kill_process", name=f"{long}-1")["host0"].status is Status.CHANGED
    assert (right.wait(60), other.poll()) == (-15, None)
    assert run_as_root("kill_process", name=long[:15])["host0"].status is Status.OK
    assert other.poll() is None


@needs_root
@pytest.mark.parametrize("odd", ["it's $(id) *", "-9", 'a "b"', "[a-z]*"])
def test_no_character_of_a_name_is_special(run_as_root: Runner, victim: Victim, odd: str) -> None:
    bystander, process = victim("omt-bystander"), victim(odd)
    event = run_as_root("kill_process", name=odd)["host0"]
    assert event.status is Status.CHANGED
    assert (process.wait(60), bystander.poll()) == (-15, None)


def test_another_accounts_process_is_a_failure_with_the_reason(run: Runner, victim: Victim, name: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("hosts and victims have one account")
    process = victim(name)
    event = run("kill_process", name=name, wait=0)["host0"]
    assert (event.status, event.reason) == (Status.FAILED, "1 of 1 processes are still there.")
    assert process.poll() is None
    assert run("kill_process", name=name, account="nobody")["host0"].status is Status.OK


@needs_root
def test_what_the_task_runs_under_is_spared(run_as_root: Runner) -> None:
    """sshd's listener and this session are above the script; the other hosts' sshd are found, so the limit is one."""
    event = run_as_root("kill_process", check=True, name="sshd", at_most=1)["host0"]
    spared = [line for line in event.output.splitlines() if " spared " in line]
    assert any("this task runs under it" in line for line in spared)
    event = run_as_root("kill_process", name="sshd", pid=int(spared[0].split()[0]))["host0"]
    assert (event.status, event.reason) == (Status.FAILED, "What is called sshd here is not to be ended by a task.")
    assert run_as_root("ping")["host0"].status is Status.OK


def test_kernel_threads_and_process_1_are_spared(run: Runner) -> None:
    names = {at: Path(f"/proc/{at}/comm").read_text().strip() for at in (1, 2) if Path(f"/proc/{at}/comm").exists()}
    event = run("kill_process", check=True, name=names[1])["host0"]
    assert f"{1:>8}  spared" in event.output
    if names.get(2) == "kthreadd":
        assert "a kernel thread" in run("kill_process", check=True, name="kthreadd")["host0"].output


@needs_root
def test_busybox_ends_the_same(run_on_busybox: Runner, victim: Victim, name: str) -> None:
    event = run_on_busybox("kill_process", check=True, name=name)["host0"]
    assert event.status is Status.OK
    user = str(run_on_busybox.targets[0].user)
    sleep = shutil.which("sleep")
    assert sleep
    path = Path(f"/tmp/{name}")
    shutil.copy(sleep, path)
    path.chmod(0o755)
    with subprocess.Popen([path, "100"], user=user) as process:
        event = run_on_busybox("kill_process", name=name, account=user)["host0"]
        assert (event.status, event.output.split()[:2]) == (Status.CHANGED, [str(process.pid), "ended"])
        assert process.wait(60) == -15
    path.unlink()


@pytest.mark.parametrize(
    "raw", [{"name": "/bin/sh"}, {"name": "a\nb"}, {"name": ""}, {"pid": 1}, {"pid": 0}, {"pid": -5}, {"wait": 1000}]
)
def test_what_is_no_process_is_refused(run: Runner, raw: dict[str, object]) -> None:
    with pytest.raises(ParamError):
        run("kill_process", **{"name": "x", **raw})
