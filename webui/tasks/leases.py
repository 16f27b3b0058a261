"""What becomes of a silent master's hosts: a sibling takes what may be taken, the rest is lost until it comes back."""

import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from webui.tasks import store
from webui.tasks.assign import fit_masters
from webui.tasks.fleet import is_healthy
from webui.tasks.models import Job, Task
from webui.tasks.writing import write

log = logging.getLogger(__name__)

SilentFor = Callable[[int], float]


def give_up(silent_for: SilentFor) -> None:
    """Look at the jobs of all silent masters.

    silent_for: master id -> seconds for which this dispatcher itself has had no answer; the database's word alone is
    not enough, for it also looks like silence when no dispatcher ran.
    """
    jobs = Job.objects.filter(state__in=store.ACTIVE).select_related("master")
    for job in jobs:
        if is_healthy(job.master):
            continue
        silent = min(silent_for(job.master_id), _seconds_unseen(job))
        unsent = job.state == Job.State.NEW and job.sent_at is None
        if silent > (settings.MASTER_SILENT_AFTER if unsent else settings.LEASE_SECONDS):
            write(lambda pk=job.pk: _give_up(pk))


def _seconds_unseen(job: Job) -> float:
    seen = job.master.last_seen or job.created_at
    return (timezone.now() - seen) / timedelta(seconds=1)


def _give_up(job_id: UUID) -> None:
    found = Job.objects.select_for_update()
    job = found.filter(pk=job_id, state__in=store.ACTIVE).first()
    if job is None or not job.results.filter(status__in=store.OPEN).exists():
        return
    unsent = job.state == Job.State.NEW and job.sent_at is None
    going_on = job.task.state in (Task.State.QUEUED, Task.State.RUNNING)
    sibling = going_on and any(
        master.pk != job.master_id for master in fit_masters(job.task, [job.idc_id]).get(job.idc_id, [])
    )
    if sibling and (unsent or job.task.idempotent):
        number = store.give_back(job, f"{job.master.name} is silent; another master takes over.", forgotten=unsent)
        log.warning("job %s: %d hosts go from silent master %s to another", job.pk, number, job.master.name)
    elif not unsent:
        number = store.lose(job, _lost(job))
        log.warning("job %s: %d hosts are lost with silent master %s", job.pk, number, job.master.name)
        Task.objects.filter(pk=job.task_id).update(version=F("version") + 1, attention=True)


def _lost(job: Job) -> str:
    seen = job.master.last_seen
    since = f" since {timezone.localtime(seen):%Y-%m-%d %H:%M:%S}" if seen else ""
    return f"Master {job.master.name} has not answered{since}; the outcome is unknown."
