"""script/server as a newcomer meets it: started, used, ended; everything real."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.fleet.ports import free_port

pytestmark = pytest.mark.timeout(600)
ROOT = Path(__file__).parents[2]
START_SECONDS = 120  # of a busy machine, as all here
END_SECONDS = 60
IMPORT_SECONDS = 240  # for a million rows


def environment(home: Path) -> dict[str, str]:
    ours = {"SECRET_KEY", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "ALLOWED_HOSTS"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "OMSERVER_HOME": str(home), "ANALYTICS_DEMO": "0"}  # a million rows would be made behind each test


def refused(home: Path, *words: str) -> tuple[int, str]:
    """Run it where it must not start; give exit code and the last line it says."""
    done = subprocess.run(
        ["script/server", *words],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, (done.stderr.splitlines() or [""])[-1]


class Running:
    """A script/server that was started."""

    def __init__(self, home: Path, more: Mapping[str, str]) -> None:
        self.port = free_port()
        self.environment = environment(home) | more
        self.log = home.with_suffix(f".{self.port}.log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["script/server", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def told(self) -> str:
        return self.log.read_text(errors="replace")

    def first_page(self) -> bytes:
        """Wait for the first page; AssertionError with the log when it does not come."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as got,
            ):
                return got.read()
            time.sleep(0.05)  # nothing to wait on: it is the port that comes up
        raise AssertionError(self.told())

    def manage(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run manage.py on this installation."""
        command = [".venv/bin/python", "manage.py", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )

    def pids(self) -> dict[str, int]:
        return {name: int(pid) for name, pid in re.findall(r"(\w+)\.1 started \(pid=(\d+)\)", self.told())}

    def wait_for(self, text: str, seconds: float = START_SECONDS) -> None:
        end = time.monotonic() + seconds
        while text not in self.told():
            assert time.monotonic() < end, self.told()
            time.sleep(0.05)

    def end(self, number: int) -> int:
        """Send it a signal and give its exit code."""
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)

    def left(self) -> list[int]:
        """Give the processes that are still there: all of them stand in sessions begun by it."""
        return [pid for pid in self.pids().values() if Path(f"/proc/{pid}").exists()]


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Running] = []

    def one(name: str = "home", **more: str) -> Running:
        running.append(Running(tmp_path / name, more))
        return running[-1]

    yield one
    for server in running:
        if server.process.poll() is None:
            server.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def used_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home for those who need no first start: who comes first sets it up."""
    return tmp_path_factory.mktemp("used") / "home"


def resident_mib(pids: list[int]) -> float:
    """Give the memory of processes and of all below them (proportional: what they share counts once)."""
    parents = {}
    for stat in (one / "stat" for one in Path("/proc").glob("[0-9]*")):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    family = set(pids)
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    total = 0
    for pid in family:
        with contextlib.suppress(OSError):
            total += int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1])
    return total / 1024


def test_it_answers_fast_at_a_second_start_and_leaves_nothing_behind(start: Start) -> None:
    first = start()
    assert b"<form" in first.first_page(), "the first page asks who one is"
    assert "Sign in as admin with the password" in first.told()
    assert set(first.pids()) == {"web", "dispatch", "worker", "master", "analytics"}
    assert first.end(signal.SIGINT) == 0
    assert first.left() == []

    begun = time.monotonic()
    second = start()
    second.first_page()
    assert time.monotonic() - begun < 90, "a set-up would take minutes; a busy machine may take a while"
    assert "password" not in second.told()
    second.wait_for("listens on")
    assert resident_mib(list(second.pids().values())) < 600  # how much is shared depends on what else runs
    assert second.end(signal.SIGHUP) == 0, "a closed terminal ends it too"
    assert second.left() == []


def test_the_first_start_makes_a_dataset_behind_the_pages_and_never_again(start: Start) -> None:
    first = start(ANALYTICS_DEMO="1")
    first.first_page()
    first.wait_for("import 1 into demo: done", IMPORT_SECONDS)
    (row,) = json.loads(first.manage("dataset", "list", "--json").stdout)
    assert (row["name"], row["rows"] + row["duplicates"], row["generated"]) == ("demo", 1_000_000, True)
    yesterday = datetime.now(ZoneInfo("Asia/Shanghai")).date() - timedelta(1)
    assert row["last"] in (str(yesterday), str(yesterday - timedelta(1))), "a midnight may have passed"
    assert date.fromisoformat(row["last"]) - date.fromisoformat(row["first"]) == timedelta(55)
    assert first.manage("dataset", "remove", "demo", "--yes").returncode == 0
    assert first.end(signal.SIGINT) == 0
    second = start(ANALYTICS_DEMO="1")
    second.first_page()
    second.wait_for("worker.1 started")
    second.manage("dataset", "generate", "own", "--rows", "1000")
    second.manage("dataset", "remove", "own", "--yes")
    assert json.loads(second.manage("dataset", "list", "--json").stdout) == []


def test_the_module_of_the_readme_runs_as_typed_on_this_machine_without_a_restart(start: Start, tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    shutil.copytree(ROOT / "modules", modules, ignore=shutil.ignore_patterns("__pycache__"))
    server = start(OMSERVER_MODULES=str(modules))
    server.first_page()
    (example,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (modules / "uptime.py").write_text(example)
    server.wait_for("dispatcher")
    done = server.manage("task", "run", "uptime", "--on", "all", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    (host,) = json.loads(done.stdout)["hosts"]
    assert host["status"] == "ok"
    assert host["engine"] == "local"
    assert host["output"].startswith("up ")


def test_two_run_side_by_side_and_one_home_has_one_server(start: Start, tmp_path: Path) -> None:
    one, two = start("one"), start("two")
    assert one.first_page()
    assert two.first_page()
    assert refused(tmp_path / "one", "--port", str(free_port())) == (
        2,
        f"{tmp_path / 'one'} is in use by another script/server; end that one, or set OMSERVER_HOME to another folder",
    )


@pytest.mark.parametrize("name", ["web", "dispatch", "worker", "master", "analytics"])
def test_the_end_of_one_process_is_said_and_ends_all(name: str, start: Start, used_home: Path) -> None:
    server = start(str(used_home))
    server.first_page()
    os.kill(server.pids()[name], signal.SIGKILL)
    assert server.process.wait(END_SECONDS) != 0
    assert re.search(rf"{name}\.1 stopped", server.told())
    assert server.left() == []


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, line = refused(tmp_path / "home", "--port", str(port))
    assert code == 2
    assert line.startswith(f"port {port} on 127.0.0.1 cannot be used")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--port", "0"], "--port is 0; write a number from 1 to 65535"),
        (["--port", "http"], "--port is http; write a number from 1 to 65535"),
        (["--port"], "--port needs a value, for example: script/server --port 8000 --host 127.0.0.1"),
        (["--host"], "--host needs a value, for example: script/server --port 8000 --host 127.0.0.1"),
        (["start"], "script/server knows --port, --host and --no-demo, not start"),
    ],
)
def test_a_wrong_word_is_one_line(words: list[str], says: str, tmp_path: Path) -> None:
    assert refused(tmp_path / "home", *words) == (2, says)
    assert not (tmp_path / "home").exists()
