"""The parts of a task's page: what its templates need, for the first load and for each update."""

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db.models import Max, Q
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webui import access
from webui.catalog import catalog
from webui.context import tasks_under_way
from webui.files import reads as file_reads
from webui.servers.models import Engine
from webui.statuses import RESULTS
from webui.tasks import reads
from webui.tasks.address import address
from webui.tasks.groups import Group
from webui.tasks.models import HostResult, HostStatus, Task, Wave
from webui.tasks.services import run_again
from webui.templatetags.ui import task_title

FINAL = tuple(name for name in RESULTS if name not in ("running", "queued"))
SHORT, SHORT_LINES = 600, 8  # characters and line breaks of a parameter that is shown whole
SHOWN_LINES, SHOWN_CHARACTERS = 60, 20_000  # of a group's output
PROBLEMS = ("failed", "unreachable", "timeout", "lost")
AGAIN = (*PROBLEMS, "cancelled", "skipped")  # what is not done on servers of these
WAVE_STATES = {"waiting": "queued", "released": "running", "held": "held", "ended": "done", "stopped": "stopped"}


@dataclass(frozen=True, slots=True)
class Number:
    """One of the ten numbers. name: the status; share: percent of all servers, as a text."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """A group with the key by which the page and its address know it, and how its names are shown."""

    key: str
    group: Group
    names: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How far a cancelled task is. ended: confirmed by an engine; running: not yet; never: not begun at all."""

    ended: int
    running: int
    never: int
    deadline: Any

    @property
    def asked(self) -> int:
        """Give how many servers were running when the task was cancelled."""
        return self.ended + self.running

    @property
    def counts(self) -> dict[str, int]:
        """Give the bar's numbers."""
        return {"cancelled": self.ended, "running": self.running}


def context(request: HttpRequest, task: Task) -> dict[str, Any]:
    """Give all that the parts show. Some ten queries, however many servers there are."""
    numbers = reads.counts(task)
    waves = [{"row": row, **_wave_state(row)} for row in reads.wave_rows(task)]
    groups = [row_of(group) for group in reads.groups(task)]
    return {
        "task": task,
        "token": uuid4().hex,
        "counts": numbers,
        "numbers": [Number(name, numbers[name]) for name in RESULTS],
        "sum": _sum(numbers),
        "final": reads.final(numbers),
        "problems": reads.problems(numbers),
        "sentence": _sentence(task, numbers),
        "chip": reads.chip(task, numbers),
        "taken_over": reads.taken_over(task),
        "eta": reads.eta(task, numbers),
        "waves": waves,
        "causes": reads.waiting(task) if numbers["queued"] and task.state != Task.State.ENDED else [],
        "groups": groups,
        "outputs": _outputs(len(groups), reads.final(numbers)),
        "opened": opened(task, groups[0]) if _alone(task, groups) else None,
        "may_act": access.may_run(request.user, task.risk),
        "acts": _acts(task, numbers, waves),
        "held": _held(task, waves),
        "ending": _ending(task) if task.state == Task.State.CANCELLING else None,
        "tab": tab(task, numbers),
        "elapsed": _elapsed(task),
        "again": address(run_again(task)) if task.module else "",
        "newer": newer(task),
        "files": file_reads.shown(task),
        "given": given(task),
        **_where(task),
    }


def given(task: Task) -> list[tuple[str, str, bool]]:
    """Give the parameters as name, text, whether it is too long to be shown whole; a secret is dots."""
    shown = {name: reads.value_text(value) for name, value in task.params.items()}
    shown |= dict.fromkeys(task.secret_names, "••••")
    return [(name, text, len(text) > SHORT or text.count("\n") > SHORT_LINES) for name, text in shown.items() if text]


def newer(task: Task) -> str:
    """Give the digest that a new task of the same module would run, "" where it is the same or there is none."""
    now = catalog().get(task.module)
    return now.digest if now is not None and now.digest != task.digest else ""


