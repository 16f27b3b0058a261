"""One thread that writes to the spool's file and commits whatever has come together, so that much takes few commits."""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")

GATHER = 0.004  # seconds that a commit waits for company
BATCH = 2000  # operations in one commit
RETRY = 1.0  # seconds until a full disk is tried again
Write = Callable[[sqlite3.Connection], Any]


class SpoolError(Exception):
    """The spool cannot be read or written; the text says why. Nothing was accepted: refuse the request."""


@dataclass(slots=True)
class _Operation:
    write: Write
    job: str = ""
    done: "Future[Any] | None" = None
    durable: bool = False


class Writer:
    """The thread. Any thread may ask and tell; close once.

    committed: told the jobs that a commit changed. taken_back: told that what was written since the last commit was
    not; both are called in the writer's thread, where all writes run too.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        *,
        committed: Callable[[set[str]], None],
        taken_back: Callable[[], None],
    ) -> None:
        self.connection = connection
        self._path = path
        self._committed = committed
        self._taken_back = taken_back
        self._operations: queue.SimpleQueue[_Operation | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._write_all, name="spool", daemon=True)
        self._thread.start()

    def ask(self, write: Callable[[sqlite3.Connection], T], job: str = "", *, durable: bool = False) -> T:
        """Write, and wait for the commit. durable: it survives a power cut as well."""
        done: Future[T] = Future()
        self._put(_Operation(write, job, done, durable))
        return done.result()

    def tell(self, write: Write, job: str = "") -> None:
        """Write with the next commit; a full disk delays it but does not lose it."""
        self._put(_Operation(write, job))

    def close(self) -> None:
        """Commit what is left and close the connection."""
        with self._closing:
            self._closed = True
            self._operations.put(None)
        self._thread.join(30)

    def _put(self, operation: _Operation) -> None:
        with self._closing:  # so that nothing comes after the None that ends the thread
            if self._closed:
                raise SpoolError(f"{self._path} is closed")
            self._operations.put(operation)

    def _write_all(self) -> None:
        open_ = True
        again: list[_Operation] = []
        while open_ or again:
            gathered = self._gathered(wait=not again) if open_ else []
            open_ = open_ and None not in gathered
            again = self._commit([*again, *(operation for operation in gathered if operation)])
            if again and not open_:
                log.error("%s: %d writes are lost: it closes and cannot be written", self._path, len(again))
                break
        self.connection.close()

    def _gathered(self, *, wait: bool) -> list[_Operation | None]:
        """Take what is there; where nobody waits for it, also what comes within the next few milliseconds."""
        batch = [self._operations.get()] if wait else []
        deadline = time.monotonic() + GATHER
        while len(batch) < BATCH and (not batch or batch[-1] is not None):
            patient = all(operation and not operation.done for operation in batch)
            try:
                batch.append(self._operations.get(timeout=max(0.0, deadline - time.monotonic()) if patient else 0.0))
            except queue.Empty:
                break
        return batch

    def _commit(self, batch: Sequence[_Operation]) -> list[_Operation]:
        """Write a batch in one transaction; give those to be tried again."""
        level = "FULL" if any(operation.durable for operation in batch) else "NORMAL"
        try:
            self.connection.execute(f"PRAGMA synchronous = {level}")  # FULL: it survives a power cut as well
            self.connection.execute("BEGIN IMMEDIATE")
            results = [operation.write(self.connection) for operation in batch]
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            return self._failed(batch, error)
        self._committed({operation.job for operation in batch if operation.job})
        for operation, result in zip(batch, results, strict=True):
            if operation.done:
                operation.done.set_result(result)
        return []

    def _failed(self, batch: Sequence[_Operation], error: sqlite3.Error) -> list[_Operation]:
        """Take a batch back. Who waits is told; the rest is tried again."""
        log.error("%s cannot be written: %s", self._path, error)
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self._taken_back()
        for operation in batch:
            if operation.done:
                operation.done.set_exception(SpoolError(f"{self._path} cannot be written: {error}"))
        time.sleep(RETRY)
        return [operation for operation in batch if not operation.done]
