"""Wait for what offers nothing to wait on."""

import time
from collections.abc import Callable
from typing import TypeVar

SECONDS = 60  # a busy machine's
PAUSE = 0.05  # between two looks
Found = TypeVar("Found")


def until(what: Callable[[], Found], seconds: float = SECONDS) -> Found:
    """Ask until the answer is true, and give it; AssertionError when that does not come to pass."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(PAUSE)
    raise AssertionError(f"it did not come to pass within {seconds:g} s")
