"""Let several clients take turns at a few places, each client in its order, none before its turn comes round."""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

LOOK_SECONDS = 0.1  # how often a waiting client is looked at, whether it is still there

Place = TypeVar("Place")


class GoneError(Exception):
    """The client left while it waited; nobody is there to be answered."""


class Turns(Generic[Place]):
    """Places that are handed out to the waiting client that holds the fewest, round robin where they hold alike.

    However many questions a client has. One place is kept from each client that holds all others: long questions of
    one do not shut the door on the rest.
    """

    def __init__(self, places: list[Place]) -> None:
        self._free = places
        self._most = max(1, len(places) - 1)
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[object]] = OrderedDict()
        self._changed = threading.Condition()

    @contextmanager
    def take(self, client: str, gone: Callable[[], bool]) -> Iterator[Place]:
        """Wait for a place and give it; GoneError when the client leaves before it has one."""
        place = self._wait(client, gone)
        try:
            yield place
        finally:
            with self._changed:
                self._free.append(place)
                self._held[client] -= 1
                if not self._held[client]:
                    del self._held[client]
                self._changed.notify_all()

    def _wait(self, client: str, gone: Callable[[], bool]) -> Place:
        ticket = object()
        with self._changed:
            self._waiting.setdefault(client, deque()).append(ticket)
            try:
                while not (self._free and self._next() is ticket):
                    if not self._changed.wait(LOOK_SECONDS) and gone():
                        raise GoneError
                self._waiting.move_to_end(client)
                self._held[client] += 1
                return self._free.pop()
            finally:
                self._waiting[client].remove(ticket)
                if not self._waiting[client]:
                    del self._waiting[client]
                self._changed.notify_all()

    def _next(self) -> object | None:
        waiting = [client for client in self._waiting if self._held[client] < self._most]
        return self._waiting[min(waiting, key=self._held.__getitem__)][0] if waiting else None