def news(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Give the parts as one piece of HTML, each with its id, and the tab's title."""
    task = Task.objects.select_related("created_by", "retry_of").get(pk=pk)
    values = context(request, task) | {"csrf_token": get_token(request), "request": request}
    values["under_way"] = tasks_under_way()
    return {"html": render_to_string("tasks/live.html", values), "title": f"{values['tab']} · OMServer"}


def opened(task: Task, row: Row) -> dict[str, Any]:
    """Give what the row of an only group shows when it is open from the start. Two queries."""
    results = reads.group_hosts(task, row.group.status, row.group.digest, row.group.reason)
    first = results.select_related("output").first()
    said = first.output.text if first and first.output else ""
    return {
        "row": row,
        "group": row.group,
        "text": _beginning(said) if said else row.group.reason,
        "majority": row.group.count if row.group.majority else 0,
        "idcs": sorted(set(results.order_by().values_list("idc_name", flat=True).distinct())),
        "again": row.group.status in AGAIN,
    }


def announced(pk: int, before: str) -> str:
    """Say a change of the task's state for the live region; "" when the page has just been loaded."""
    if not before:
        return ""
    task = Task.objects.get(pk=pk)
    word = reads.chip(task)[1]
    return _("Task %(id)d: %(word)s. %(sentence)s.") % {"id": pk, "word": word, "sentence": reads.sentence(task)}


def tab(task: Task, numbers: dict[str, int]) -> str:
    """Give the title of the browser's tab: "71% · 33 problems · Restart a service"."""
    bad = reads.problems(numbers)
    parts = [f"{100 * reads.final(numbers) // max(1, task.hosts)}%"]
    if task.state == Task.State.ENDED:
        parts = [reads.chip(task, numbers)[1]]
    elif bad:
        parts.append(ngettext("%d problem", "%d problems", bad) % bad)
    return " · ".join([*parts, task_title(task.title)])


def row_of(group: Group) -> Row:
    """Give a group as the page shows it."""
    text = "\0".join((group.status, group.digest, group.reason, "others" if group.others else ""))
    return Row(hashlib.sha256(text.encode()).hexdigest()[:16], group, _names(group))


def find_row(task: Task, key: str) -> Row | None:
    """Find a group by its key."""
    return next((row for row in map(row_of, reads.groups(task)) if row.key == key), None)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort web2 before web10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"([0-9]+)", name) if part]


def _alone(task: Task, groups: list[Row]) -> bool:
    """Say whether there is one group for good: of a task with one server, or of one that has ended."""
    return len(groups) == 1 and (task.hosts == 1 or task.state == Task.State.ENDED)


def _beginning(text: str) -> str:
    lines = text[:SHOWN_CHARACTERS].split("\n")
    more = len(lines) > SHOWN_LINES or len(text) > SHOWN_CHARACTERS
    return "\n".join(lines[:SHOWN_LINES]) + ("\n…" if more else "")


def _outputs(outputs: int, servers: int) -> str:
    """Write "2 different outputs from 12 servers"; "" before the first one."""
    if not outputs:
        return ""
    different = ngettext("%s different output", "%s different outputs", outputs) % f"{outputs:,}"
    words = {"outputs": different, "n": f"{servers:,}"}
    return ngettext("%(outputs)s from %(n)s server", "%(outputs)s from %(n)s servers", servers) % words


def _wave_state(row: reads.WaveRow) -> dict[str, str]:
    """Give a wave's look, and the words where they say more than the look does."""
    if row.hosts and row.counts["cancelled"] == row.hosts:
        return {"status": "cancelled", "words": ""}
    if row.state == Wave.State.ENDED and row.problems:
        worst = next(name for name in PROBLEMS if row.counts[name])
        said = ngettext("Ended · %s problem", "Ended · %s problems", row.problems) % f"{row.problems:,}"
        return {"status": worst, "words": said}
    return {"status": WAVE_STATES[row.state], "words": ""}


def _names(group: Group) -> str:
    if group.others:
        return ""
    if group.majority:
        return _("the majority")
    shown = group.names[:3] if group.count <= 3 else group.names[:2]
    rest = group.count - len(shown)
    text = ", ".join(shown)
    return text if not rest else _("%(names)s and %(n)s more") % {"names": text, "n": f"{rest:,}"}


