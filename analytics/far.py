"""Say on a terminal how far a command's queries are."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from analytics.store.client import Store
from analytics.store.errors import StoreError
from analytics.store.lines import Line
from analytics.store.marks import Progress

QUIET_SECONDS = 5  # before anything is said, as on the pages
EVERY_SECONDS = 1
BEGIN_ANEW = "\r\x1b[K"  # of the terminal's line


@contextmanager
def followed(store: Store) -> Iterator[Line]:
    """Give a line to the store whose progress stands on stderr while it is used, where that is a terminal."""
    line = Line("command line", lambda: store)
    if not sys.stderr.isatty():
        yield line
        return
    done = threading.Event()
    telling = threading.Thread(target=_tell, args=(store, line.name, done), daemon=True)
    telling.start()
    try:
        yield line
    finally:
        done.set()
        telling.join()


def _tell(store: Store, name: str, done: threading.Event) -> None:
    began, said = time.monotonic(), False
    wait = float(QUIET_SECONDS)
    while not done.wait(wait):
        wait = EVERY_SECONDS
        try:
            found = store.progress(name)
        except StoreError:  # the command itself says what is wrong
            break
        if found:
            said = True
            sys.stderr.write(f"{BEGIN_ANEW}{words(found)} · {time.monotonic() - began:.0f} s")
            sys.stderr.flush()
    if said:
        sys.stderr.write(BEGIN_ANEW)
        sys.stderr.flush()


def words(found: Progress) -> str:
    """Say how far it is: 41,093,120 of 100,095,182 rows read."""
    if found.waits:
        return "waiting for its turn"
    total = f" of {found.total:,}" if found.total and found.total >= found.read else ""
    query = f"query {found.number}: " if found.number > 1 else ""
    return f"{query}{found.read:,}{total} rows read"
