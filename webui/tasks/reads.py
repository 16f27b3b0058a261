"""Read tasks for pages, the API and the command line. Costs that grow with the number of hosts say so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webui.tasks.fallbacks import taken_over
from webui.tasks.groups import Group, group_diff, group_hosts, groups
from webui.tasks.models import HostResult, HostStatus, Job, LogPiece, Output, Task, Wave
from webui.tasks.waiting import Cause, waiting

__all__ = [
    "Cause",
    "Group",
    "chip",
    "counts",
    "counts_of",
    "eta",
    "final",
    "grid",
    "group_diff",
    "group_hosts",
    "groups",
    "hosts_json",
    "log",
    "problems",
    "sentence",
    "taken_over",
    "task_json",
    "value_text",
    "waiting",
    "wave_rows",
]

Counts = Mapping[str, int]
PROBLEMS = (HostStatus.FAILED, HostStatus.UNREACHABLE, HostStatus.TIMEOUT, HostStatus.LOST)
UNFINISHED = (HostStatus.RUNNING, HostStatus.QUEUED)
WORST_FIRST = (*PROBLEMS, HostStatus.CANCELLED, HostStatus.SKIPPED)
ETA_AFTER = 0.05  # share of the hosts; before that a forecast is a guess
LOG_PIECES = 2000  # of one answer


@dataclass(frozen=True, slots=True)
class WaveRow:
    """A wave as its table shows it. state: Wave.State; counts: as `counts` gives them."""

    number: int
    hosts: int
    state: str
    reason: str
    counts: dict[str, int]
    final: int
    problems: int


@dataclass(frozen=True, slots=True)
class Eta:
    """A forecast. seconds: until the last host; rate: hosts a second so far."""

    seconds: float
    rate: float


def counts(task: Task) -> dict[str, int]:
    """Count the hosts by status, all ten in the order of the table; their sum is task.hosts. At most one query."""
    return counts_of([task])[task.pk]


def counts_of(tasks: Iterable[Task]) -> dict[int, dict[str, int]]:
    """Count the hosts of several tasks, by task id. One query, none where all have ended."""
    known = {task.pk: _ordered(task.totals) for task in tasks if task.state == Task.State.ENDED and task.totals}
    open_ = [task.pk for task in tasks if task.pk not in known]
    found: dict[int, dict[str, int]] = {pk: {} for pk in open_}
    rows = HostResult.objects.filter(task__in=open_).order_by().values_list("task_id", "status").annotate(n=Count("pk"))
    for task_id, status, number in rows if open_ else ():
        found[task_id][status] = number
    return known | {pk: _ordered(numbers) for pk, numbers in found.items()}


def final(numbers: Counts) -> int:
    """Give how many hosts have their final result."""
    return sum(numbers.values()) - sum(numbers[status] for status in UNFINISHED)


def problems(numbers: Counts) -> int:
    """Give how many hosts failed, were unreachable, timed out or were lost."""
    return sum(numbers[status] for status in PROBLEMS)


def sentence(task: Task, numbers: Counts | None = None) -> str:
    """Say how a task stands: "7,128 of 10,000 servers have a final result, 33 problems"."""
    numbers = counts(task) if numbers is None else numbers
    words = {"final": f"{final(numbers):,}", "hosts": f"{task.hosts:,}"}
    text = ngettext(
        "%(final)s of %(hosts)s server has a final result",
        "%(final)s of %(hosts)s servers have a final result",
        task.hosts,
    )
    bad = problems(numbers)
    return text % words + (ngettext(", %s problem", ", %s problems", bad) % f"{bad:,}")


def chip(task: Task, numbers: Counts | None = None) -> tuple[str, str]:
    """Give the status word and label of a task's chip; an ended one says the worst thing with its count."""
    if task.state != Task.State.ENDED:
        return task.state, str(task.get_state_display())
    if task.cancel_at:
        return HostStatus.CANCELLED, str(HostStatus.CANCELLED.label)
    numbers = counts(task) if numbers is None else numbers
    worst = next((status for status in WORST_FIRST if numbers[status]), None)
    if worst is None:
        return (HostStatus.FAILED, _("OK, but the module stopped")) if task.note else (HostStatus.OK, _("All OK"))
    return worst, _COUNTED[worst](numbers[worst])


