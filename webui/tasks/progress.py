"""Take a task on to where it stands by now: release waves, hold, end. Repeating it changes nothing."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Count
from django.utils import timezone

from webui.tasks.assign import assign
from webui.tasks.models import HostResult, HostStatus, Job, Task, Wave
from webui.tasks.reads import final, problems
from webui.tasks.waves import breach
from webui.tasks.writing import write

LIVE = (Task.State.QUEUED, Task.State.RUNNING)
SENT = (Job.State.NEW, Job.State.QUEUED, Job.State.RUNNING)
UNFINISHED = (HostStatus.RUNNING, HostStatus.QUEUED)


def advance(task_id: int) -> None:
    """Take one task on. Two dispatchers may do it at once: the task's row is locked."""
    write(lambda: _advance(task_id))


def _advance(task_id: int) -> None:
    task = Task.objects.select_for_update().filter(pk=task_id).first()
    if task is None:
        return
    now = timezone.now()
    task.attention = False
    if task.state == Task.State.CANCELLING:
        _cancel(task, now)
    elif task.state in LIVE:
        _release(task, now)
    if task.state == Task.State.ENDED:
        task.totals = task_counts(task)
    elif task.state != Task.State.HELD:
        _end(task, now)
    task.version += 1
    task.save(update_fields=["attention", "state", "version", "ended_at", "totals", "hold_asked"])


def task_counts(task: Task) -> dict[str, int]:
    """Count a task's hosts in the database, whatever its row says."""
    return _counts(task.results)


def _counts(results: "object") -> dict[str, int]:
    rows = results.order_by().values_list("status").annotate(n=Count("pk"))  # type: ignore[attr-defined]  # a QuerySet
    found = dict.fromkeys(HostStatus.values, 0)
    return found | dict(rows)


def _release(task: Task, now: datetime) -> None:
    """Judge the wave that runs, and release the next one when it has ended well."""
    for wave in task.waves.filter(state__in=(Wave.State.WAITING, Wave.State.RELEASED, Wave.State.HELD)):
        if wave.state == Wave.State.WAITING:
            wave.state, wave.released_at = Wave.State.RELEASED, now
            wave.save(update_fields=["state", "released_at"])
        if HostResult.objects.filter(wave=wave, status=HostStatus.QUEUED, job__isnull=True).exists():
            assign(task, wave)
        numbers = _counts(HostResult.objects.filter(wave=wave))
        if sum(numbers[status] for status in UNFINISHED):
            return
        _judge(task, wave, numbers, now)
        if task.state == Task.State.HELD:
            return


def _judge(task: Task, wave: Wave, numbers: Mapping[str, int], now: datetime) -> None:
    """End a wave; hold the task where it went badly or a person asked, and something is left to hold."""
    wave.state, wave.ended_at = Wave.State.ENDED, now
    rest = task.waves.filter(state=Wave.State.WAITING)
    reason = _reason(task, wave, numbers)
    if reason and rest.exists():
        wave.state = task.state = Wave.State.HELD
        wave.reason = reason
        task.hold_asked = False
    wave.save(update_fields=["state", "ended_at", "reason"])


def _reason(task: Task, wave: Wave, numbers: Mapping[str, int]) -> str:
    bad, tried = problems(numbers), final(numbers) - numbers[HostStatus.SKIPPED]
    if tried and breach(bad, tried, task.max_fail):
        return f"{bad:,} of {tried:,} had problems ({bad / tried:.1%}; limit {task.max_fail}%)."
    return f"Held after wave {wave.number}, as asked." if task.hold_asked else ""


def _cancel(task: Task, now: datetime) -> None:
    """Tell the masters, by way of the jobs; hosts that no master has are cancelled here."""
    Job.objects.filter(task=task, state__in=SENT).update(state=Job.State.CANCELLING)
    reason = "Cancelled before it was its turn."
    task.results.filter(status=HostStatus.QUEUED, job__isnull=True).update(
        status=HostStatus.CANCELLED, reason=reason, summary=reason, ended_at=now
    )


def _end(task: Task, now: datetime) -> None:
    """End a task whose hosts all have their final result and which has no wave left."""
    if task.results.filter(status__in=UNFINISHED).exists():
        return
    if task.state in LIVE and task.waves.filter(state__in=(Wave.State.WAITING, Wave.State.HELD)).exists():
        return
    task.waves.filter(state=Wave.State.RELEASED).update(state=Wave.State.ENDED, ended_at=now)
    task.state, task.ended_at, task.totals = Task.State.ENDED, task.ended_at or now, task_counts(task)
