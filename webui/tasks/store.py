"""Store what masters say. Everything here may be repeated, and done by two dispatchers at once, without harm."""

import hashlib
import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from rpcgate.protocol import JobNews, JobState, Progress
from sdk import Status
from webui.files import transfer
from webui.files.models import KeptFile
from webui.servers import facts
from webui.servers.models import Server
from webui.tasks.models import HostResult, HostStatus, Job, LogPiece, Output, Task
from webui.tasks.writing import write

log = logging.getLogger(__name__)
Number = TypeVar("Number", int, float)

GOOD = (HostStatus.OK, HostStatus.CHANGED)
OPEN = (HostStatus.RUNNING, HostStatus.QUEUED)
CORRECTABLE = (*OPEN, HostStatus.LOST)  # what a master's word may still change
ACTIVE = (Job.State.NEW, Job.State.QUEUED, Job.State.RUNNING, Job.State.CANCELLING)
ANSWERED = frozenset({Status.OK, Status.CHANGED, Status.FAILED})  # the host itself said something
WORDLESS = "The master ended the job without a word about this server; the outcome is unknown."
NO_TEXT = "The master's output did not arrive whole."
SUMMARY = 200
REASON = 500  # characters, as the columns hold
INT = 2**31 - 1  # the largest number of a column of whole numbers
LONGEST = 10 * 365 * 24 * 3600.0  # seconds that a host may have taken
LOOKED_AT = 4000  # characters of an output, for its headline
BLAND = re.compile(r"Exit status \d+\.")  # a reason that says no more than the exit status
OTHER_ENGINE = re.compile(r"\s*\bRun by [a-z]+: .*", re.DOTALL)  # it says nothing of what the server said
LATE = timedelta(days=1)  # a master's clock may be wrong: further away than this its time is not believed
BATCH = 1000


@dataclass(slots=True)
class Batch:
    """What one JobNews changes, gathered before it is written."""

    job: Job
    now: datetime
    rows: dict[str, HostResult]
    pieces: list[LogPiece] = field(default_factory=list)
    begun: dict[int, datetime] = field(default_factory=dict)
    ended: dict[int, HostResult] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    told: list[facts.Told] = field(default_factory=list)
    kept: list[KeptFile] = field(default_factory=list)
    note: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of some news. alive: there is more to poll for; attention: the task should be taken on now."""

    task: int
    seq: int
    alive: bool
    attention: bool = False


def apply(job_id: Any, news: JobNews) -> Applied | None:  # noqa: ANN401  # a UUID
    """Store the news of a job in one transaction; None where there is no such job."""
    return write(lambda: _apply(job_id, news))


def _apply(job_id: Any, news: JobNews) -> Applied | None:  # noqa: ANN401  # a UUID
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    if job is None:
        return None
    if job.state not in ACTIVE:
        return Applied(job.task_id, job.seq, alive=False)
    if news.state is JobState.UNKNOWN:
        return _forgotten(job)
    events = [event for event in news.events if event.seq > job.seq]
    if events and events[0].seq != job.seq + 1:  # it answers to an older question than another dispatcher asked since
        return Applied(job.task_id, job.seq, alive=True)
    if events:
        _store(job, events)
    ended = news.state is JobState.ENDED and not news.more
    lost = lose(job, WORDLESS) if ended else 0
    if not (_job(job, news, events, ended=ended) or lost):
        return Applied(job.task_id, job.seq, alive=True)
    attention = _task(job, ended=ended, begun=bool(events) or news.state is JobState.RUNNING)
    return Applied(job.task_id, job.seq, alive=not ended, attention=attention)


def _forgotten(job: Job) -> Applied:
    """Deal with a job that its master does not know: it never arrived, or the master has lost its memory."""
    if job.state == Job.State.CANCELLING and not job.seq:
        reason = "Cancelled; the master never had it."
        job.results.filter(status=HostStatus.QUEUED).update(
            status=HostStatus.CANCELLED, reason=reason, summary=reason, ended_at=timezone.now()
        )
    lose(job, f"{job.master.name} knows nothing of this job any more; the outcome is unknown.")
    job.state, job.ended_at, job.forgotten = Job.State.ENDED, timezone.now(), True
    job.save(update_fields=["state", "ended_at", "forgotten"])
    return Applied(job.task_id, job.seq, alive=False, attention=_task(job, ended=True, begun=False))


def _store(job: Job, events: Sequence[Progress]) -> None:
    names = {event.host for event in events}
    batch = Batch(job, timezone.now(), _rows(job, names))
    for event in events:
        _take(batch, event)
    Output.objects.bulk_create(batch.outputs.values(), ignore_conflicts=True, batch_size=200)
    _missing_texts(batch)
    _save(list(batch.ended.values()))
    begun = [pk for pk in batch.begun if pk not in batch.ended]
    HostResult.objects.filter(pk__in=begun, status=HostStatus.QUEUED).update(
        status=HostStatus.RUNNING, started_at=min(batch.begun.values(), default=None)
    )
    LogPiece.objects.bulk_create(batch.pieces, ignore_conflicts=True, batch_size=BATCH)
    _health(batch)
    if batch.told:
        facts.keep(batch.told)
    KeptFile.objects.bulk_create(batch.kept, ignore_conflicts=True, batch_size=BATCH)
    if batch.note:
        job.reason = batch.note[:REASON]
    if batch.trouble:
        Task.objects.filter(pk=job.task_id).update(note=batch.trouble[:REASON])


def _rows(job: Job, names: Collection[str]) -> dict[str, HostResult]:
    """Give the job's results that may still change, locked."""
    rows = job.results.select_for_update().filter(status__in=CORRECTABLE)
    if len(names) < 500:
        rows = rows.filter(host__in=names)
    return {row.host: row for row in rows.order_by("pk")}


