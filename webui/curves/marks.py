"""What stands on a dataset's time axis: tasks that changed something, and people's notes.

Tasks have letters (A, B .. Z, AA ..), notes have numbers; each kind is in the order of time. The same list stands on
the plot, beside it, and in the before and after table, so that a letter means one task on the whole page.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from string import ascii_uppercase
from typing import Any

from django.db.models import Count, Window
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webui.dashboards.models import Note
from webui.tasks import reads
from webui.tasks.models import Task
from webui.templatetags.ui import task_title

TASKS = NOTES = 60  # of one range; a plot holds no more that anybody could read
CHANGING = ("change", "destroy")
LAST = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Mark:
    """A task or a note. ts: Unix seconds at which it began; end: at which it ended, None for a note or while it runs.

    label: A, B .. or 1, 2 ..; kind: "task" or "note". pk: its key. detail: a task's servers and outcome, a note's
    author. outcome: the status word of a task's chip, "" for a note.
    """

    ts: int
    label: str
    kind: str
    pk: int
    text: str
    detail: str
    url: str
    outcome: str = ""
    end: int | None = None


class Marks(list[Mark]):
    """Marks, tasks first, each kind oldest first. left_out: how many there are beside them, for want of room."""

    left_out = 0


def on(dataset: Any, low: int, high: int) -> Marks:  # noqa: ANN401  # the stored Dataset or the core's
    """Give the marks of a dataset's seconds [low, high).

    A task counts where it began, unless it only read or was a dry run. Where there are more than 60 tasks, those on
    the most servers are given; of more than 60 notes, the latest. Two queries.
    """
    found = Marks()
    tasks, more_tasks = _largest(low, high)
    notes, more_notes = _latest(dataset.name, low, high)
    found += [_of_task(task, letters(place)) for place, task in enumerate(tasks)]
    found += [_of_note(note, str(place)) for place, note in enumerate(notes, 1)]
    found.left_out = more_tasks + more_notes
    return found


def letters(place: int) -> str:
    """Name the place: 0 is A, 25 is Z, 26 is AA."""
    name = ""
    while place >= 0:
        place, letter = divmod(place, len(ascii_uppercase))
        name, place = ascii_uppercase[letter] + name, place - 1
    return name


def _largest(low: int, high: int) -> tuple[list[Task], int]:
    """Give the tasks of [low, high), oldest first, and how many are left out."""
    tasks = Task.objects.filter(
        risk__in=CHANGING, check_only=False, started_at__gte=_moment(low), started_at__lt=_moment(high)
    )
    some = list(tasks.annotate(of=Window(Count("pk"))).order_by("-hosts", "-pk")[:TASKS])
    return sorted(some, key=lambda task: (task.started_at, task.pk)), some[0].of - len(some) if some else 0


def _latest(dataset: str, low: int, high: int) -> tuple[list[Note], int]:
    """Give the notes of [low, high), oldest first, and how many are left out."""
    notes = Note.objects.filter(dataset=dataset, ts__gte=low, ts__lt=high)
    some = list(notes.annotate(of=Window(Count("pk"))).order_by("-ts", "-pk")[:NOTES])
    return some[::-1], some[0].of - len(some) if some else 0


def _of_task(task: Task, label: str) -> Mark:
    outcome, words = reads.chip(task)  # asks only of an ended task whose totals were never written
    hosts = ngettext("%s server", "%s servers", task.hosts) % f"{task.hosts:,}"
    return Mark(
        ts=int(task.started_at.timestamp()),
        label=label,
        kind="task",
        pk=task.pk,
        text=task_title(task.title),
        detail=f"{hosts} · {words}",
        url=reverse("task", args=[task.pk]),
        outcome=str(outcome),
        end=int(task.ended_at.timestamp()) if task.ended_at else None,
    )


def _of_note(note: Note, label: str) -> Mark:
    return Mark(
        ts=note.ts,
        label=label,
        kind="note",
        pk=note.pk,
        text=note.text,
        detail=_("Note by %s") % note.author_name,
        url=f"{reverse('notes', args=[note.dataset])}#note-{note.pk}",
    )


def _moment(ts: int) -> datetime:
    """Give the moment of a second; data may hold times that no calendar has, and no task ran before 1970."""
    return datetime.fromtimestamp(min(max(ts, 0), LAST), UTC)
