"""Write from the dispatcher's threads: one short transaction after the other, tried again where the database asks."""

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, transaction

T = TypeVar("T")
TRIES = 6
_one_writer = threading.Lock()  # SQLite lets one write; waiting here is fair and wakes at once, its own wait is neither


def write(act: Callable[[], T]) -> T:
    """Run `act` in a transaction and give its answer; after a deadlock or a busy database again.

    `act` may run several times: it must read what it needs itself.
    """
    for left in reversed(range(TRIES)):
        try:
            with _one_writer, transaction.atomic():
                return act()
        except OperationalError:
            if not left:
                raise
            time.sleep(random.uniform(0.01, 0.1) * (TRIES - left))  # noqa: S311  # only so that two do not meet again
    raise AssertionError("unreachable")
