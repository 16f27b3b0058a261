"""What a line to a master is to do, each when it is due."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from rpcgate.client import MasterClient

Act = Callable[[MasterClient], None]


@dataclass(frozen=True, slots=True, order=True)
class Order:
    """One act. due: on time.monotonic's clock; number: of equally due ones the first comes first."""

    due: float
    number: int
    tries: int
    act: Act


class Orders:
    """A queue of orders; any thread may add, one takes them."""

    def __init__(self) -> None:
        self._orders: list[Order] = []
        self._changed = threading.Condition()
        self._count = itertools.count()
        self._closed = False

    def add(self, act: Act, tries: int = 0, after: float = 0.0) -> None:
        """Let something be done in `after` seconds."""
        with self._changed:
            heapq.heappush(self._orders, Order(time.monotonic() + after, next(self._count), tries, act))
            self._changed.notify()

    def next(self) -> Order | None:
        """Wait for the next order that is due; None when closed."""
        with self._changed:
            while not self._closed:
                wait = self._orders[0].due - time.monotonic() if self._orders else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._orders)
                self._changed.wait(wait)
        return None

    def close(self) -> None:
        """Give no more orders."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
