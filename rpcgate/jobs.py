"""The jobs of a master: which wait, which run, how one is ended."""

import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rpcgate.catalog import Catalog, Entry
from rpcgate.config import Limits
from rpcgate.engines import Adapter
from rpcgate.files import Files
from rpcgate.job_files import JobFiles
from rpcgate.nursery import Nursery
from rpcgate.protocol import HostSpec, JobState, Progress, Submit
from rpcgate.record import Record
from rpcgate.record import sentence as short
from rpcgate.router import Router
from rpcgate.spool import Spool, SpoolError
from rpcgate.supervisor import Order, Supervisor
from rpcgate.versions import VersionError
from sdk import ParamError, Status, Target, Targets
from sdk.params import check, files_in

log = logging.getLogger(__name__)

CHOICES = 4  # computations of choices at once, beside the jobs: a form waits for them
STOPPING = 30.0  # seconds for running jobs to end when the master does
PRUNE = 600.0  # seconds between two looks for what has expired
CANCELLED = "Cancelled."
KILLED = "The master ended while this ran; the outcome is unknown, and it may still run on the server."
NO_OUTPUT = hashlib.sha256(b"").hexdigest()
OpenSecrets = Callable[[str, str], Mapping[str, object]]

__all__ = ["Jobs", "Limits"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands in the queue: 0 when it runs; behind: the task before it."""

    position: int = 0
    behind: str = ""


@dataclass(frozen=True, slots=True)
class _Waiting:
    submit: Submit
    entry: Entry | None  # as it was when the job was accepted; None: as the catalog has it when its turn comes


class Jobs:
    """The queue and what runs; any thread may call it. start once, stop once.

    open_secrets: opens a Submit's sealed parameters, called just before the run; what it raises refuses the job.
    run_as: the account in which modules run, where the master is root.
    """

    def __init__(
        self,
        spool: Spool,
        catalog: Catalog,
        adapters: Mapping[str, Adapter],
        *,
        open_secrets: OpenSecrets,
        limits: Limits | None = None,
        run_as: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.adapters = adapters
        self.limits = limits or Limits()
        self._spool = spool
        self._catalog = catalog
        self._open_secrets = open_secrets
        self._clock = clock
        self._nursery = Nursery(run_as)
        self.files = Files(spool.path.parent / "files", self.limits.file_bytes, self.limits.files_bytes)
        self._lock = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        self._running: dict[str, Submit] = {}
        self._supervisors: dict[str, Supervisor] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._cancelled: set[str] = set()  # running jobs that were told to end
        self._stopping = threading.Event()
        self._pruning: threading.Thread | None = None

    def start(self) -> None:
        """Take up what an earlier master left: jobs that ran are lost, those that waited run now."""
        for kept in self._spool.jobs(JobState.RUNNING, JobState.CANCELLING):
            self._lose(kept.submit)
        with self._lock:
            self._queue.extend(_Waiting(kept.submit, None) for kept in self._spool.jobs(JobState.QUEUED))
        self._nursery.warm()
        self._pruning = threading.Thread(target=self._prune, name="prune", daemon=True)
        self._pruning.start()
        self._fill()

    def stop(self) -> None:
        """End what runs, as lost; what waits stays in the spool for the next start."""
        self._stopping.set()
        with self._lock:
            supervisors, threads = list(self._supervisors.values()), list(self._threads.values())
        for supervisor in supervisors:
            supervisor.stop(Status.LOST, "The master was stopped while this ran.")
        deadline = time.monotonic() + STOPPING
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._nursery.close()
        if self._pruning:
            self._pruning.join(1)

    def submit(self, submit: Submit, entry: Entry | None = None, files: Sequence[str] = ()) -> bool:
        """Keep a job in the spool and queue it; False when its id is taken. SpoolError when it cannot be kept.

        files: digests of the files that it needs.
        """
        if not self._spool.add(submit, self._clock(), files):
            return False
        with self._lock:
            self._queue.append(_Waiting(submit, entry))
        log.info("job %s: accepted: task %s, %s on %d hosts", submit.job, submit.task, submit.module, len(submit.hosts))
        self._fill()
        return True

    def cancel(self, job: str) -> None:
        """End a job; one that is unknown or has ended stays as it is."""
        with self._lock:
            waiting = next((item for item in self._queue if item.submit.job == job), None)
            if waiting:
                self._queue.remove(waiting)
            running = job in self._running and job not in self._cancelled
            if running:
                self._cancelled.add(job)
            supervisor = self._supervisors.get(job)
        if waiting:
            self._close(waiting.submit, Status.CANCELLED, "Cancelled before anything was started on this server.")
        if running:
            log.info("job %s: cancelled", job)
            self._spool.move(job, JobState.CANCELLING, self._clock())
        if supervisor:
            supervisor.stop(Status.CANCELLED, CANCELLED)

    def standing(self, job: str) -> Standing:
        """Say where a job stands in the queue."""
        with self._lock:
            waiting = [item.submit for item in self._queue]
            running = next(iter(self._running.values()), None)
        for place, submit in enumerate(waiting):
            if submit.job == job:
                before = waiting[place - 1] if place else running
                return Standing(place + 1, before.task if before else "")
        return Standing()

    def health(self) -> tuple[int, int, int]:
        """Count the jobs that run, the jobs that wait, and the hosts of those."""
        with self._lock:
            return len(self._running), len(self._queue), sum(len(item.submit.hosts) for item in self._queue)

    def _fill(self) -> None:
        """Start what there is room for."""
        while True:
            with self._lock:
                waiting = None if self._stopping.is_set() else self._next()
                if waiting is None:
                    return
                job = waiting.submit.job
                self._queue.remove(waiting)
                self._running[job] = waiting.submit
                thread = threading.Thread(target=self._run, args=(waiting,), name=f"job {job[:8]}", daemon=True)
                self._threads[job] = thread
                thread.start()  # under the lock: `stop` joins what stands there

    def _next(self) -> _Waiting | None:
        choosing = sum(1 for submit in self._running.values() if submit.choices)
        room = {True: choosing < CHOICES, False: len(self._running) - choosing < self.limits.jobs}
        return next((item for item in self._queue if room[bool(item.submit.choices)]), None)

    def _run(self, waiting: _Waiting) -> None:
        """Run one job, in a thread of its own; it ends as ENDED whatever happens."""
        submit = waiting.submit
        began = self._clock()
        try:
            self._spool.move(submit.job, JobState.RUNNING, began)
            self._carry_out(waiting)
        except SpoolError:
            log.exception("job %s: the spool failed it", submit.job)
        except Exception:  # a fault of ours must not leave the job open for ever
            log.exception("job %s: internal error", submit.job)
            self._close(submit, Status.FAILED, "The master had an internal error; its log says where.")
        finally:
            with self._lock:
                for gone in (self._running, self._supervisors, self._threads):
                    gone.pop(submit.job, None)
                self._cancelled.discard(submit.job)
            log.info("job %s: ended after %.3f s", submit.job, self._clock() - began)
            self._fill()

    def _carry_out(self, waiting: _Waiting) -> None:
        submit = waiting.submit
        try:
            entry = waiting.entry or self._catalog.version(submit.module, submit.digest)
        except VersionError as error:
            return self._close(submit, Status.FAILED, str(error))
        if entry is None or entry.error or entry.digest != submit.digest:
            change = "The module was changed or removed while this task waited; nothing was started. Run it again."
            return self._close(submit, Status.FAILED, change)
        try:
            secrets = self._open_secrets(submit.sealed, submit.task) if submit.sealed else {}
            params = {**submit.params, **secrets}
            if not submit.choices:
                check(entry.fields, params)
            named = files_in(entry.fields, params)
        except ParamError as error:
            return self._close(submit, Status.FAILED, f"The parameters are refused: {error}")
        except Exception as error:  # noqa: BLE001  # the opener's errors are its own; their texts may quote what was sealed
            log.warning("job %s: its secret parameters cannot be opened: %s", submit.job, type(error).__name__)
            return self._close(submit, Status.FAILED, "The master cannot open the task's secret parameters.")
        files = JobFiles(self.files, named, lambda sha256: self._spool.hold(submit.job, sha256))
        return self._supervise(submit, entry, params, [str(value) for value in secrets.values()], files)

    def _supervise(
        self,
        submit: Submit,
        entry: Entry,
        params: Mapping[str, object],
        secrets: Sequence[str],
        files: JobFiles,
    ) -> None:
        order = Order(
            job=submit.job,
            task=submit.task,
            name=entry.name,
            source=entry.source,
            params=params,
            targets=Targets(tuple(_target(host) for host in submit.hosts)),
            check=submit.check,
            timeout=submit.timeout,
            total=min(submit.total, self.limits.total_seconds),
            output=self.limits.output_bytes,
            choices=submit.choices,
        )
        record = self._record(submit, secrets)
        router = Router(self.adapters, entry.engines, portable=entry.portable, idempotent=entry.idempotent)
        supervisor = Supervisor(order, record, router, self._nursery, files)
        with self._lock:
            self._supervisors[submit.job] = supervisor
            cancelled = submit.job in self._cancelled
        if cancelled:
            supervisor.stop(Status.CANCELLED, CANCELLED)
        if self._stopping.is_set():
            supervisor.stop(Status.LOST, "The master was stopped before this began.")
        supervisor.run()
        self._end(submit.job)

    def _record(self, submit: Submit, secrets: Sequence[str] = ()) -> Record:
        def append(events: Sequence[Progress]) -> None:
            self._spool.append(submit.job, events)

        hosts = [] if submit.choices else [host.name for host in submit.hosts]
        return Record(hosts, append, self._clock, secrets)

    def _close(self, submit: Submit, status: Status, sentence: str) -> None:
        """End a job whose hosts have nothing more to say; those with a final event keep it."""
        ended = self._spool.ended_hosts(submit.job)
        if submit.choices:
            self._record(submit).note("choices", "[]", sentence)
        else:
            left = [host.name for host in submit.hosts if host.name not in ended]
            self._spool.append(submit.job, [_final(host, status, sentence, self._clock()) for host in left])
        self._end(submit.job)

    def _lose(self, submit: Submit) -> None:
        log.warning("job %s: it ran when the master ended; its open hosts are lost", submit.job)
        self._close(submit, Status.LOST, KILLED)

    def _end(self, job: str) -> None:
        self._spool.move(job, JobState.ENDED, self._clock())
        self._spool.count("jobs")

    def _prune(self) -> None:
        while not self._stopping.wait(PRUNE):
            try:
                self._spool.prune(self._clock(), self.limits.keep_seconds)
                self.files.prune(self._spool.held(), self._clock())
            except SpoolError:
                log.exception("the spool could not be pruned")


def _target(host: HostSpec) -> Target:
    return Target(
        host.name,
        host.address,
        host.port,
        host.user,
        host.engine,
        tuple(host.fallbacks),
        host.category,
        host.application,
        dict(host.tags),
    )


def _final(host: str, status: Status, sentence: str, now: float) -> Progress:
    return Progress(0, now, host, status, text="", digest=NO_OUTPUT, reason=short(sentence))
