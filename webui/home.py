"""The first page, search and help."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from webui.catalog import catalog
from webui.modules.views import task_rows
from webui.people.printed import still_printed
from webui.servers.idc_views import by_idc, servers_by_idc
from webui.servers.models import Idc, Master, Server
from webui.statuses import RESULTS
from webui.tasks.models import Task, Wave
from webui.tasks.reads import final, problems
from webui.templatetags.ui import duration, n

UNDER_WAY, FINISHED, FOUND = 20, 12, 20  # lines shown


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show what needs a person, what is under way, what ended today, and the masters."""
    now, mine = timezone.now(), request.GET.get("finished") == "mine"
    under_way = _under_way()
    idcs = by_idc(Idc.objects.prefetch_related("masters"), servers_by_idc())
    masters = [line for row in idcs for line in row["masters"] if line["state"] != "retired"]
    attention = [*_held(under_way), *_masters_in_need(masters, now)]
    context = {
        "under_way": under_way[:UNDER_WAY],
        "attention": attention,
        "printed_password": still_printed(request.user),
        "fact": _fact(len(under_way), sum(row["task"].state == Task.State.HELD for row in under_way)),
        "finished": _finished(request, mine=mine),
        "mine": mine,
        "idcs": idcs,
        "masters": len(masters),
        "healthy": sum(line["state"] == "healthy" for line in masters),
        "servers": sum(row["servers"] for row in idcs),
    }
    return render(request, "home/home.html", context)


def _under_way() -> list[dict[str, Any]]:
    tasks = Task.objects.exclude(state=Task.State.ENDED).select_related("created_by").order_by("-id")
    rows = task_rows(list(tasks[:200]))
    for row in rows:
        row["final"], row["problems"] = final(row["counts"]), problems(row["counts"])
    return rows


def _finished(request: HttpRequest, *, mine: bool) -> list[dict[str, Any]]:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    tasks = Task.objects.filter(state=Task.State.ENDED, ended_at__gte=midnight).select_related("created_by")
    if mine:
        tasks = tasks.filter(created_by=request.user)
    rows = task_rows(list(tasks.order_by("-ended_at")[:FINISHED]))
    for row in rows:
        task = row["task"]
        row["seconds"] = (task.ended_at - (task.started_at or task.created_at)).total_seconds()
    return rows


def _held(under_way: list[dict[str, Any]]) -> list[dict[str, Any]]:
    held = {row["task"].pk: row for row in under_way if row["task"].state == Task.State.HELD}
    waves = Wave.objects.filter(task__in=held, state=Wave.State.HELD).order_by("task", "number") if held else ()
    reasons = {wave.task_id: wave for wave in waves}
    lines = []
    for pk, row in held.items():
        left = row["counts"]["queued"]
        untouched = ngettext("%s server has not been touched.", "%s servers have not been touched.", left) % n(left)
        wave = reasons.get(pk)
        title = (
            _("%(title)s, wave %(n)d") % {"title": row["task"].title, "n": wave.number} if wave else row["task"].title
        )
        lines.append(
            {
                "kind": "held",
                "task": row["task"],
                "title": title,
                "why": f"{wave.reason if wave else ''} {untouched}".strip(),
            }
        )
    return lines


def _masters_in_need(masters: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    lines = []
    for line in masters:
        master: Master = line["master"]
        if line["state"] == "waiting":
            title = _("Master %s waits to be accepted") % master.name
            why = _("It gets no work until an admin has compared its fingerprint.")
            lines.append({"kind": "waiting", "master": master, "title": title, "why": why})
        elif line["state"] == "silent":
            lines.append(
                {
                    "kind": "silent",
                    "master": master,
                    "title": _silence(master, now),
                    "why": _after(master, masters, now),
                }
            )
    return lines


def _silence(master: Master, now: datetime) -> str:
    if master.last_seen is None:
        return _("Master %s has never reported") % master.name
    passed = duration(int((now - master.last_seen).total_seconds()))
    return _("Master %(name)s has not reported for %(time)s") % {"name": master.name, "time": passed}


def _after(master: Master, masters: list[dict[str, Any]], now: datetime) -> str:
    """Say what its silence means for the servers that wait there."""
    others = [m["master"].name for m in masters if m["master"].idc_id == master.idc_id and m["state"] == "healthy"]
    words = {"n": n(master.hosts_waiting), "others": ", ".join(others), "idc": master.idc.name}
    if not master.hosts_waiting:
        said = _("No server waits for it.")
    elif not others:
        return _("%(n)s servers wait; there is no other healthy master in %(idc)s.") % words
    else:
        ends = (master.last_seen or now) + timedelta(seconds=settings.LEASE_SECONDS)
        words["time"] = duration(max(0, int((ends - now).total_seconds())))
        said = _("%(n)s servers wait. Its lease ends in %(time)s; then they can go to %(others)s.") % words
        if ends <= now:
            said = _("%(n)s servers wait. Its lease has ended; they can go to %(others)s.") % words
    return f"{said} {master.trouble}".strip()


def _fact(under_way: int, held: int) -> str:
    """Say in one line how things stand."""
    if not under_way:
        return _("No task is under way.")
    said = ngettext("%s task is under way.", "%s tasks are under way.", under_way) % n(under_way)
    if held:
        said += " " + ngettext("%s of them is on hold.", "%s of them are on hold.", held) % n(held)
    return said


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Find servers, tasks and modules by a few letters or a task's number."""
    text = request.GET.get("q", "").strip()[:100]
    context: dict[str, Any] = {"search_text": text, "found": FOUND}
    if text:
        context |= {"servers": _servers(text), "tasks": _tasks(text), "modules": _modules(text)}
    return render(request, "home/search.html", context)


def _servers(text: str) -> list[Server]:
    found = Server.objects.filter(Q(name__icontains=text) | Q(address__icontains=text))
    return list(found.select_related("idc").order_by("name")[:FOUND])


def _tasks(text: str) -> list[dict[str, Any]]:
    number = text.removeprefix("#")
    wanted = Q(title__icontains=text) | Q(selector__icontains=text)
    if number.isascii() and number.isdecimal():
        wanted |= Q(pk=int(number[:15]))
    return task_rows(list(Task.objects.filter(wanted).select_related("created_by").order_by("-id")[:FOUND]))


def _modules(text: str) -> list[Any]:
    word = text.lower()
    entries = catalog().entries()
    return [
        e for e in entries if word in f"{e.name} {e.number or ''} {e.title} {_(e.title) if e.title else ''}".lower()
    ][:FOUND]


@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    """Explain states, keys and the selector language."""
    return render(request, "home/help.html", {"looks": RESULTS})