def _sum(numbers: dict[str, int]) -> str:
    """Write the sum out: "6,902 + 181 + … final, 640 running, 2,232 queued = 10,000 selected"."""
    words = {
        "final": " + ".join(f"{numbers[name]:,}" for name in FINAL),
        "running": f"{numbers['running']:,}",
        "queued": f"{numbers['queued']:,}",
        "all": f"{sum(numbers.values()):,}",
    }
    return _("%(final)s final, %(running)s running, %(queued)s queued = %(all)s selected") % words


def _sentence(task: Task, numbers: dict[str, int]) -> tuple[str, str]:
    """Split the sentence before its problems, which are a link."""
    bad = reads.problems(numbers)
    text = reads.sentence(task, numbers)
    tail = ngettext("%s problem", "%s problems", bad) % f"{bad:,}"
    return (text[: -len(tail)], tail) if text.endswith(tail) else (text, "")


def _acts(task: Task, numbers: dict[str, int], waves: list[dict[str, Any]]) -> dict[str, Any]:
    """Say which acts are possible now, with their sizes."""
    under_way = task.state in (Task.State.QUEUED, Task.State.RUNNING, Task.State.HELD)
    waiting = any(wave["row"].state == Wave.State.WAITING for wave in waves)
    ended = task.state == Task.State.ENDED
    return {
        "cancel": under_way,
        "hold": task.state in (Task.State.QUEUED, Task.State.RUNNING) and waiting and not task.hold_asked,
        "holding": under_way and task.hold_asked and task.state != Task.State.HELD,
        "unfinished": numbers["running"] + numbers["queued"],
        "retry_failed": reads.problems(numbers) if ended else 0,
        "retry_lost": numbers["lost"] + numbers["timeout"] if ended else 0,
        "retry_all": task.hosts if ended else 0,
    }


def _held(task: Task, waves: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Give what the decision panel says of the wave that waits for a person."""
    if task.state != Task.State.HELD:
        return None
    ended = [wave["row"] for wave in waves if wave["row"].state in (Wave.State.HELD, Wave.State.ENDED)]
    row = next((row for row in ended if row.state == Wave.State.HELD), ended[-1] if ended else None)
    if row is None:
        return None
    untouched = sum(wave["row"].hosts for wave in waves if wave["row"].state == Wave.State.WAITING)
    wave = Wave.objects.filter(task=task, number=row.number).first()
    return {
        "row": row,
        "of": len(waves),
        "next": row.number + 1,
        "untouched": untouched,
        "since": wave.ended_at if wave else None,
        "line": _common_line(task, row.number),
    }


def _common_line(task: Task, number: int) -> str:
    """Give the one line that all problems of a wave say; "" when they differ."""
    lines = task.results.filter(wave__number=number, status__in=PROBLEMS).values_list("summary", flat=True).distinct()
    found = list(lines.order_by()[:2])
    return found[0] if len(found) == 1 else ""


def _ending(task: Task) -> Ending:
    cancelled = task.results.filter(status=HostStatus.CANCELLED)
    running = task.results.filter(status=HostStatus.RUNNING)
    last = running.aggregate(last=Max("started_at"))["last"]
    return Ending(
        ended=cancelled.filter(started_at__isnull=False).count(),
        running=running.count(),
        never=cancelled.filter(started_at__isnull=True).count(),
        deadline=timezone.localtime(last + timedelta(seconds=task.timeout)) if last else None,
    )


def _elapsed(task: Task) -> float | None:
    """Give the seconds from the task's start to its end, or to now."""
    if task.started_at is None:
        return None
    return ((task.ended_at or timezone.now()) - task.started_at).total_seconds()


def _where(task: Task) -> dict[str, Any]:
    """Name the IDCs and engines that a task's servers are in."""
    idcs = sorted(set(HostResult.objects.filter(task=task).order_by().values_list("idc_name", flat=True).distinct()))
    used = HostResult.objects.filter(~Q(engine=""), task=task).order_by().values_list("engine", flat=True).distinct()
    labels = dict(Engine.choices)
    return {"idcs": _listed(idcs), "engines": ", ".join(str(labels.get(name, name)) for name in sorted(set(used)))}


def _listed(names: list[str]) -> str:
    """Write names as in a sentence: "sh, bj and gz"; more than four are counted."""
    if len(names) > 4:
        return ngettext("%d IDC", "%d IDCs", len(names)) % len(names)
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}
