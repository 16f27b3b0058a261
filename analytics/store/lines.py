"""One asker's way to the store: what it asks one after another can be ended, and says how far it is."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from analytics.store.client import Rows, Store
from analytics.store.errors import StoreError
from analytics.store.marks import mark_of, new_name

END_SECONDS = 10  # for how long a query that is to end is told so


class GoneError(Exception):
    """Who asked has left: there is nobody to answer."""


class Line:
    """A store for reports, and for nothing else.

    client: in whose name is asked, so that many cards of one person do not keep others waiting. name: by which
    Store.progress says how far it is; whoever knows it may know that.
    """

    def __init__(self, client: str, connect: Callable[[], Store], name: str = "") -> None:
        self._client, self._connect = client, connect
        self.name = name or new_name()
        self._lock = threading.Lock()
        self._mark, self._asked = "", 0
        self.left = threading.Event()

    @property
    def cluster(self) -> str:
        """Give the store's cluster."""
        return self._store.cluster

    @property
    def prefix(self) -> str:
        """Give the prefix of its databases."""
        return self._store.prefix

    def ask(self, sql: str, bind: Mapping[str, Any] | None = None, *, client: str = "") -> Rows:
        """Ask as Store.ask does; GoneError once the line was ended."""
        with self._lock:
            if self.left.is_set():
                raise GoneError
            self._asked += 1
            self._mark = mark_of(self.name, self._asked)
        try:
            return self._store.ask(sql, bind, client=client or self._client, mark=self._mark)
        except StoreError:
            if self.left.is_set():
                raise GoneError from None
            raise
        except KeyboardInterrupt:  # a server of one's own does not end what a client left
            with suppress(StoreError):
                self._store.end(self._mark)
            raise
        finally:
            self._mark = ""

    def end(self) -> None:
        """End what runs, and all that would still be asked."""
        with self._lock:
            self.left.set()
        until = time.monotonic() + END_SECONDS
        while (mark := self._mark) and time.monotonic() < until:
            try:
                self._store.end(mark)
            except StoreError:  # it is away: then nothing of it runs either
                return
            time.sleep(0.1)  # it may not have come to the store yet; then it is told again

    @property
    def _store(self) -> Store:
        return self._connect()
