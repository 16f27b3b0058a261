"""Why servers wait: one entry for each cause; the numbers sum to the queued ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webui.language import sentences
from webui.modules.delivery import reach
from webui.servers.models import Master
from webui.tasks.digits import number
from webui.tasks.fleet import is_healthy, seen, why_unfit
from webui.tasks.models import HostStatus, Job, Task, Wave
from webui.templatetags.ui import task_title


@dataclass(frozen=True, slots=True)
class Cause:
    """Why `count` servers wait.

    code: "wave", "held", "no_master", "masters", "engine", "sending", "silent", "queue", "turn" or "cancelling".
    master: its name where there is one. behind: the task before it in that master's queue, with its title.
    """

    code: str
    count: int
    sentence: str
    detail: str = ""
    idc: str = ""
    master: str = ""
    behind: int | None = None
    behind_title: str = ""


def waiting(task: Task) -> list[Cause]:
    """Give the causes, largest first; empty when nothing waits. At most five queries."""
    queued = task.results.filter(status=HostStatus.QUEUED).order_by()
    rows = _folded(queued.values("wave__state", "wave__number", "idc_name", "job_id", "reason").annotate(n=Count("pk")))
    if not rows:
        return []
    jobs = {job.pk: job for job in task.jobs.select_related("master", "idc").filter(pk__in=_ids(rows))}
    titles = _titles(jobs.values())
    masters = _masters(rows)
    sealed = set(task.secrets.values_list("master_id", flat=True)) if task.secret_names else set()
    reached = reach(task.module, task.digest, [master for known in masters.values() for master in known])
    causes = [
        _with_job(row, jobs[row["job_id"]], titles)
        if row["job_id"] in jobs
        else _without_job(
            task, row, masters.get(row["idc_name"], []), lambda one: why_unfit(one, task, sealed, reached)
        )
        for row in rows
    ]
    return sorted(_merged(causes), key=lambda cause: -cause.count)


def _folded(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put together the rows of a wave whose turn has not come: where its servers stand does not matter yet."""
    found: list[dict[str, Any]] = []
    later: dict[int, dict[str, Any]] = {}
    for row in rows:
        if row["job_id"] or row["wave__state"] == Wave.State.RELEASED:
            found.append(row)
        elif (first := later.setdefault(row["wave__number"], row)) is not row:
            first["n"] += row["n"]
    return [*found, *later.values()]


def _ids(rows: Iterable[dict[str, Any]]) -> list[Any]:
    return [row["job_id"] for row in rows if row["job_id"]]


def _titles(jobs: Iterable[Job]) -> dict[str, str]:
    wanted = {job.behind for job in jobs if number(job.behind) is not None}
    return (
        {str(pk): title for pk, title in Task.objects.filter(pk__in=wanted).values_list("pk", "title")}
        if wanted
        else {}
    )


def _masters(rows: Iterable[dict[str, Any]]) -> dict[str, list[Master]]:
    idcs = {row["idc_name"] for row in rows if not row["job_id"] and row["wave__state"] == Wave.State.RELEASED}
    found: dict[str, list[Master]] = {}
    accepted = Master.objects.filter(state=Master.State.ACCEPTED, idc__name__in=idcs).select_related("idc")
    for master in accepted.defer("bundle") if idcs else ():
        found.setdefault(master.idc.name, []).append(master)
    return found


