"""Results grouped by identical output, and how a group differs from the majority."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Case, Count, F, Min, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webui.tasks.fallbacks import TAKEN_OVER
from webui.tasks.models import HostResult, HostStatus, Output, Task

SUCCESS = (HostStatus.OK, HostStatus.CHANGED)
LAST = (HostStatus.SKIPPED, HostStatus.CANCELLED)
UNFINISHED = (HostStatus.RUNNING, HostStatus.QUEUED)
FEWEST = 3  # servers that make a majority
NAMES = 12  # names shown of each group
MOST_GROUPS = 200  # more are counted together in one last row
DIFF_LINES, DIFF_CHARACTERS = 2000, 200_000  # of one output; comparing more takes seconds
CONTEXT = 3  # equal lines kept around a difference

Line = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """Servers with the same status and output (or, without output, the same reason).

    digest: of the output, "" without one. reason: of those without output. line: the first line that says what is
    particular. names: the first 12. others: True for the one row that stands for all further groups together.
    taken_over: how many of them another engine ran than their first.
    """

    status: str
    digest: str
    reason: str
    count: int
    line: str = ""
    rc: int | None = None
    names: tuple[str, ...] = ()
    majority: bool = False
    others: bool = False
    taken_over: int = 0

    @property
    def exit(self) -> int | None:
        """Give the exit status of a failure, where its line does not say it already."""
        said = (self.line or self.reason).startswith(f"Exit status {self.rc}")
        return self.rc if self.status == HostStatus.FAILED and not said else None


def groups(task: Task) -> list[Group]:
    """Give the groups of a task's final results: the majority if any, problems by count, successes, the rest.

    Two queries; the sum of the counts is the number of final results.
    """
    rows = (
        _final(task)
        .values("status", "output_id", "why")
        .annotate(n=Count("pk"), line=Min("summary"), code=Min("rc"), other=Count("pk", filter=TAKEN_OVER))
    )
    found = [
        Group(
            row["status"],
            row["output_id"] or "",
            row["why"],
            row["n"],
            row["line"],
            row["code"],
            taken_over=row["other"],
        )
        for row in rows.order_by()
    ]
    ordered = sorted(_marked(found), key=_place)
    shown, rest = ordered[:MOST_GROUPS], ordered[MOST_GROUPS:]
    names = _names(task) if shown else {}
    shown = [replace(group, names=tuple(names.get(_key(group), ()))) for group in shown]
    if rest:
        words = ngettext("%d further different output", "%d further different outputs", len(rest)) % len(rest)
        shown.append(Group("", "", "", sum(group.count for group in rest), words, others=True))
    return shown


def group_hosts(task: Task, status: str, digest: str = "", reason: str = "") -> QuerySet[HostResult]:
    """Give the results of one group, in name order."""
    return _final(task).filter(status=status, output_id=digest or None, why=reason).order_by("host")


def group_diff(task: Task, digest: str) -> list[Line]:
    """Compare an output with the majority's: (" ", "-" only there, "+" only here; text). Four queries.

    Outputs too large to compare give one line that says so.
    """
    every = groups(task)
    majority = next((group for group in every if group.majority), None)
    mine = next((group for group in every if group.digest == digest), None)
    if majority is None or mine is None or majority.digest == digest:
        return []
    texts = dict(Output.objects.filter(pk__in=[majority.digest, digest]).values_list("pk", "text"))
    old, new = texts.get(majority.digest, ""), texts.get(digest, "")
    if any(len(text) > DIFF_CHARACTERS or text.count("\n") > DIFF_LINES for text in (old, new)):
        return [(" ", _("These outputs are too long to compare here; open the log of a server of each."))]
    return list(_diff(_lines(old, majority.rc), _lines(new, mine.rc)))


def _final(task: Task) -> QuerySet[HostResult]:
    why = Case(When(output__isnull=True, then=F("reason")), default=Value(""))
    return task.results.exclude(status__in=UNFINISHED).annotate(why=why)


def _names(task: Task) -> dict[tuple[str, str, str], list[str]]:
    number = Window(RowNumber(), partition_by=[F("status"), F("output_id"), F("why")], order_by="host")
    rows = _final(task).annotate(place=number).filter(place__lte=NAMES).order_by("host")
    found: dict[tuple[str, str, str], list[str]] = {}
    for status, output, why, host in rows.values_list("status", "output_id", "why", "host"):
        found.setdefault((status, output or "", why), []).append(host)
    return found


def _key(group: Group) -> tuple[str, str, str]:
    return group.status, group.digest, group.reason


def _place(group: Group) -> tuple[Any, ...]:
    rank = 0 if group.majority else 3 if group.status in LAST else 2 if group.status in SUCCESS else 1
    return rank, -group.count, group.status, group.line, group.digest


def _marked(found: list[Group]) -> list[Group]:
    """Mark the majority, if there is one: more than half of the final results, and not just one or two servers."""
    total = sum(group.count for group in found)
    return [replace(group, majority=group.count >= FEWEST and 2 * group.count > total) for group in found]


def _lines(text: str, rc: int | None) -> list[str]:
    return text.splitlines() + ([f"exit {rc}"] if rc is not None else [])


def _diff(old: list[str], new: list[str]) -> Iterator[Line]:
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=True)
    for kind, a1, a2, b1, b2 in matcher.get_opcodes():
        if kind == "equal":
            yield from _equal(old[a1:a2], first=a1 == 0, last=a2 == len(old))
            continue
        yield from (("-", line) for line in old[a1:a2])
        yield from (("+", line) for line in new[b1:b2])


def _equal(lines: list[str], *, first: bool, last: bool) -> Iterator[Line]:
    """Keep the equal lines next to a difference; what lies further away is counted."""
    head = [] if first else lines[:CONTEXT]
    tail = [] if last else lines[max(len(head), len(lines) - CONTEXT) :]
    between = len(lines) - len(head) - len(tail)
    yield from ((" ", line) for line in head)
    if between == 1:
        yield " ", lines[len(head)]
    elif between:
        yield " ", _("… %d equal lines …") % between
    yield from ((" ", line) for line in tail)
