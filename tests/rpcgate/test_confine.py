"""What foreign code may still do in a confined process: this kernel's own word, in a process of each test's own."""

import os
import platform
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rpcgate.confine import ROOT, confinable, readable
from rpcgate.seccomp import MACHINES, REFUSED, STARTS

pytestmark = pytest.mark.skipif(not confinable(), reason="this kernel has no Landlock")


def confined(code: str, *words: str) -> str:
    """Run code after confine(); what it prints, or the name of what it raised."""
    text = (
        "import os, socket, sys\nfrom rpcgate.confine import confine\nassert confine()\n"
        f"try:\n    print({code})\nexcept OSError as error:\n    print(type(error).__name__)\n"
    )
    argv = [sys.executable, "-c", text, *words]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["secret", "folder/secret"])
def test_it_reads_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("the fleet's key")
    assert confined("open(sys.argv[1]).read()", str(tmp_path / name)) == "PermissionError"


def test_it_reads_nothing_of_the_project_but_its_code() -> None:
    assert confined("open('README.md').read()") == "PermissionError"
    assert confined("len(open('sdk/event.py').read()) > 100") == "True"
    assert ROOT not in set(readable())


def test_it_writes_nowhere(tmp_path: Path) -> None:
    assert confined("open(sys.argv[1], 'w')", str(tmp_path / "new")) == "PermissionError"
    assert not (tmp_path / "new").exists()
    assert confined("open('rpcgate/confine.py', 'a')") == "PermissionError"


def test_it_lists_no_folder(tmp_path: Path) -> None:
    assert confined("os.listdir(sys.argv[1])", str(tmp_path)) == "PermissionError"


@pytest.mark.parametrize("program", ["'/bin/sh'", "sys.executable"])
def test_it_starts_no_program(program: str) -> None:
    assert confined(f"os.execv({program}, ['it', '-c', 'print(1)'])") == "PermissionError"


def test_it_sees_no_other_process() -> None:
    assert confined("open(f'/proc/{os.getppid()}/environ').read()") == "PermissionError"


def test_it_connects_nowhere() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"('127.0.0.1', {server.getsockname()[1]})"
        assert confined(f"socket.create_connection({address})") == "PermissionError"


@pytest.mark.parametrize("kind", ["AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"])
@pytest.mark.parametrize("way", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_it_makes_no_socket(kind: str, way: str) -> None:
    assert confined(f"socket.socket(socket.{kind}, socket.{way})") == "PermissionError"


def test_what_is_open_already_still_works() -> None:
    assert confined("(lambda a, b: (a.send(b'x'), b.recv(9)))(*socket.socketpair())[1]") == "b'x'"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the second numbering is x86_64's")
def test_the_second_numbering_of_the_calls_is_refused_too() -> None:
    code = "__import__('ctypes').CDLL(None, use_errno=True).syscall(0x40000000 + 41, 1, 1, 0)"
    assert confined(code) == "-1"


@pytest.mark.parametrize(
    ("machine", "header"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),  # the numbers that newer machines share
    ],
)
def test_the_numbers_of_the_refused_calls_are_those_of_the_kernels_headers(machine: str, header: str) -> None:
    if not Path(header).exists():
        pytest.skip("no such header here")
    known = dict(re.findall(r"#define __NR_(\w+) (\d+)", Path(header).read_text()))
    assert [known[name] for name in REFUSED] == [str(number) for number in MACHINES[machine][1]]


def test_the_numbers_by_which_processes_are_started_are_those_of_the_kernels_headers() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("no such header here")
    known = dict(re.findall(r"#define __NR_(\w+) (\d+)", header.read_text()))
    assert [known[name] for name in ("clone", "fork", "vfork", "clone3")] == [str(one) for one in STARTS["x86_64"]]


def test_it_signals_nobody() -> None:
    assert confined("os.kill(int(sys.argv[1]), 0)", str(os.getpid())) == "PermissionError"


def test_python_itself_still_works() -> None:
    assert confined("__import__('zoneinfo').ZoneInfo('Asia/Shanghai').key") == "Asia/Shanghai"
    assert confined("len(__import__('secrets').token_hex(8))") == "16"
    assert confined("__import__('time').strftime('%Y') > '2000'") == "True"
