"""What each minion can, remembered for a while: it changes with its modules and its access list."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from rpcgate.engines.func_wire import Minion

MOST = 20_000  # minions remembered; the one that was learned first goes first


@dataclass(slots=True)
class _Known:
    until: float
    jobs: bool | None = None
    methods: dict[str, Sequence[str]] | None = None


class Abilities:
    """Remember of minions whether jobs may be used and which methods there are. For many threads."""

    def __init__(self, seconds: float, most: int = MOST) -> None:
        self._seconds = seconds
        self._most = most
        self._known: OrderedDict[Minion, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def jobs(self, minion: Minion) -> bool | None:
        """Say whether jobs may be used; None where that is not known."""
        with self._lock:
            return self._of(minion).jobs

    def methods(self, minion: Minion) -> dict[str, Sequence[str]] | None:
        """Give the methods by module; None where they are not known."""
        with self._lock:
            return self._of(minion).methods

    def learn_jobs(self, minion: Minion, jobs: bool) -> None:  # it is the value
        """Remember whether jobs may be used."""
        with self._lock:
            self._of(minion).jobs = jobs

    def learn_methods(self, minion: Minion, methods: dict[str, Sequence[str]]) -> None:
        """Remember the methods."""
        with self._lock:
            self._of(minion).methods = methods

    def forget(self, minion: Minion) -> None:
        """Ask anew the next time."""
        with self._lock:
            self._known.pop(minion, None)

    def _of(self, minion: Minion) -> _Known:
        known = self._known.get(minion)
        if known is None or known.until < time.monotonic():
            self._known.pop(minion, None)
            known = self._known[minion] = _Known(time.monotonic() + self._seconds)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return known
