"""The modules of the minion: command, copyfile, service, process, test, jobs and system, in the shapes of Func's own.

Also: a job starts with umask 077 in /, a command must be ASCII because Python 2's is, and copyfile writes over what is
there after a backup.
"""

import hashlib
import os
import shutil
import subprocess
import threading
import time
import xmlrpc.client
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Method = Callable[..., Any]
DESCRIPTIONS = ("module_version", "module_api_version", "module_description", "list_methods")
RUNNING, FINISHED, LOST = 0, 1, 2


class FuncException(Exception):
    """What Func's own modules raise."""

    kind = "func.minion.codes.FuncException"


class InvalidMethodException(FuncException):
    """There is no such method."""

    kind = "func.minion.codes.InvalidMethodException"


class ModuleNotFoundException(FuncException):
    """There is no such module."""

    kind = "func.minion.codes.ModuleNotFoundException"


class Jobs:
    """Methods that run while nobody waits for them. They are forgotten when the minion ends."""

    def __init__(self) -> None:
        self._known: dict[str, list[Any]] = {}
        self._lock = threading.Lock()
        self._last = 0.0

    def start(self, method: Callable[[], Any]) -> str:
        """Run something in the background; give the job's id."""
        with self._lock:
            self._last = max(time.time(), self._last + 1e-6)
            job = f"{self._last!r}-minion"
            self._known[job] = [RUNNING, -1]
        threading.Thread(target=self._run, args=(job, method), daemon=True).start()
        return job

    def status(self, job: str) -> list[Any]:
        """Say how a job stands."""
        with self._lock:
            return self._known.get(job, [LOST, 0])

    def _run(self, job: str, method: Callable[[], Any]) -> None:
        value = method()
        with self._lock:
            self._known[job] = [FINISHED, value]


class Modules:
    """All methods by their names. services: a folder of init scripts. without: modules that this minion has not."""

    def __init__(self, services: Path, without: frozenset[str] = frozenset()) -> None:
        self.jobs = Jobs()
        self._services = services
        modules: dict[str, dict[str, Method]] = {
            "command": {"run": run, "exists": lambda path: os.access(path, os.X_OK)},
            "copyfile": {"copyfile": copyfile, "checksum": checksum},
            "service": {word: self._service(word) for word in ("start", "stop", "restart", "reload", "status")},
            "process": {"info": process_info, "loadavg": lambda: Path("/proc/loadavg").read_text().split()},
            "test": TESTS,
            "jobs": {"job_status": self.jobs.status},
        }
        self.modules = {name: methods for name, methods in modules.items() if name not in without}

    def find(self, name: str) -> Method:
        """Give a method by its full name."""
        module, _, method = name.rpartition(".")
        if module == "system":
            return self._system()[method] if method in self._system() else _missing(name)
        if module not in self.modules:
            raise ModuleNotFoundException("")
        methods = self.modules[module]
        if method in DESCRIPTIONS:
            return {"list_methods": lambda: [*sorted(methods), *DESCRIPTIONS]}.get(method, lambda: "0.0.1")
        return methods[method] if method in methods else _missing(name)

    def _system(self) -> Mapping[str, Method]:
        return {
            "list_modules": lambda: sorted(self.modules),
            "list_methods": lambda: sorted(
                f"{module}.{name}" for module, all_ in self.modules.items() for name in all_
            ),
            "inventory": lambda: {module: [*methods, *DESCRIPTIONS] for module, methods in self.modules.items()},
        }

    def _service(self, action: str) -> Method:
        def act(name: str) -> int:
            script = self._services / name.strip()
            if not script.is_file():
                raise FuncException(f"Service not installed: {name.strip()}")
            quiet = subprocess.DEVNULL
            return subprocess.call([str(script), action], stdin=quiet, stdout=quiet, stderr=quiet)

        return act


def run(command: str, env: dict[str, str] | None = None, *, job: bool = False) -> list[Any]:
    """Run a command line by the shell, as long as it takes and until its output is closed."""
    command.encode("ascii")  # Python 2 raises the same error
    done = subprocess.run(
        command,
        shell=True,
        capture_output=True,
        env=env,
        stdin=subprocess.DEVNULL,
        check=False,
        **({"umask": 0o077, "cwd": "/", "start_new_session": True} if job else {}),
    )
    return [done.returncode, done.stdout, done.stderr]


def copyfile(
    path: str, content: xmlrpc.client.Binary, mode: int = 0o644, uid: int = 0, gid: int = 0, force: Any = None
) -> int:
    """Write a file: 1 written, 0 the same already, -1 not possible."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        if file.exists():
            if checksum(path) == hashlib.sha1(content.data).hexdigest() and force is None:
                return 0
            shutil.copy2(file, f"{path}.{time.strftime('%Y-%m-%d@%H:%M~')}")
        file.write_bytes(content.data)
        file.chmod(mode)
        os.chown(file, uid, gid)
    except OSError:
        return -1
    return 1


def checksum(thing: str) -> str:
    """Give the SHA-1 of a file, or of the text where there is no such file."""
    path = Path(thing)
    return hashlib.sha1(path.read_bytes() if path.is_file() else thing.encode()).hexdigest()


def process_info(flags: str = "-auxh") -> list[list[str]]:
    """Give the rows of ps."""
    done = subprocess.run(["/bin/ps", flags], capture_output=True, text=True, check=False)
    if done.stderr and not done.stderr.startswith("Warning"):
        raise FuncException(done.stderr.splitlines()[0])
    return [line.split() for line in done.stdout.split("\n")]


def _explode() -> None:
    raise FuncException("khhhhhhaaaaaan!!!!!!")


def _sleep(seconds: float) -> int:
    time.sleep(float(seconds))
    return 1


def _missing(name: str) -> Method:
    del name
    raise InvalidMethodException("")


TESTS: dict[str, Method] = {
    "ping": lambda: 1,
    "add": lambda a, b: a + b,
    "echo": lambda value: value,
    "sleep": _sleep,
    "explode": _explode,
    "bigint": lambda: 1 << 40,
    "bytes": lambda: b"caf\xe9 \x01 \x1b[31m",
    "large": lambda size: "x" * size,
}
