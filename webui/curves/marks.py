"""What stands on a dataset's time axis: tasks that changed something, and people's notes.

Tasks have letters (A, B .. Z, AA ..), notes have numbers; each kind is in the order of time. The same list stands on
the plot, beside it, and in the before and after table, so that a letter means one task on the whole page.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from string import ascii_uppercase
from typing import TYPE_CHECKING, ClassVar

from django.db.models import Count, QuerySet, Window
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webui.curves import concern
from webui.curves.concern import Concern
from webui.dashboards.models import Note
from webui.servers.selectors import SelectorError
from webui.tasks import reads
from webui.tasks.models import Task
from webui.templatetags.ui import task_title

if TYPE_CHECKING:
    from analytics.models import Dataset
    from webui.reports.ask import Ask

TASKS = NOTES = 60  # of one range; a plot holds no more that anybody could read
EVERY = "all"  # of an address: tasks=all
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
    """Marks, tasks first, each kind oldest first.

    left_out: how many there are beside them, for want of room. concern: what tasks were asked for; tasks: how many meet
    it; of: how many there are whatever their servers and modules. trouble: why all are shown though the dataset says
    which concern it.
    """

    left_out = tasks = of = 0
    concern = Concern()
    trouble = ""


@dataclass
class Axis:
    """The time axis of what is asked: called with seconds it gives their marks, and keeps them for the line below."""

    ask: "Ask"
    found: Marks | None = None
    do_not_call_in_templates: ClassVar[bool] = True  # else Django's templates would, without seconds

    def __call__(self, low: int, high: int) -> Marks:
        """Give the marks of seconds [low, high)."""
        self.found = on(self.ask.dataset, low, high, every=self.every)
        return self.found

    @property
    def every(self) -> bool:
        """Say whether tasks that do not concern the dataset are marked too."""
        return self.ask.tasks == EVERY

    @property
    def said(self) -> str:
        """Say which tasks are marked; "" where that is no question."""
        return said(self.ask.dataset, self.found) if self.found is not None else ""

    @property
    def other(self) -> "Ask | None":
        """Give the same question with the other tasks marked; None where there are no others."""
        return self.ask.but(tasks="" if self.every else EVERY) if self.said and not self.trouble else None

    @property
    def trouble(self) -> str:
        """Say why all tasks are marked though not all concern the dataset."""
        return self.found.trouble if self.found is not None else ""

    @property
    def left_out(self) -> int:
        """Give how many there was no room for."""
        return self.found.left_out if self.found is not None else 0


def on(dataset: "Dataset", low: int, high: int, *, every: bool = False) -> Marks:
    """Give the marks of a dataset's seconds [low, high).

    A task counts where it began, if it concerns the dataset; every: all that change something. Where there are more
    than 60 tasks, those on the most servers are given; of more than 60 notes, the latest. Two queries; where the
    dataset says which tasks concern it one more, and those of its selector.
    """
    found, own = Marks(), concern.of(dataset)
    began = Task.objects.filter(started_at__gte=_moment(low), started_at__lt=_moment(high))
    found.concern = own.widest if every else own
    try:
        meets = concern.condition(found.concern)
    except SelectorError as error:
        found.trouble, found.concern = str(error), own.widest
        meets = concern.condition(own.widest)
    tasks, found.tasks = _largest(began.filter(meets))
    found.of = found.tasks if own == own.widest else began.filter(concern.condition(own.widest)).count()
    notes, more_notes = _latest(dataset.name, low, high)
    found += [_of_task(task, letters(place)) for place, task in enumerate(tasks)]
    found += [_of_note(note, str(place)) for place, note in enumerate(notes, 1)]
    found.left_out = found.tasks - len(tasks) + more_notes
    return found


def said(dataset: "Dataset", marks: Marks) -> str:
    """Say which tasks are marked, where not all are, or all though not all concern; "" where that is no question."""
    own = concern.of(dataset)
    if own == own.widest:
        return ""
    words = {"tasks": capfirst(concern.said(own)), "n": f"{marks.tasks:,}", "of": f"{marks.of:,}"}
    if marks.trouble:
        return _("All tasks are shown: %(tasks)s cannot be found. %(why)s") % {
            "tasks": concern.said(own), "why": marks.trouble,
        }  # fmt: skip
    if marks.concern != own:
        return _("All %s tasks are shown, also those that do not concern this dataset.") % words["of"]
    return _("%(tasks)s: %(n)s of %(of)s shown.") % words


def letters(place: int) -> str:
    """Name the place: 0 is A, 25 is Z, 26 is AA."""
    name = ""
    while place >= 0:
        place, letter = divmod(place, len(ascii_uppercase))
        name, place = ascii_uppercase[letter] + name, place - 1
    return name


def _largest(tasks: QuerySet[Task]) -> tuple[list[Task], int]:
    """Give those on the most servers, oldest first, and how many there are at all."""
    some = list(tasks.annotate(of=Window(Count("pk"))).order_by("-hosts", "-pk")[:TASKS])
    return sorted(some, key=lambda task: (task.started_at, task.pk)), some[0].of if some else 0


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
