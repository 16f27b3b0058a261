"""Keep the embedded store running: one chDB directory, answered for on loopback by ClickHouse's HTTP protocol.

    python -m analytics.store.embedded --home DIR [--port N]

DIR/analytics holds the data, the token (0600) and `address`, which names the port. The engine lives in a child;
when that crashes, it is said what ran, and the next child goes on at the same address.
"""

import argparse
import fcntl
import json
import logging
import os
import pwd
import secrets
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from sdk.text import Text

log = logging.getLogger("analytics.store")

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 20
RESTART_SECONDS = (0, 1, 5, 15)  # before the next child, the longer the faster they die
STEADY_SECONDS = 60  # a child that lived this long was well
QUERY_SECONDS = 600
LOOK_SECONDS = 0.2
USERS = "users"  # the file of which all commands that use the store hold a lock together
OURS = ("lock", "token", "running", "chdb")  # in its folder: of the account that it runs as
BEGINNING = "beginning"  # the one of which a command holds a lock while it looks for the store, or begins one


def main(words: Sequence[str] | None = None) -> int:
    """Run until SIGTERM, SIGINT or, with --until-eof, the end of stdin and of all commands that use it."""
    parser = argparse.ArgumentParser(prog="python -m analytics.store.embedded", description=__doc__.split("\n")[0])
    parser.add_argument("--home", type=Path, required=True, help="where the installation keeps its state")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, takes a free one")
    parser.add_argument("--memory", type=int, default=_memory(), help="bytes one query may take")
    parser.add_argument("--seconds", type=int, default=QUERY_SECONDS, help="how long one query may run")
    parser.add_argument("--until-eof", action="store_true", help="end when stdin does and no command uses it")
    given = parser.parse_args(words)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    folder = given.home.resolve() / "analytics"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        sys.stderr.write(f"{folder} cannot be used ({error.strerror}); give its folder to the account that runs this\n")
        return 2
    if why := foreign(folder):
        sys.stderr.write(f"{why}\n")
        return 2
    for name in (USERS, BEGINNING):
        if not (folder / name).exists():  # made by the account that has the data, whoever runs the first command
            lockable(folder, name).close()
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"{folder} is in use by another store; end that one first\n")
            return 2
        try:
            listening = socket.create_server((LOOPBACK, given.port), backlog=128)
        except OSError as error:
            sys.stderr.write(f"port {given.port} cannot be used ({error.strerror}); choose another by --port\n")
            return 2
        limits = {"memory": given.memory, "seconds": given.seconds, "threads": os.cpu_count() or 1}
        with listening:
            return Supervisor(folder, listening, limits, until_eof=given.until_eof).run()


def foreign(folder: Path) -> Text | None:
    """Say what of a store's folder belongs to another account, so that ours cannot use it, and what to do.

    Root can use anything, and leaves files that belong to it.
    """
    for path in (folder, *(folder / name for name in OURS)):
        try:
            owner = path.stat().st_uid
        except OSError:  # not there; or in a folder that is not ours, which is said by now
            continue
        if owner != os.geteuid() != 0:
            words = {"path": str(path), "folder": str(folder), "owner": _account(owner), "us": _account(os.geteuid())}
            return Text(
                "{path} belongs to {owner}, and this runs as {us}, who cannot use it; run it as {owner},"
                " or give the whole store to {us}, as root by: chown -R {us} {folder}",
                **words,
            )
    return None


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def lockable(folder: Path, name: str) -> IO[bytes]:
    """Open a file of a store's folder that commands lock; it is made where it is not there, and may be another's.

    To be written, where that may be: on NFS only such a file is locked by one alone.
    """
    path = folder / name
    access = os.O_RDONLY if path.exists() and not os.access(path, os.W_OK) else os.O_RDWR
    return os.fdopen(os.open(path, access | os.O_CREAT, 0o644), "rb")


def _memory() -> int:
    """Give what one query may take: half of the machine's memory, at most 4 GiB (which serves 100 M rows)."""
    return min(4 << 30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)


class Supervisor:
    """Start the child that holds the engine, and the next one when it dies."""

    def __init__(self, folder: Path, listening: socket.socket, limits: dict[str, int], *, until_eof: bool) -> None:
        self._folder, self._listening, self._limits, self._until_eof = folder, listening, limits, until_eof
        self._ending = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe = -1

    def run(self) -> int:
        """Serve until the end is asked for; 0."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._end())
        if self._until_eof:
            threading.Thread(target=self._wait_for_eof, daemon=True).start()
        _write_private(self._folder / "token", _token(self._folder))
        _write_private(self._folder / "address", f"http://{LOOPBACK}:{self._listening.getsockname()[1]}/")
        quick = 0
        while self._asked():
            started = time.monotonic()
            self._start()
            code = self._wait()
            if not self._ending.is_set():
                quick = 0 if time.monotonic() - started > STEADY_SECONDS else quick + 1
                self._report(code)
                self._ending.wait(RESTART_SECONDS[min(quick, len(RESTART_SECONDS) - 1)])
        (self._folder / "address").unlink(missing_ok=True)
        return 0

    def _asked(self) -> bool:
        """Wait for someone who asks: until then the engine's 270 MB are not taken. False when the end comes first."""
        while not self._ending.is_set():
            if select.select([self._listening], [], [], LOOK_SECONDS)[0]:
                return True
        return False

    def _start(self) -> None:
        for left in (self._folder / "running").glob("*"):
            left.unlink()
        reading, self._pipe = os.pipe()
        words = [str(self._listening.fileno()), str(reading), str(self._folder), json.dumps(self._limits)]
        self._child = subprocess.Popen(
            [sys.executable, "-m", "analytics.store.engine", *words],
            pass_fds=(self._listening.fileno(), reading),
            stdin=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )
        os.close(reading)

    def _wait(self) -> int:
        assert self._child  # noqa: S101  # _start has just set it
        while True:
            with suppress(subprocess.TimeoutExpired):
                return self._child.wait(0.2)
            if self._ending.is_set():
                return self._stop()

    def _stop(self) -> int:
        assert self._child  # noqa: S101  # _start has set it
        os.close(self._pipe)
        try:
            return self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()  # MergeTree survives it: a part is there as a whole or not at all
            return self._child.wait()

    def _report(self, code: int) -> None:
        """Say that the engine died, by what, and what ran; the last crash is kept for the pages."""
        with suppress(OSError):
            os.close(self._pipe)
        left = sorted((self._folder / "running").glob("*"))
        ran = [path.read_text(errors="replace") for path in left]
        why = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        log.error(
            "the engine ended by %s and is started again; it ran: %s", why, [sql[:300] for sql in ran] or "nothing"
        )
        crash = {"at": int(time.time()), "why": why, "ran": ran, "marks": [path.name for path in left]}
        _write_private(self._folder / "crash.json", json.dumps(crash))

    def _end(self) -> None:
        self._ending.set()

    def _wait_for_eof(self) -> None:
        if not os.read(0, 1):  # else who began it says that it is alone, and stays so
            self._users = lockable(self._folder, USERS)  # until this process has ended: who comes now waits for that
            fcntl.flock(self._users, fcntl.LOCK_EX)  # who began it has ended; others may use it still
        self._end()


def _token(folder: Path) -> str:
    path = folder / "token"
    return path.read_text() if path.exists() else secrets.token_urlsafe(32)


def _write_private(path: Path, text: str) -> None:
    """Write a file that only this account reads; who looks sees the old or the new one."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


if __name__ == "__main__":
    sys.exit(main())