def _without_job(task: Task, row: dict[str, Any], masters: list[Master], unfit: Callable[[Master], str]) -> Cause:
    count, idc, number = row["n"], row["idc_name"], row["wave__number"]
    if row["wave__state"] != Wave.State.RELEASED:
        return _later(task, count, number)
    if not masters:
        sentence = _("%(n)s in %(idc)s: no master is accepted there") % {"n": f"{count:,}", "idc": idc}
        return Cause("no_master", count, sentence, _("They begin when an admin has accepted one."), idc)
    if row["reason"]:  # written where no fit master has an engine for them
        sentence = _("%(n)s in %(idc)s: no master can drive them") % {"n": f"{count:,}", "idc": idc}
        return Cause("engine", count, sentence, row["reason"], idc)
    reasons = [reason for reason in map(unfit, masters) if reason]
    if len(reasons) < len(masters):
        fit = ", ".join(master.name for master in masters if not unfit(master))
        sentence = _("%(n)s in %(idc)s: to be handed to %(master)s") % {"n": f"{count:,}", "idc": idc, "master": fit}
        return Cause("sending", count, sentence, "", idc, fit)
    names = ", ".join(master.name for master in masters)
    silent = not any(is_healthy(master) for master in masters)
    text = (
        ngettext(
            "%(n)s in %(idc)s: master %(master)s is silent",
            "%(n)s in %(idc)s: masters %(master)s are silent",
            len(masters),
        )
        if silent
        else _("%(n)s in %(idc)s: %(master)s cannot take this task")
    )
    words = {"n": f"{count:,}", "idc": idc, "master": names}
    detail = seen(masters[0]) if silent and len(masters) == 1 else sentences(*reasons)
    return Cause("masters", count, text % words, detail, idc, names)


def _later(task: Task, count: int, number: int) -> Cause:
    words = {"n": f"{count:,}", "wave": number, "before": number - 1}
    if task.state == Task.State.HELD:
        return Cause("held", count, _("%(n)s in wave %(wave)d: a person must decide") % words)
    text = ngettext("%(n)s waits for wave %(wave)d", "%(n)s wait for wave %(wave)d", count)
    detail = _("It begins when wave %(before)d has ended well.") % words if number > 1 else ""
    return Cause("wave", count, text % words, detail)


def _with_job(row: dict[str, Any], job: Job, titles: dict[str, str]) -> Cause:
    count, master = row["n"], job.master
    words = {"n": f"{count:,}", "idc": row["idc_name"], "master": master.name, "place": _place(job.position)}
    known = {"idc": row["idc_name"], "master": master.name}
    if not is_healthy(master):
        sentence = _("%(n)s in %(idc)s: master %(master)s is silent") % words
        return Cause("silent", count, sentence, sentences(seen(master), _lease(master)), **known)
    if job.state == Job.State.CANCELLING:
        return Cause("cancelling", count, _("%(n)s in %(idc)s: %(master)s is told to cancel them") % words, **known)
    if job.state == Job.State.NEW:
        return Cause("sending", count, _("%(n)s in %(idc)s: to be sent to %(master)s") % words, job.reason, **known)
    if job.state == Job.State.QUEUED:
        sentence = _("%(n)s in %(idc)s: %(place)s in the queue of %(master)s") % words
        behind = int(job.behind) if job.behind in titles else None
        title = task_title(titles.get(job.behind, ""))
        detail = _("Behind %(title)s #%(task)d.") % {"title": title, "task": behind} if behind else ""
        return Cause("queue", count, sentence, detail, behind=behind, behind_title=title, **known)
    return Cause("turn", count, _("%(n)s in %(idc)s: %(master)s takes them in turn") % words, **known)


def _place(position: int) -> str:
    words = {0: _("next"), 1: _("first"), 2: _("second"), 3: _("third")}
    return words.get(position) or _("number %d") % position


def _lease(master: Master) -> str:
    """Say when a silent master's servers are given up."""
    if master.last_seen is None:
        return ""
    left = (master.last_seen + timedelta(seconds=settings.LEASE_SECONDS) - timezone.now()).total_seconds()
    return _("Its lease ends in %d s.") % left if left > 0 else _("Its lease has ended.")


def _merged(causes: Iterable[Cause]) -> list[Cause]:
    """Put together what reads the same but for the number: parts of one wave, jobs of one master."""
    found: dict[tuple[Any, ...], list[Cause]] = {}
    for cause in causes:
        number = f"{cause.count:,}"
        key = (cause.code, cause.sentence.removeprefix(number), cause.detail, cause.behind)
        found.setdefault(key, []).append(cause)
    return [_sum(same) for same in found.values()]


def _sum(same: list[Cause]) -> Cause:
    first = same[0]
    total = sum(cause.count for cause in same)
    rest = first.sentence.removeprefix(f"{first.count:,}")
    sentence = f"{total:,}{rest}" if rest != first.sentence else first.sentence
    return Cause(first.code, total, sentence, first.detail, first.idc, first.master, first.behind, first.behind_title)