def wave_rows(task: Task) -> list[WaveRow]:
    """Give the waves with their counts. Two queries."""
    numbers: dict[int, dict[str, int]] = {}
    rows = task.results.order_by().values_list("wave_id", "status").annotate(n=Count("pk"))
    for wave_id, status, number in rows:
        numbers.setdefault(wave_id, {})[status] = number
    return [_wave_row(wave, _ordered(numbers.get(wave.pk, {}))) for wave in task.waves.all()]


def eta(task: Task, numbers: Counts | None = None) -> Eta | None:
    """Forecast the end of a running task; None before 5 % are final, while it is held, and after the end."""
    if task.state != Task.State.RUNNING or task.started_at is None:
        return None
    numbers = counts(task) if numbers is None else numbers
    done = final(numbers) - numbers[HostStatus.SKIPPED]
    elapsed = (timezone.now() - task.started_at).total_seconds()
    if done <= 0 or elapsed <= 0 or done < task.hosts * ETA_AFTER:
        return None
    rate = done / elapsed
    return Eta((task.hosts - final(numbers)) / rate, rate)


def grid(task: Task) -> list[tuple[str, list[tuple[str, str]]]]:
    """Give (IDC, [(host, status) ...]) in name order, for one canvas each. One query, a row for each host."""
    cells: dict[str, list[tuple[str, str]]] = {}
    for idc, host, status in task.results.order_by("idc_name", "host").values_list("idc_name", "host", "status"):
        cells.setdefault(idc, []).append((host, status))
    return list(cells.items())


def task_json(task: Task) -> dict[str, Any]:
    """Give a task as the command line and the API promise it. Four queries, a row for each host."""
    return {
        "id": task.pk,
        "module": task.module,
        "digest": task.digest,
        "on": task.selector,
        "params": task.params,
        "check": task.check_only,
        "state": task.state,
        "counts": counts(task),
        "notes": notes(task),
        "hosts": hosts_json(task),
    }


def value_text(value: Any) -> str:  # noqa: ANN401  # a JSON value of a parameter
    """Write a parameter as the command line takes it, a list by lines, a file by its name; "" for none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return str(value.get("name", ""))
    return "\n".join(map(str, value)) if isinstance(value, (list, tuple)) else "" if value is None else str(value)


def notes(task: Task) -> list[str]:
    """Give what masters said of their jobs as a whole, each sentence once. One query."""
    ended = task.jobs.filter(state=Job.State.ENDED).exclude(reason="").order_by("ended_at")
    return list(dict.fromkeys(ended.values_list("reason", flat=True)))


def hosts_json(task: Task) -> list[dict[str, Any]]:
    """Give every host's result in name order. Two queries, a row for each host; an output is read once."""
    rows = list(
        task.results.values_list("host", "status", "rc", "output_id", "engine", "master_name", "seconds", "reason")
    )
    texts = dict(Output.objects.filter(pk__in={row[3] for row in rows if row[3]}).values_list("pk", "text"))
    return [
        {
            "host": host,
            "status": status,
            "rc": rc,
            "output": texts.get(output, ""),
            "engine": engine,
            "master": master,
            "seconds": seconds,
            "reason": reason,
        }
        for host, status, rc, output, engine, master, seconds, reason in rows
    ]


def log(result: HostResult, after: int = 0) -> list[LogPiece]:
    """Give the next pieces of a host's live log; ask again with the last piece's pk. One query."""
    return list(result.pieces.filter(pk__gt=after).order_by("pk")[:LOG_PIECES])


def _ordered(numbers: Counts) -> dict[str, int]:
    return {status: numbers.get(status, 0) for status in HostStatus.values}


def _wave_row(wave: Wave, numbers: dict[str, int]) -> WaveRow:
    return WaveRow(wave.number, wave.hosts, wave.state, wave.reason, numbers, final(numbers), problems(numbers))


_COUNTED = {
    HostStatus.FAILED: lambda n: ngettext("%d failed", "%d failed", n) % n,
    HostStatus.UNREACHABLE: lambda n: ngettext("%d unreachable", "%d unreachable", n) % n,
    HostStatus.TIMEOUT: lambda n: ngettext("%d timed out", "%d timed out", n) % n,
    HostStatus.LOST: lambda n: ngettext("%d lost", "%d lost", n) % n,
    HostStatus.CANCELLED: lambda n: ngettext("%d cancelled", "%d cancelled", n) % n,
    HostStatus.SKIPPED: lambda n: ngettext("%d skipped", "%d skipped", n) % n,
}
