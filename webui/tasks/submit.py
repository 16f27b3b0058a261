"""Bring jobs to a master: send, cancel, forget. Each may be repeated."""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from rpcgate.client import MasterClient, MasterRefused
from rpcgate.protocol import MAX_MESSAGE, Accepted, Cancel, Forget, JobState, Refusal, Submit, encode
from webui.modules import delivery
from webui.servers.models import Master, Tag
from webui.tasks import hosts, store
from webui.tasks.assign import new_job
from webui.tasks.models import HostStatus, Job, Task
from webui.tasks.writing import write

log = logging.getLogger(__name__)

LONGEST = 86_400.0  # seconds of a whole job
SHORTEST = 3600.0
AT_ONCE = 10  # hosts that a master certainly drives at once; only for the job's outer deadline
ROOM = MAX_MESSAGE - 4096
FORGET_AT_ONCE = 500
BRINGING = "The files that it needs are on their way to the master."


def send(client: MasterClient, job_id: UUID) -> JobState | None:
    """Submit a job that was not accepted yet; give its state there, None where there is nothing left to send.

    MasterSilent and MasterRefused(BUSY) as from ask: try again later; MasterRefused(FILE): bring its files first.
    """
    message = write(lambda: _begin(job_id))
    if message is None:
        return None
    try:
        answer = delivery.ask(client, Master.objects.get(jobs=job_id), message)
    except MasterRefused as refused:
        return _refused(job_id, message, refused)
    if not isinstance(answer, Accepted):
        raise TypeError(f"a master answered Submit with {type(answer).__name__}")
    return _accepted(job_id, answer)


def cancel(client: MasterClient, job_id: UUID) -> None:
    """Tell the master to end a job."""
    client.ask(Cancel(str(job_id)))
    write(lambda: Job.objects.filter(pk=job_id).update(cancel_sent_at=timezone.now()))


def forget(client: MasterClient, jobs: Sequence[UUID]) -> None:
    """Tell the master that all events of these jobs are stored."""
    for start in range(0, len(jobs), FORGET_AT_ONCE):
        part = jobs[start : start + FORGET_AT_ONCE]
        client.ask(Forget([str(job) for job in part]))
        write(lambda part=part: Job.objects.filter(pk__in=part).update(forgotten=True))


def _begin(job_id: UUID) -> Submit | None:
    """Note that the job may be there from now on, and give what is sent; a job too large for a message is split."""
    found = Job.objects.select_for_update()
    job = found.filter(pk=job_id, state=Job.State.NEW).first()
    if job is None:
        return None
    rows = list(job.results.filter(status=HostStatus.QUEUED).select_related("server").order_by("host"))
    rows = [row for row in rows if row.server is not None]
    if not rows:
        _close_empty(job)
        return None
    message = _message(job, rows)
    while len(rows) > 1 and len(encode(message)) > ROOM:
        new_job(job.task, job.wave, job.idc_id, job.master, [row.pk for row in rows[len(rows) // 2 :]])
        rows = rows[: len(rows) // 2]
        message = _message(job, rows)
    Job.objects.filter(pk=job_id, sent_at__isnull=True).update(sent_at=timezone.now())
    return message


def _close_empty(job: Job) -> None:
    reason = "It was removed from the inventory before it was its turn."
    job.results.filter(status=HostStatus.QUEUED).update(
        status=HostStatus.SKIPPED, reason=reason, summary=reason, ended_at=timezone.now()
    )
    job.state, job.ended_at, job.forgotten = Job.State.ENDED, timezone.now(), True
    job.save(update_fields=["state", "ended_at", "forgotten"])
    Task.objects.filter(pk=job.task_id).update(attention=True)


def _message(job: Job, rows: Sequence[Any]) -> Submit:
    task = job.task
    sealed = (
        task.secrets.filter(master=job.master).values_list("sealed", flat=True).first() if task.secret_names else ""
    )
    tags: dict[int, dict[str, str]] = {}
    ids = [row.server_id for row in rows]
    for server, key, value in Tag.objects.filter(server__in=ids).values_list("server_id", "key", "value"):
        tags.setdefault(server, {})[key] = value
    return Submit(
        job=str(job.pk),
        task=str(task.pk),
        wave=job.wave.number,
        module=task.module,
        digest=task.digest,
        hosts=[hosts.spec(row.server, name=row.host, tags=tags.get(row.server_id, {})) for row in rows],
        params=task.params,
        sealed=sealed or "",
        check=task.check_only,
        timeout=task.timeout,
        total=min(LONGEST, max(SHORTEST, task.timeout * (2 + len(rows) / AT_ONCE))),
    )


def _accepted(job_id: UUID, answer: Accepted) -> JobState:
    state = Job.State.RUNNING if answer.state is JobState.RUNNING else Job.State.QUEUED
    write(lambda: _note(job_id, state=state, position=answer.position, reason=""))
    return answer.state


def _note(job_id: UUID, **values: Any) -> None:  # columns of Job
    if Job.objects.filter(pk=job_id, state=Job.State.NEW).update(**values):
        Task.objects.filter(jobs=job_id).update(version=F("version") + 1)


def _refused(job_id: UUID, message: Submit, refused: MasterRefused) -> JobState | None:
    if (
        refused.code is Refusal.CONFLICT
    ):  # only we name jobs: an earlier sending, of the server as it was then, is there
        return _accepted(job_id, Accepted(str(job_id), JobState.QUEUED))
    if refused.code in (Refusal.BUSY, Refusal.FILE):
        reason = BRINGING if refused.code is Refusal.FILE else refused.sentence
        write(lambda: _note(job_id, reason=reason[:500]))
        raise refused
    log.warning("job %s: refused as %s: %s", job_id, refused.code, refused.sentence)
    if refused.code in delivery.LACKING:
        write(lambda: _elsewhere(job_id, message.module, refused.sentence))
    else:
        store.refuse(job_id, refused.sentence)
    return None


def _elsewhere(job_id: UUID, module: str, sentence: str) -> None:
    """Take the hosts back; this master gets none of the module's hosts until it says that it has the version."""
    job = Job.objects.select_for_update().get(pk=job_id)
    if job.state not in store.ACTIVE:
        return
    master = Master.objects.select_for_update().get(pk=job.master_id)
    master.modules = {**master.modules, module: ""}
    master.kept = {name: digests for name, digests in master.kept.items() if name != module}
    master.save(update_fields=["modules", "kept"])
    store.give_back(job, sentence, forgotten=True)
