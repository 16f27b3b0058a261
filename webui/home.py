"""The first page, search and help."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from webui import attention
from webui.catalog import catalog
from webui.language import sentences
from webui.modules.views import task_rows
from webui.people.printed import still_printed
from webui.servers.idc_views import by_idc
from webui.servers.models import Idc, Server
from webui.statuses import RESULTS
from webui.tasks.models import Task
from webui.tasks.reads import final, problems
from webui.templatetags.ui import n

UNDER_WAY, FINISHED, FOUND = 20, 12, 20  # lines shown
RECENTLY = timedelta(hours=24)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show what needs a person, what is under way, what ended in the last 24 hours, and the masters."""
    now, mine = timezone.now(), request.GET.get("finished") == "mine"
    under_way = _under_way()
    use = _use()
    servers: Counter[int] = Counter()
    for (idc, _engine), number in use.items():
        servers[idc] += number
    idcs = by_idc(Idc.objects.prefetch_related("masters"), servers)
    masters = [line for row in idcs for line in row["masters"] if line["state"] != "retired"]
    context = {
        "under_way": under_way[:UNDER_WAY],
        "attention": attention.lines(under_way, masters, use, catalog().entries(), now),
        "printed_password": still_printed(request.user),
        "fact": _fact(len(under_way), sum(row["task"].state == Task.State.HELD for row in under_way)),
        "finished": _finished(request, mine=mine),
        "mine": mine,
        "idcs": idcs,
        "masters": len(masters),
        "healthy": sum(line["state"] == "healthy" for line in masters),
        "servers": servers.total(),
    }
    return render(request, "home/home.html", context)


def _use() -> dict[tuple[int, str], int]:
    """Count the servers by IDC and engine. One query."""
    rows = Server.objects.order_by().values_list("idc", "engine").annotate(n=Count("pk"))
    return {(idc, engine): number for idc, engine, number in rows}


def _under_way() -> list[dict[str, Any]]:
    tasks = Task.objects.exclude(state=Task.State.ENDED).select_related("created_by").order_by("-id")
    rows = task_rows(list(tasks[:200]))
    for row in rows:
        row["final"], row["problems"] = final(row["counts"]), problems(row["counts"])
    return rows


def _finished(request: HttpRequest, *, mine: bool) -> list[dict[str, Any]]:
    # the last 24 hours and not today: who is on call at half past midnight wants the evening
    since = timezone.now() - RECENTLY
    tasks = Task.objects.filter(state=Task.State.ENDED, ended_at__gte=since).select_related("created_by")
    if mine:
        tasks = tasks.filter(created_by=request.user)
    rows = task_rows(list(tasks.order_by("-ended_at")[:FINISHED]))
    for row in rows:
        task = row["task"]
        row["seconds"] = (task.ended_at - (task.started_at or task.created_at)).total_seconds()
    return rows


def _fact(under_way: int, held: int) -> str:
    """Say in one line how things stand."""
    if not under_way:
        return _("No task is under way.")
    said = ngettext("%s task is under way.", "%s tasks are under way.", under_way) % n(under_way)
    on_hold = ngettext("%s of them is on hold.", "%s of them are on hold.", held) % n(held) if held else ""
    return sentences(said, on_hold)


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
