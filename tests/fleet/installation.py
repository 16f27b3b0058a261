"""A whole installation of its own: database, keys, one master, dispatcher and web tier, each a real process.

It is set up by the words an admin would use (manage.py, python -m rpcgate.master) in a temporary home, on free ports
of loopback, and ended by its own process ids.
"""

import atexit
import csv
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.fleet.ports import free_port
from tests.fleet.sshd import Fleet

ROOT = Path(__file__).resolve().parents[2]
ADMIN, PASSWORD = "lin.wei", "correct horse 42 battery"
START_SECONDS = 120  # on a loaded machine
PAUSE = 0.5  # seconds between two looks by a command that costs a second of a processor
Process = subprocess.Popen[bytes]


@dataclass(slots=True)
class Installation:
    """A running installation. processes: by name: web, dispatch, master."""

    home: Path
    url: str
    env: dict[str, str]
    processes: dict[str, Process] = field(default_factory=dict)

    def manage(self, *words: str, stdin: str | None = None, ok: Sequence[int] = (0,)) -> str:
        """Run manage.py and give its output; AssertionError with what it said when it ends otherwise than `ok`."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.env, input=stdin, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode in ok, f"manage.py {' '.join(words)} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def task(self, *words: str, ok: Sequence[int] = (0, 1)) -> dict[str, Any]:
        """Run a task by the command line, wait for it, and give its JSON."""
        plain: dict[str, Any] = json.loads(self.manage("task", "run", *words, "--wait", "--json", ok=ok))
        return plain

    def start(self, name: str, *argv: str) -> None:
        """Start one process in a session of its own; its log is home/NAME.log."""
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *argv], cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True
            )

    def start_master(self) -> None:
        """Start (again) the master."""
        self.start("master", "-m", "rpcgate.master", "run", "--config", str(self.home / "master" / "master.toml"))

    def start_dispatch(self) -> None:
        """Start (again) the dispatcher."""
        self.start("dispatch", "manage.py", "dispatch")

    def start_web(self) -> None:
        """Start (again) the web tier."""
        port = self.url.rpartition(":")[2]
        words = ("--host", "127.0.0.1", "--port", port, "--log-level", "warning", "--timeout-graceful-shutdown", "2")
        self.start("web", "-m", "uvicorn", "omserver.asgi:application", *words)

    def kill(self, name: str) -> None:
        """Let a process die at once, as by a power cut."""
        self.processes[name].kill()
        self.processes[name].wait(30)

    def logs(self) -> str:
        """Give what all processes logged."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')}" for path in sorted(self.home.glob("*.log"))
        )

    def wait_web(self) -> None:
        """Wait until the first page answers."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.processes["web"].poll() is None:
            with suppress(OSError):
                urllib.request.urlopen(f"{self.url}/login/", timeout=30).close()
                return
            time.sleep(0.05)  # nothing to wait on but the port
        raise AssertionError(f"the web tier did not start:\n{self.logs()[-4000:]}")

    def wait_master(self) -> None:
        """Wait until the dispatcher has seen the master."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if any(row["last_seen"] for row in json.loads(self.manage("master", "list", "--json"))):
                return
            time.sleep(PAUSE)
        raise AssertionError(f"the master was not seen:\n{self.logs()[-4000:]}")

    def stop(self) -> None:
        """End every process, politely first."""
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(30)


@contextmanager
def installed(
    engines: dict[str, dict[str, Any]], database_url: str = "", modules: Path = ROOT / "modules"
) -> Iterator[Installation]:
    """Set up an installation with IDC sh and master sh-m1; nothing runs yet. engines: tables of master.toml."""
    made = _planned(database_url, modules)
    try:
        if database_url:
            _set_up(made)
        else:
            shutil.copytree(_first_home(), made.home, dirs_exist_ok=True)
        _enrol(made, engines)
        yield made
    finally:
        made.stop()
        shutil.rmtree(made.home, ignore_errors=True)


def add_servers(made: Installation, fleet: Fleet, engine: str = "ssh") -> list[str]:
    """Add the fleet's hosts as web1, web2 .. through the CSV import, and give their names."""
    same = {"engine": engine, "category": "Linux.Web", "application": "www", "tags": "role=web"}
    return import_servers(
        made,
        [
            {"name": f"web{number}", "address": host.address, "port": host.port, "user": host.user, **same}
            for number, host in enumerate(fleet.hosts, 1)
        ],
    )


def import_servers(made: Installation, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Add servers to IDC sh through the CSV import, and give their names. rows: by the columns' names, all the same."""
    path = made.home / "servers.csv"
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, ["idc", *rows[0]])
        table.writeheader()
        table.writerows({"idc": "sh", **row} for row in rows)
    made.manage("server", "import", str(path))
    return [row["name"] for row in rows]


def start_all(made: Installation) -> None:
    """Start master, dispatcher and web tier, and wait until each is of use."""
    made.start_master()
    made.start_dispatch()
    made.start_web()
    made.wait_web()
    made.wait_master()


def _planned(database_url: str, modules: Path) -> Installation:
    home = Path(tempfile.mkdtemp(prefix="omhome-"))
    home.chmod(0o711)  # a module's own account passes through
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OMSERVER_", "DJANGO_"))}
    env |= {
        "OMSERVER_HOME": str(home),
        "OMSERVER_MODULES": str(modules),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DATABASE_URL": database_url,
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "LANG": "C.UTF-8",
    }
    return Installation(home, f"http://127.0.0.1:{free_port()}", env)


def _set_up(made: Installation) -> None:
    made.manage("migrate", "-v0")
    made.manage("createsuperuser", "--noinput", "--username", ADMIN, "--email", "lin@example.com")
    made.manage("collectstatic", "--noinput", "-v0")


@cache
def _first_home() -> Path:
    """Give a home with the SQLite database and the static files that every installation begins with, made once."""
    made = _planned("", ROOT / "modules")
    atexit.register(shutil.rmtree, made.home, ignore_errors=True)
    _set_up(made)
    return made.home


def _enrol(made: Installation, engines: dict[str, dict[str, Any]]) -> None:
    folder = made.home / "master"
    folder.mkdir()
    web = made.home / "web.bundle"
    web.write_text(made.manage("master", "keys"))
    listen = f"127.0.0.1:{free_port()}"
    words = ["--config", str(folder / "master.toml"), "--name", "sh-m1", "--listen", listen, "--web", str(web)]
    words += ["--modules", made.env["OMSERVER_MODULES"]]
    words += [word for name in engines for word in ("--engine", name)]
    done = subprocess.run(
        [sys.executable, "-m", "rpcgate.master", "init", *words],
        cwd=ROOT, env=made.env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    _write_engines(folder / "master.toml", engines)
    made.manage("idc", "add", "sh", "--title", "Shanghai")
    made.manage("master", "accept", "-", "--idc", "sh", "--address", listen, stdin=done.stdout)


def _write_engines(path: Path, engines: dict[str, dict[str, Any]]) -> None:
    """Put these tables where init has written its own."""
    text, table, _ = path.read_text().partition("\n[engines.")
    assert table or not engines
    for name, values in engines.items():
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        text += f"\n[engines.{name}]\n{lines}"
    path.write_text(text)
