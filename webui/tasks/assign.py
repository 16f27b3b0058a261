"""Share the hosts of a released wave out over the masters that may have them: each share is a job."""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from django.utils import timezone

from webui.modules.delivery import reach
from webui.servers.models import Master
from webui.tasks.fleet import can_drive, why_unfit
from webui.tasks.models import HostResult, HostStatus, Job, Task, Wave
from webui.tasks.waves import deal

JOB_HOSTS = 2000  # at most, so that a job's hosts fit one message; a Submit that is larger still is split
BATCH = 5000  # ids of one statement
GONE = "It was removed from the inventory before it was its turn."
Row = dict[str, Any]


def assign(task: Task, wave: Wave) -> int:
    """Make jobs of a wave's hosts that have none; give how many hosts found a master.

    The others stay queued: webui.tasks.waiting says why. Call it inside a transaction that holds the task's row.
    """
    unassigned = HostResult.objects.filter(wave=wave, status=HostStatus.QUEUED, job__isnull=True)
    _skip_removed(unassigned)
    idcs = list(unassigned.order_by().values_list("server__idc_id", flat=True).distinct())
    fit = fit_masters(task, idcs)
    if not fit:
        return 0
    columns = ("pk", "server__idc_id", "server__engine", "server__fallbacks", "reason")
    rows = unassigned.filter(server__idc__in=fit).order_by("host").values(*columns)
    return sum(_hand_out(task, wave, idc, engines, same, fit[idc]) for (idc, engines), same in _alike(rows).items())


def fit_masters(task: Task, idcs: Collection[int]) -> dict[int, list[Master]]:
    """Give the masters of these IDCs that may get hosts of a task, by IDC; an IDC without any is absent."""
    sealed = set(task.secrets.values_list("master_id", flat=True)) if task.secret_names else set()
    found: dict[int, list[Master]] = {}
    masters = list(Master.objects.filter(state=Master.State.ACCEPTED, idc__in=idcs).defer("bundle"))
    reached = reach(task.module, task.digest, masters)
    for master in masters:
        if not why_unfit(master, task, sealed, reached):
            found.setdefault(master.idc_id, []).append(master)
    return found


def new_job(task: Task, wave: Wave, idc_id: int, master: Master, ids: list[int]) -> Job:
    """Store a job for these results."""
    job = Job(id=uuid.uuid4(), task=task, wave=wave, idc_id=idc_id, master=master, created_at=timezone.now())
    job.save(force_insert=True)
    for start in range(0, len(ids), BATCH):
        HostResult.objects.filter(pk__in=ids[start : start + BATCH]).update(job=job, master_name=master.name, reason="")
    return job


def _skip_removed(unassigned: Any) -> None:  # noqa: ANN401  # QuerySet[HostResult]
    unassigned.filter(server__isnull=True).update(
        status=HostStatus.SKIPPED, reason=GONE, summary=GONE, ended_at=timezone.now()
    )


def _alike(rows: Any) -> dict[tuple[int, tuple[str, ...]], list[Row]]:  # noqa: ANN401  # a QuerySet of dicts
    """Put hosts together that the same masters can drive."""
    found: dict[tuple[int, tuple[str, ...]], list[Row]] = {}
    for row in rows:
        engines = (row["server__engine"], *row["server__fallbacks"])
        found.setdefault((row["server__idc_id"], engines), []).append(row)
    return found


def _hand_out(  # what makes a job
    task: Task, wave: Wave, idc: int, engines: tuple[str, ...], rows: list[Row], masters: list[Master]
) -> int:
    able = [master for master in masters if can_drive(master, engines)]
    if not able:
        _say_why(rows, engines, masters)
        return 0
    for master, share in zip(able, deal(rows, len(able)), strict=False):
        for start in range(0, len(share), JOB_HOSTS):
            new_job(task, wave, idc, master, [row["pk"] for row in share[start : start + JOB_HOSTS]])
    return len(rows)


def _say_why(rows: list[Row], engines: tuple[str, ...], masters: list[Master]) -> None:
    """Note at the hosts why no master can drive them; not again where it stands there already."""
    reason = "; ".join(f"{master.name} {_cannot(master.engines, engines)}" for master in masters)[:500]
    ids = [row["pk"] for row in rows if row["reason"] != reason]
    for start in range(0, len(ids), BATCH):
        HostResult.objects.filter(pk__in=ids[start : start + BATCH]).update(reason=reason)


def _cannot(had: Mapping[str, str], wanted: tuple[str, ...]) -> str:
    whys = [f"cannot use {engine} ({had[engine]})" if engine in had else f"has no {engine}" for engine in wanted]
    return " and ".join(whys)