def _take(batch: Batch, event: Progress) -> None:
    if not event.host:
        batch.note = event.reason or (event.text if event.stream == "note" else "") or batch.note
        batch.trouble = event.reason or batch.trouble
        return
    row = batch.rows.get(event.host)
    if row is None:  # not this job's host, or its final word is stored: a master may not change that
        return
    at = _time(event.at, batch.now)
    if event.status.final:
        _final(batch, row, event, at)
    elif event.status is Status.RUNNING and row.pk not in batch.ended:
        batch.begun.setdefault(row.pk, at)
        if event.text:
            batch.pieces.append(
                LogPiece(result=row, job=batch.job, seq=event.seq, at=at, stream=event.stream[:10], text=event.text)
            )


def _final(batch: Batch, row: HostResult, event: Progress, at: datetime) -> None:
    if row.pk in batch.ended:
        return
    if event.text is not None:
        digest = hashlib.sha256(event.text.encode("utf-8", "surrogatepass")).hexdigest()
        if digest == event.digest and event.text:
            batch.outputs[digest] = Output(
                digest=digest, text=event.text, size=_within(event.size, 0, 2**62) or 0, truncated=event.truncated
            )
        elif digest != event.digest:
            log.warning("job %s: an output does not match its digest", batch.job.pk)
    row.status, row.rc, row.reason = HostStatus(event.status.value), _within(event.rc, -INT, INT), event.reason[:REASON]
    row.output_id = event.digest if event.digest != EMPTY else None
    particular = OTHER_ENGINE.sub("", row.reason)
    row.summary = "" if BLAND.fullmatch(particular) else particular[:SUMMARY]
    row.summary = row.summary or headline(event.text or "", row.status)
    row.engine, row.seconds, row.ended_at = event.engine[:10], _within(event.seconds, 0, LONGEST), at
    row.started_at = row.started_at or batch.begun.get(row.pk) or at - timedelta(seconds=min(row.seconds or 0, 1e6))
    row.master_name = batch.job.master.name
    batch.ended[row.pk] = row
    if kept := transfer.told(batch.job.task_id, batch.job, row.pk, row.host, event.data):
        batch.kept.append(kept)
    told = event.data.get("facts") if isinstance(event.data, dict) else None
    if isinstance(told, dict) and row.server_id:
        batch.told.append(facts.Told(row.server_id, told, min(at, batch.now), row.engine, batch.job.task_id))


EMPTY = hashlib.sha256(b"").hexdigest()


def headline(text: str, status: str) -> str:
    """Give the line that stands for an output in lists: the first of a good one, the last of another; "" without one.

    The last line of a failure is where programs say what went wrong.
    """
    if status in GOOD:
        lines = text.lstrip()[:LOOKED_AT].splitlines()[:1]
    else:
        lines = text.rstrip()[-LOOKED_AT:].splitlines()[-1:]
    return "".join(lines).strip()[:SUMMARY]


def _missing_texts(batch: Batch) -> None:
    """Give results whose text came earlier their summary; where the text is nowhere, say so."""
    unsure = {row.output_id for row in batch.ended.values() if row.output_id and row.output_id not in batch.outputs}
    known = set(Output.objects.filter(pk__in=unsure).values_list("pk", flat=True)) if unsure else set()
    lines = _Headlines(batch, known)
    for row in batch.ended.values():
        if row.output_id in unsure and row.output_id not in known:
            row.output_id, row.reason = None, f"{row.reason[: REASON - len(NO_TEXT) - 1]} {NO_TEXT}".strip()
        row.summary = row.summary or lines[row.output_id or "", row.status] or row.reason[:SUMMARY]


class _Headlines(dict[tuple[str, str], str]):
    """The headlines of a batch's outputs by (digest, status); each is computed once."""

    def __init__(self, batch: Batch, known: Collection[str]) -> None:
        super().__init__()
        self.texts = {digest: output.text for digest, output in batch.outputs.items()}
        self.texts |= dict(Output.objects.filter(pk__in=known).values_list("pk", "text")) if known else {}

    def __missing__(self, key: tuple[str, str]) -> str:
        return self.setdefault(key, headline(self.texts.get(key[0], ""), key[1]))


