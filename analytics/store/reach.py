"""Find the store of an installation; without one that runs, keep one for the time of a command."""

import fcntl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from analytics.store.client import Store
from analytics.store.embedded import users_of
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
        opened = users_of(folder)
    except OSError as error:
        words = {"folder": str(folder), "reason": error.strerror or str(error)}
        raise StoreAwayError(Text("the store in {folder} cannot be used ({reason})", **words)) from error
    with opened as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for a store that is ending
        if found := _found(home):
            yield found
            return
        with _started(home, users):
            if not (found := _found(home)):
                raise StoreAwayError(
                    Text("the embedded store of {home} did not start; its message stands above", home=str(home))
                )
            yield found


@contextmanager
def _started(home: Path, users: IO[bytes]) -> Iterator[None]:
    """Keep an embedded store that ends with this process, however it ends, but not before others that use it.

    Its stdin is our pipe. users: the file that all who use it hold a lock of.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "analytics.store.embedded", "--home", str(home), "--until-eof"],
        stdin=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        start_new_session=True,  # Ctrl-C is for the command, which then lets go of the pipe
    )
    try:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and process.poll() is None and not _found(home):
            time.sleep(0.02)  # it offers nothing to wait on
        yield
    finally:
        alone = _locked_alone(users)
        assert process.stdin  # noqa: S101  # PIPE above
        process.stdin.close()
        fcntl.flock(users, fcntl.LOCK_UN)
        if alone:
            process.wait()


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
