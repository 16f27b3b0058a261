"""What a master must not forget: jobs, their events, the ids of requests it has seen, and its counters.

One SQLite file in WAL mode. One thread writes (rpcgate.spool_writer), so that the events of 10,000 hosts cost a few
transactions; readers see only what is committed. Whoever kills the process loses at most events that nobody was told
of.
"""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rpcgate.output import clean
from rpcgate.protocol import JobState, Progress, ProtocolError, Submit, decode, encode, read_progress, write_progress
from rpcgate.spool_writer import SpoolError, Writer

KEEP = 14 * 86_400.0  # seconds that an ended job waits for whoever never asked again
SEQ = 24  # bytes that an event's number and the comma behind it take at most
SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
    number INTEGER PRIMARY KEY, job TEXT NOT NULL UNIQUE, request BLOB NOT NULL, state TEXT NOT NULL,
    added REAL NOT NULL, changed REAL NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    job TEXT NOT NULL, seq INTEGER NOT NULL, host TEXT NOT NULL, final INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (job, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file (job TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (job, sha256)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (request TEXT PRIMARY KEY, expires REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_SETTLED = (JobState.ENDED, JobState.UNKNOWN)

__all__ = ["Kept", "Spool", "SpoolError"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A job as the spool has it."""

    submit: Submit
    state: JobState


class Spool:
    """The file; all methods may be called from any thread. SpoolError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.news = threading.Condition()
        self._versions: Counter[str] = Counter()  # job -> how often it changed in this process; only for waiting
        self._last: dict[str, int] = {}  # job -> last sequence number written; the writer's own
        self._reading = threading.Lock()
        self._closed = False
        connection, self._reader = _opened(path), _opened(path)
        # what was taken back is no longer the last
        self._writer = Writer(path, connection, committed=self._changed, taken_back=self._last.clear)

    def first_seen(self, request_id: str, expires: float, now: float) -> bool:
        """Say whether a request's id is new, and remember it until it expires; of two callers one gets True."""
        key = clean(request_id)

        def write(connection: sqlite3.Connection) -> bool:
            old = connection.execute("SELECT expires FROM seen WHERE request = ?", (key,)).fetchone()
            if old is not None and old[0] >= now:
                return False
            connection.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (key, expires))
            return True

        return self._writer.ask(write)

    def add(self, submit: Submit, now: float, files: Iterable[str] = ()) -> bool:
        """Keep a job, as queued; False when its id is taken. Once this returns, it survives whatever happens.

        files: digests of the files that it needs.
        """
        held = [(submit.job, sha256) for sha256 in files]
        values = (submit.job, encode(submit), JobState.QUEUED, now, now)

        def write(connection: sqlite3.Connection) -> bool:
            insert = "INSERT OR IGNORE INTO job (job, request, state, added, changed) VALUES (?, ?, ?, ?, ?)"
            fresh = connection.execute(insert, values).rowcount == 1
            connection.executemany("INSERT OR IGNORE INTO file VALUES (?, ?)", held if fresh else ())
            return fresh

        return self._writer.ask(write, submit.job, durable=True)

    def move(self, job: str, state: JobState, now: float) -> None:
        """Set a job's state, after all events appended before."""
        update = "UPDATE job SET state = ?, changed = ? WHERE job = ? AND state != ?"
        self._writer.tell(lambda connection: connection.execute(update, (state, now, job, JobState.ENDED)), job)

    def append(self, job: str, events: Iterable[Progress]) -> None:
        """Add events in order; their `seq` is given here. Returns at once; readers see them a few ms later."""
        batch = [(clean(event.host), event.status.final, write_progress(replace(event, seq=0))) for event in events]
        if batch:
            self._writer.tell(lambda connection: self._insert(connection, job, batch), job)

    def hold(self, job: str, sha256: str) -> None:
        """Note a file that a job has got; it is needed until the job is forgotten."""
        insert = "INSERT OR IGNORE INTO file VALUES (?, ?)"
        self._writer.ask(lambda connection: connection.execute(insert, (job, sha256)).rowcount)

    def held(self) -> set[str]:
        """Give the digests of all files that a job needs."""
        return {row[0] for row in self._read("SELECT DISTINCT sha256 FROM file", ())}

    def flush(self) -> None:
        """Wait until everything said so far is committed."""
        self._writer.ask(lambda _: True)

    def job(self, job: str) -> Kept | None:
        """Find a job; None when there is none."""
        rows = self._read("SELECT request, state FROM job WHERE job = ?", (job,))
        return _kept(rows[0]) if rows else None

    def state(self, job: str) -> JobState:
        """Say where a job stands."""
        rows = self._read("SELECT state FROM job WHERE job = ?", (job,))
        return JobState(rows[0][0]) if rows else JobState.UNKNOWN

    def jobs(self, *states: JobState) -> list[Kept]:
        """Give the jobs in these states, in the order they came."""
        marks = ", ".join("?" * len(states))
        select = f"SELECT request, state FROM job WHERE state IN ({marks}) ORDER BY number"  # noqa: S608  # only question marks
        return [_kept(row) for row in self._read(select, states)]

    def events(self, job: str, after: int, most: int, room: int = 1 << 62) -> tuple[list[Progress], int]:
        """Give at most `most` events after a number, as long as their JSON fits `room`; and the bytes it takes."""
        select = "SELECT seq, body FROM event WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?"
        fitting: list[tuple[int, bytes]] = []
        taken = 0
        with self._asking() as connection:
            for seq, body in connection.execute(select, (clean(job), after, most)):  # one by one: bodies may be large
                if taken + len(body) + SEQ > room:
                    break
                taken += len(body) + SEQ
                fitting.append((seq, body))
        return [replace(read_progress(body), seq=seq) for seq, body in fitting], taken

    def last(self, job: str) -> int:
        """Give the last sequence number of a job, 0 where it has none."""
        return int(self._read("SELECT COALESCE(MAX(seq), 0) FROM event WHERE job = ?", (job,))[0][0])

    def ended_hosts(self, job: str) -> set[str]:
        """Give the hosts that have their final event."""
        return {row[0] for row in self._read("SELECT host FROM event WHERE job = ? AND final = 1", (job,))}

    def forget(self, jobs: Sequence[str]) -> None:
        """Drop these jobs where they have ended; the others stay."""
        ended = [(clean(job), JobState.ENDED) for job in jobs]

        def write(connection: sqlite3.Connection) -> None:
            delete = "DELETE FROM event WHERE job IN (SELECT job FROM job WHERE job = ? AND state = ?)"
            connection.executemany(delete, ended)
            delete = "DELETE FROM file WHERE job IN (SELECT job FROM job WHERE job = ? AND state = ?)"
            connection.executemany(delete, ended)
            connection.executemany("DELETE FROM job WHERE job = ? AND state = ?", ended)
            for job in jobs:
                self._last.pop(job, None)

        self._writer.ask(write)
        with self.news:
            for job in jobs:
                self._versions.pop(job, None)

    def prune(self, now: float, keep: float = KEEP) -> None:
        """Drop what has expired: request ids, and jobs that ended `keep` seconds ago."""
        self._writer.ask(lambda connection: connection.execute("DELETE FROM seen WHERE expires < ?", (now,)).rowcount)
        old = self._read("SELECT job FROM job WHERE state = ? AND changed < ?", (JobState.ENDED, now - keep))
        self.forget([row[0] for row in old])

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        upsert = "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
        self._writer.tell(lambda connection: connection.execute(upsert, (name, number)))

    def counters(self) -> dict[str, int]:
        """Give the counters."""
        return {name: value for name, value in self._read("SELECT name, value FROM counter ORDER BY name", ())}  # noqa: C416  # rows are no pairs to the type checker

    def wait(self, after: Mapping[str, int], seconds: float) -> bool:
        """Wait until one of these jobs has an event after its number, has ended or changes; False when none did."""
        deadline = time.monotonic() + seconds
        with self.news:
            seen = {job: self._versions[job] for job in after}
        if any(self.last(job) > number or self.state(job) in _SETTLED for job, number in after.items()):
            return True
        with self.news:
            return self.news.wait_for(
                lambda: self._closed or any(self._versions[job] != seen[job] for job in after),
                max(0.0, deadline - time.monotonic()),
            )

    def close(self) -> None:
        """Commit what is left and close the file."""
        with self.news:
            if self._closed:
                return
            self._closed = True
            self.news.notify_all()
        self._writer.close()
        with self._reading:
            self._reader.close()

    def _changed(self, jobs: set[str]) -> None:
        with self.news:
            self._versions.update(jobs)
            self.news.notify_all()

    def _read(self, select: str, values: Sequence[Any]) -> list[Any]:
        with self._asking() as connection:
            plain = [
                clean(value) if isinstance(value, str) else value for value in values
            ]  # SQLite takes no half character
            return connection.execute(select, plain).fetchall()

    @contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        with self._reading:
            try:
                yield self._reader
            except sqlite3.Error as error:
                raise SpoolError(f"{self.path} cannot be read: {error}") from error

    def _insert(self, connection: sqlite3.Connection, job: str, events: Sequence[tuple[str, bool, bytes]]) -> None:
        if job not in self._last:
            row = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM event WHERE job = ?", (job,)).fetchone()
            self._last[job] = row[0]
        rows = [(job, seq, *event) for seq, event in enumerate(events, self._last[job] + 1)]
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?)", rows)
        self._last[job] += len(rows)


def _kept(row: tuple[bytes, str]) -> Kept:
    submit = decode(row[0])
    if not isinstance(submit, Submit):
        raise ProtocolError("the spool holds something that is no Submit")
    return Kept(submit, JobState(row[1]))


def _opened(path: Path) -> sqlite3.Connection:
    """Open the file, readable by its owner only."""
    try:
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
    except (OSError, sqlite3.Error) as error:
        raise SpoolError(f"{path} cannot be opened as a spool: {error}; move it away to begin a new one") from error
    return connection