def _save(rows: Sequence[HostResult]) -> None:
    """Write many results at once; the rows are locked, so nothing is overwritten."""
    changed = (
        "status", "rc", "output", "summary", "reason", "engine", "master_name", "seconds", "started_at", "ended_at",
    )  # fmt: skip
    unique = None if connection.vendor == "mysql" else ["id"]
    HostResult.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=unique, update_fields=changed, batch_size=BATCH
    )


def _health(batch: Batch) -> None:
    """Note at the servers what the results say of them; a lost or timed out one says nothing."""
    rows = [row for row in batch.ended.values() if row.server_id]
    answered = [row.server_id for row in rows if row.status in ANSWERED]
    silent = [row.server_id for row in rows if row.status == HostStatus.UNREACHABLE]
    for ids, health in ((answered, Server.Health.HEALTHY), (silent, Server.Health.UNREACHABLE)):
        for start in range(0, len(ids), BATCH):
            part = Server.objects.filter(pk__in=ids[start : start + BATCH])
            part.filter(~Q(health=health)).update(health=health, health_since=batch.now)
            if health == Server.Health.HEALTHY:
                part.update(last_seen=batch.now)


def lose(job: Job, reason: str) -> int:
    """Make the open hosts of a job `lost`; give how many there were."""
    return job.results.filter(status__in=OPEN).update(
        status=HostStatus.LOST, reason=reason[:REASON], summary=reason[:SUMMARY], ended_at=timezone.now()
    )


def _job(job: Job, news: JobNews, events: Sequence[Progress], *, ended: bool) -> bool:
    """Write how the job stands; say whether that is news."""
    before = (job.seq, job.state, job.position, job.behind)
    job.seq = events[-1].seq if events else job.seq
    job.position, job.behind = _within(news.position, 0, INT) or 0, news.behind[:40]
    if ended:
        job.state, job.ended_at = Job.State.ENDED, timezone.now()
    elif job.state != Job.State.CANCELLING and news.state in (JobState.QUEUED, JobState.RUNNING):
        job.state = Job.State(news.state.value)
    if (job.seq, job.state, job.position, job.behind) == before:
        return False
    job.save(update_fields=["seq", "state", "position", "behind", "ended_at", "reason"])
    return True


def _task(job: Job, *, ended: bool, begun: bool) -> bool:
    """Count the change, note the begin, and call for attention where a wave or a correction wants a look."""
    tasks = Task.objects.filter(pk=job.task_id)
    if begun:
        tasks.filter(state=Task.State.QUEUED).update(state=Task.State.RUNNING)
        tasks.filter(started_at__isnull=True).update(started_at=timezone.now())
    wants = ended or not HostResult.objects.filter(wave=job.wave_id, status__in=OPEN).exists()
    if wants:
        tasks.update(version=F("version") + 1, attention=True)
    else:
        tasks.update(version=F("version") + 1)
    return wants


def _within(told: Number | None, least: float, most: float) -> Number | None:
    """Give a master's number; None for one that cannot be, NaN among them."""
    return told if told is not None and least <= told <= most else None


def _time(at: float, now: datetime) -> datetime:
    """Read a master's clock; a time that cannot be is taken as now."""
    try:
        told = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return now
    return told if abs(told - now) < LATE else now


def refuse(job_id: Any, sentence: str) -> None:  # noqa: ANN401  # a UUID
    """End a job that its master will not take: its hosts failed, with the master's sentence."""

    def act() -> None:
        job = Job.objects.select_for_update().filter(pk=job_id).first()
        if job is None or job.state not in ACTIVE:
            return
        reason = f"{job.master.name} refused: {sentence}"[:500]
        job.results.filter(status__in=OPEN).update(
            status=HostStatus.FAILED, reason=reason, summary=reason[:SUMMARY], ended_at=timezone.now()
        )
        job.state, job.ended_at, job.forgotten, job.reason = Job.State.ENDED, timezone.now(), True, reason
        job.save(update_fields=["state", "ended_at", "forgotten", "reason"])
        Task.objects.filter(pk=job.task_id).update(version=F("version") + 1, attention=True)

    write(act)


def give_back(job: Job, reason: str, *, forgotten: bool = False) -> int:
    """Take a job's open hosts back into the queue, for another master; give how many. Call it in a transaction."""
    number = job.results.filter(status__in=OPEN).update(
        status=HostStatus.QUEUED, job=None, master_name="", started_at=None, reason=""
    )
    job.state, job.ended_at, job.forgotten, job.reason = Job.State.MOVED, timezone.now(), forgotten, reason[:500]
    job.save(update_fields=["state", "ended_at", "forgotten", "reason"])
    Task.objects.filter(pk=job.task_id).update(version=F("version") + 1, attention=True)
    return number
