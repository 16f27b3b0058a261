"""The jobs of one master that run, shared among the lines that ask it for news."""

import itertools
import threading
from dataclasses import dataclass
from uuid import UUID

from rpcgate.protocol import JobState

LONG, SHORT = 8.0, 0.2  # seconds a Poll waits: while another line is free for new jobs, and when none is
FIRST, QUEUED = 0.05, 2.0  # .. and for a job that does not run yet: at first, and at most, doubling from look to look
JOBS_A_POLL = 100


@dataclass(frozen=True, slots=True)
class Watched:
    """A job that runs. seq: of its last stored event. wait: seconds for which asking about it may take."""

    seq: int
    wait: float = FIRST

    def after(self, seq: int, state: JobState) -> "Watched":
        """Give it as it is after an answer; a job moves up in its queue without an event, so it is asked again."""
        return Watched(seq, min(QUEUED, self.wait * 2) if state is JobState.QUEUED else LONG)


class Watching:
    """Each job is with one line at a time; any thread may call it."""

    def __init__(self) -> None:
        self._jobs: dict[UUID, Watched] = {}  # those that no line is asking about now
        self._known: set[UUID] = set()
        self._free = 0  # lines that wait for jobs
        self._closed = False
        self._changed = threading.Condition()

    def add(self, job_id: UUID, seq: int) -> None:
        """Watch a job; one that is watched already stays as it is."""
        with self._changed:
            if job_id not in self._known:
                self._known.add(job_id)
                self._jobs[job_id] = Watched(seq)
                self._changed.notify()

    def drop(self, job_id: UUID) -> None:
        """Watch a job no more; the line that has it does not put it back."""
        with self._changed:
            self._known.discard(job_id)

    def take(self) -> dict[UUID, Watched]:
        """Wait for jobs that no other line asks about, and take them; none once it is closed."""
        with self._changed:
            self._free += 1
            while not self._jobs and not self._closed:
                self._changed.wait()
            self._free -= 1
            taken = dict(itertools.islice(self._jobs.items(), JOBS_A_POLL)) if not self._closed else {}
            for job in taken:
                del self._jobs[job]
            return taken

    def put_back(self, asked: dict[UUID, Watched]) -> None:
        """Let any line ask about these jobs again."""
        with self._changed:
            self._jobs.update(asked)
            if asked:
                self._changed.notify()

    def patience(self, asked: dict[UUID, Watched]) -> float:
        """Give the seconds for which a line may ask about these jobs."""
        return min([LONG if self._free else SHORT, *(job.wait for job in asked.values())])

    def close(self) -> None:
        """Let the lines that wait go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
