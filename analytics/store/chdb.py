"""Ask the engine that lives in this process. Only the embedded store's child imports this file."""

import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chdb

from analytics.store.marks import KILL, PROGRESS

CODE = re.compile(r"Code: (\d+)\.")
INSERT = re.compile(r"\s*(INSERT\s+INTO\s.+?)\s+FORMAT\s+(\w+)\s*", re.IGNORECASE | re.DOTALL)
OWN_MARK = "Settings['log_comment']"  # the engine gives statements an id of its own
WAITS = "SELECT {mark:String} AS mark, toUInt64(0) AS read, toUInt64(0) AS total, true AS waits"
# What a client may set for one query; a number above the store's own limit is cut to it.
SETTABLE = ("max_execution_time", "max_memory_usage", "max_threads")


class EngineError(Exception):
    """The engine refused a statement; `code` is ClickHouse's number of the reason."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = CODE.search(text)
        self.code = int(found[1]) if found else 1001  # STD_EXCEPTION


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take. memory: bytes; seconds: of running, waiting not counted."""

    memory: int
    seconds: int
    threads: int

    def of(self, wanted: Mapping[str, str]) -> dict[str, int]:
        """Give the settings of one query: what its client wants, within the limits."""
        own = dict(zip(SETTABLE, (self.seconds, self.memory, self.threads), strict=True))
        for name in SETTABLE:
            if wanted.get(name, "").isdigit() and int(wanted[name]):
                own[name] = min(own[name], int(wanted[name]))
        return own


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave: bytes in the asked format, and what it cost."""

    data: bytes
    rows: int
    seconds: float


class Connection:
    """One connection to the engine of this process; it runs one statement at a time."""

    def __init__(self, folder: Path) -> None:
        self._to = chdb.connect(str(folder))

    def ask(self, sql: str, params: Mapping[str, str], settings: Mapping[str, Any]) -> Answer:
        """Run a statement; EngineError when the engine refuses it."""
        with self._errors(), self._set(settings):
            result = self._to.query(sql, "TabSeparated", params=dict(params))
            return Answer(result.bytes(), result.rows_read(), result.elapsed())

    def insert(self, sql: str, body: Iterable[bytes], settings: Mapping[str, Any]) -> Answer:
        """Run INSERT INTO ..

        FORMAT with the rows of a body. A body that ends early inserts nothing that is unfinished.
        """
        match = INSERT.fullmatch(sql)
        if not match:
            raise EngineError(
                "Code: 62. DB::Exception: a body is taken only by INSERT INTO table (columns) FORMAT name"
            )
        with self._errors(), self._set(settings), self._to.send_insert(match[1], match[2]) as stream:
            for piece in body:
                stream.append(piece)
            written = stream.finish()
            return Answer(b"", written.rows_written, written.elapsed)

    def close(self) -> None:
        """Close it; the last one to close lets the engine write down what it holds."""
        self._to.close()

    @contextmanager
    def _set(self, settings: Mapping[str, Any]):  # noqa: ANN202  # a context of nothing
        quoted = {name: value if isinstance(value, int) else f"'{value}'" for name, value in settings.items()}
        self._to.query("SET " + ", ".join(f"{name} = {value}" for name, value in quoted.items()))
        try:
            yield
        finally:
            self._to.query("SET " + ", ".join(f"{name} = DEFAULT" for name in settings))

    @contextmanager
    def _errors(self):  # noqa: ANN202  # a context of nothing
        try:
            yield
        except (chdb.ChdbError, RuntimeError) as error:
            raise EngineError(str(error)) from error


class Beside:
    """Look at what runs, by its mark, beside it and from any thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._one = threading.Lock()

    def kill(self, mark: str) -> None:
        """Ask the engine to end what runs under this mark; silent when nothing does any more."""
        self._ask(KILL.format(everywhere="").replace("query_id", OWN_MARK), {"mark": mark})

    def tell(self, name: str, waiting: str) -> Answer:
        """Say how far the statement is whose mark begins with this name. waiting: its mark where it has no turn yet."""
        told = PROGRESS.format(processes="system.processes").replace("query_id", OWN_MARK)
        return self._ask(f"{WAITS if waiting else told} FORMAT Native", {"name": name, "mark": waiting})

    def _ask(self, sql: str, params: Mapping[str, str]) -> Answer:
        with self._one:
            return self._connection.ask(sql, params, {"max_execution_time": 5})
