"""The shell texts where a host is not as most are, run by this machine's shell."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from rpcgate.engines import remote_files, remote_shell
from tests.rpcgate.engines.calls import eventually
from tests.rpcgate.engines.test_verbs import alive, seconds


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """Give the environment of a host that has no timeout program."""
    for name in ("sh", "sleep", "grep", "tr", "echo", "cat"):
        (tmp_path / name).symlink_to(f"/bin/{name}")
    return {"PATH": str(tmp_path)}


def without_timeout(words: list[str], limit: int) -> str:
    """Give a command's line for such a host."""
    line = remote_shell.command(words, call=os.urandom(8).hex(), seconds=limit)
    return line.replace("/usr/bin/timeout", "/nowhere/timeout")


def test_without_a_timeout_program_a_command_runs_as_well(bare: dict[str, str]) -> None:
    line = without_timeout(["sh", "-c", "echo out; cat; exit 3"], 60)
    done = subprocess.run(["/bin/sh", "-c", line], env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (3, "out\n")


def test_without_a_timeout_program_builtins_are_no_programs_either(bare: dict[str, str]) -> None:
    line = without_timeout(["cd", "/"], 60)
    done = subprocess.run(["/bin/sh", "-c", line], env=bare, capture_output=True, timeout=60, check=False)
    assert done.returncode == 127


def test_without_a_timeout_program_the_deadline_holds(bare: dict[str, str]) -> None:
    time = seconds()
    line = without_timeout(["sh", "-c", f"sleep {time} & sleep {time}"], 1)
    done = subprocess.run(["/bin/sh", "-c", line], env=bare, capture_output=True, timeout=60, check=False)
    assert done.returncode == 143
    assert eventually(lambda: not alive(time))


def test_on_a_host_whose_looks_take_long_the_kill_still_comes_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_shell, "KILL_AFTER", 1)
    looks, call = tmp_path / "looks", os.urandom(8).hex()
    (tmp_path / "awk").write_text(f'#!/bin/sh\necho >>{looks}; sleep 1; exec /usr/bin/awk "$@"\n')
    (tmp_path / "awk").chmod(0o755)
    paths = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    deaf = "trap '' TERM; echo deaf; while :; do sleep 1; done"
    started = subprocess.Popen(
        ["/bin/sh", "-c", deaf], env={**paths, remote_shell.MARK: call}, stdout=subprocess.PIPE, text=True
    )
    with started:
        assert started.stdout
        assert started.stdout.readline() == "deaf\n"
        ended = subprocess.run(
            ["/bin/sh", "-c", remote_shell.end(call)], env=paths, capture_output=True, text=True, check=True
        )
    assert (ended.stdout, started.returncode) == ("gone\n", -signal.SIGKILL)
    assert len(looks.read_text()) < 10  # rounds: the seconds, and not their number, decide


def test_half_a_script_does_not_run() -> None:
    line = remote_shell.script("echo one\necho two\n", (), call="c0ffee", seconds=60)
    done = subprocess.run(["/bin/sh", "-c", line], input=b"echo one\n", capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (125, b"", b"the script did not arrive whole\n")


def test_half_a_file_is_not_written(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    words = remote_files.put_words(str(target), {"content": b"0123456789"}, "mark", check=False)
    line = remote_shell.command(words, call="c0ffee", seconds=60, stdin=True)
    done = subprocess.run(["/bin/sh", "-c", line], input=b"new", capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, b"the content did not arrive whole\n")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo", ["/bin/sh"]),
        ("", ["/bin/sh"]),
        ("#!", ["/bin/sh"]),
        ("#!/bin/bash\necho", ["/bin/bash"]),
        ("#! /usr/bin/env python3\n", ["/usr/bin/env", "python3"]),
        ("#!/usr/bin/env -S python3 -u\n", ["/usr/bin/env", "-S python3 -u"]),
        ("#!/bin/sh\r\necho", ["/bin/sh"]),
    ],
)
def test_the_first_line_is_read_as_the_kernel_does(text: str, words: list[str]) -> None:
    assert remote_shell.interpreter(text) == words
