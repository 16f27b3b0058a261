"""A master as it is run: python -m rpcgate.master in a process of its own, with its log in a file."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rpcgate.client import MasterClient
from rpcgate.keys import MasterKeys, MasterPublic, WebKeys, read_master_bundle
from rpcgate.protocol import Health, Hello

ROOT = Path(__file__).resolve().parents[2]


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a master's command line to its end."""
    argv = [sys.executable, "-m", "rpcgate.master", *map(str, words)]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


class Daemon:
    """An enrolled master with the engine `local` and the modules of `modules`, not yet running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "master.toml"
        self.web = WebKeys.create(folder / "web")
        (folder / "modules").mkdir()
        (folder / "web.in").write_text(self.web.public.bundle())
        made = command("init", "--config", self.config, "--name", "sh-1", "--web", folder / "web.in", *OPTIONS)
        assert made.returncode == 0, made.stderr
        self.public: MasterPublic = read_master_bundle(made.stdout)
        self.log_file = folder / "log"

    @property
    def keys(self) -> MasterKeys:
        return MasterKeys.load(self.folder / "keys")

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def start(self) -> None:
        with self.log_file.open("a") as log:
            already = self.log_file.stat().st_size
            argv = [sys.executable, "-m", "rpcgate.master", "run", "--config", str(self.config)]
            self.process = subprocess.Popen(argv, cwd=ROOT, stderr=log, start_new_session=True)
        self.port = int(self.logged(r"listens on 127\.0\.0\.1:(\d+)", already)[1])

    def logged(self, pattern: str, after: int = 0, seconds: float = 60.0) -> re.Match[str]:
        """Wait for a line of the log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.log[after:])
            if found:
                return found
            assert self.process.poll() is None, self.log
            threading.Event().wait(0.02)
        raise AssertionError(f"{pattern} was not logged in {seconds} s:\n{self.log[-3000:]}")

    def stop(self) -> int:
        """End it as a service manager does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)

    def client(self, timeout: float = 60.0) -> MasterClient:
        return MasterClient("127.0.0.1", self.port, self.public, self.web, timeout=timeout)

    def health(self) -> Health:
        with self.client() as client:
            answer = client.ask(Hello())
        assert isinstance(answer, Health)
        return answer

    @property
    def memory(self) -> int:
        """Give the resident bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def peak(self) -> int:
        """Give the most resident bytes that there ever were."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) << 10


OPTIONS = ("--listen", "127.0.0.1:0", "--engine", "local", "--modules", "modules")


@contextmanager
def running(folder: Path) -> Iterator[Daemon]:
    daemon = Daemon(folder)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()
