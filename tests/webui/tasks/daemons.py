"""Real masters with the fake engine, and dispatchers as threads or processes, for the tests of dispatching."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections

from rpcgate.keys import WebKeys
from tests.fleet.ports import free_port
from webui import masters
from webui.servers.models import Idc, Master
from webui.tasks.dispatch import Dispatcher
from webui.tasks.models import Task

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 90.0  # seconds; the machine may be busy
Process = subprocess.Popen[bytes]


def until(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait until something holds, and give it; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.02)  # there is nothing to wait on: it happens in another process
    raise AssertionError(f"not within {seconds:g} s: {what}")


def ended(task: Task, seconds: float = PATIENCE) -> Task:
    """Wait until a task has ended, and give it as it is then."""

    def look() -> bool:
        task.refresh_from_db()
        return task.state == Task.State.ENDED

    until(look, f"task {task.pk} has ended", seconds)
    return task


@dataclass
class RealMaster:
    """A master daemon of its own in a folder; it may be killed and started again."""

    folder: Path
    name: str
    modules: Path
    engine: dict[str, Any] = field(default_factory=dict)
    process: Process | None = None

    def enrol(self, idc: str, **values: Any) -> Master:
        """Make its keys and configuration, and accept it in the web tier."""
        place, _created = Idc.objects.get_or_create(name=idc)
        web = self.folder / "web.txt"
        web.write_text(web_keys().public.bundle())
        self.port = free_port()
        argv = ["init", "--name", self.name, "--listen", f"127.0.0.1:{self.port}", "--engine", "fake"]
        self._run([*argv, "--modules", str(self.modules), "--web", str(web)])
        with self.config.open("a") as file:
            file.writelines(f"{key} = {toml(value)}\n" for key, value in self.engine.items())
        from rpcgate.keys import MasterKeys

        public = MasterKeys.load(self.folder / "keys").public
        return Master.objects.create(
            name=self.name, idc=place, address="127.0.0.1", port=self.port, state="accepted",
            bundle=public.bundle(), fingerprint=public.fingerprint, **values,
        )  # fmt: skip

    @property
    def config(self) -> Path:
        """Give master.toml."""
        return self.folder / "master.toml"

    def start(self) -> None:
        """Start the daemon and wait until its port answers."""
        log = (self.folder / "log").open("ab")
        argv = [sys.executable, "-m", "rpcgate.master", "run", "--config", str(self.config)]
        self.process = subprocess.Popen(argv, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        until(self._listens, f"{self.name} listens: {(self.folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """Let it die at once."""
        if self.process:
            self.process.kill()
            self.process.wait(60)
            self.process = None

    def stop(self) -> None:
        """End it politely, and its children with it."""
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()

    def _listens(self) -> bool:
        with socket.socket() as sock:
            sock.settimeout(1)
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def _run(self, argv: list[str]) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "rpcgate.master", argv[0], "--config", str(self.config), *argv[1:]],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def toml(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {item}" for key, item in value.items()) + "}"
    return str(value)


def web_keys() -> WebKeys:
    """Give the test installation's identity, made when it is missing."""
    if not settings.WEB_KEYS_DIR.is_dir():
        WebKeys.create(settings.WEB_KEYS_DIR)
        masters.web_keys.cache_clear()
    return masters.web_keys()


class Dispatching:
    """A dispatcher on a thread of this process."""

    def __enter__(self) -> Dispatcher:
        web_keys()
        self.dispatcher = Dispatcher()
        self._thread = threading.Thread(target=self._run, name="dispatcher")
        self._thread.start()
        return self.dispatcher

    def __exit__(self, *error: object) -> None:
        self.dispatcher.stop()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.dispatcher.run()
        finally:
            connections.close_all()


def dispatch_process(log: Path, **env: str) -> Process:
    """Start manage.py dispatch on this test's database."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "dispatch"],
        cwd=ROOT, env=environment(**env), stdout=log.open("ab"), stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def environment(**more: str) -> dict[str, str]:
    """Give the environment in which manage.py works on this test's database and home."""
    given = connection.settings_dict
    url = f"sqlite:///{given['NAME']}"
    if connection.vendor == "mysql":
        options = os.environ["OMSERVER_TEST_DATABASE_URL"].partition("?")[2]
        base = os.environ["OMSERVER_TEST_DATABASE_URL"].partition("?")[0].rpartition("/")[0]
        url = f"{base}/{given['NAME']}" + (f"?{options}" if options else "")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMSERVER_", "DJANGO_"))}
    ours = {
        "OMSERVER_HOME": str(settings.HOME),
        "OMSERVER_MODULES": str(settings.MODULES_DIR),
        "SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": url,
    }
    return kept | ours | more
