"""Find the store of an installation; without one that runs, keep one for the time of a command."""

import fcntl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from analytics.store.client import Store
from analytics.store.embedded import BEGINNING, USERS, foreign, lockable
from analytics.store.errors import StoreAwayError
from sdk.text import Text

START_SECONDS = 60


@contextmanager
def reached(home: Path, url: str = "", *, cluster: str = "", prefix: str = "om_", client: str = "") -> Iterator[Store]:
    """Give the store at `url`; without one, the embedded store of `home`, which is started when it does not run.

    StoreAwayError when it cannot be reached or started.
    """
    if url:
        store = Store(url, cluster=cluster, prefix=prefix, client=client)
        try:
            yield store
        finally:
            store.close()
        return
    with _running(home) as (address, token):
        store = Store(address, password=token, prefix=prefix, client=client)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def _running(home: Path) -> Iterator[tuple[str, str]]:
    folder = home / "analytics"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened, beginning = lockable(folder, USERS), lockable(folder, BEGINNING)
    except OSError as error:
        words = {"folder": str(folder), "reason": error.strerror or str(error)}
        why = foreign(folder) or Text("the store in {folder} cannot be used ({reason})", **words)
        raise StoreAwayError(why) from error
    with opened as users, ExitStack() as kept:
        with beginning:
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for a store that is ending
            fcntl.flock(beginning, fcntl.LOCK_EX)  # who comes at the same instant finds the store that is begun here
            if not (found := _found(home)):
                kept.enter_context(_started(home, users))
                found = _found(home)
        if not found:
            raise StoreAwayError(
                Text("the embedded store of {home} did not start; its message stands above", home=str(home))
            )
        yield found


@contextmanager
def _started(home: Path, users: IO[bytes]) -> Iterator[None]:
    """Keep an embedded store that ends with this process, however it ends, but not before others that use it.

    Its stdin is our pipe. What it says is shown when we let go of it: who reads our output shall not wait for one that
    lives on. users: the file that all who use it hold a lock of.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "analytics.store.embedded", "--home", str(home), "--until-eof"],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            cwd=Path(__file__).parents[2],
            start_new_session=True,  # Ctrl-C is for the command, which then lets go of the pipe
        )
        try:
            end = time.monotonic() + START_SECONDS
            while time.monotonic() < end and process.poll() is None and not _found(home):
                time.sleep(0.02)  # it offers nothing to wait on
            yield
        finally:
            _let_go(process, users)
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace"))


def _let_go(process: subprocess.Popen[bytes], users: IO[bytes]) -> None:
    """End a store that nobody else uses, and wait for that; leave it to the others, where there are some."""
    if _locked_alone(users):
        process.communicate(b"\n")  # it need not wait for our lock; who comes now waits until it has ended
    else:
        assert process.stdin  # noqa: S101  # _started gave it a pipe
        process.stdin.close()


def _locked_alone(users: IO[bytes]) -> bool:
    """Say whether nobody else uses the store."""
    with suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _found(home: Path) -> tuple[str, str] | None:
    """Give address and token of a store that answers."""
    folder = home / "analytics"
    try:
        address, token = (folder / "address").read_text(), (folder / "token").read_text()
        with urllib.request.urlopen(f"{address}ping", timeout=START_SECONDS) as answer:  # noqa: S310  # our own file
            return (address, token) if answer.read() == b"Ok.\n" else None
    except (OSError, ValueError):
        return None
