"""Pages of tasks: the history, one task, its servers, one server's log."""

from typing import Any
from uuid import uuid4

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.dateparse import parse_date
from django.utils.text import get_valid_filename
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from webui.files import reads as file_reads
from webui.statuses import RESULTS
from webui.tasks import logs, parts, reads
from webui.tasks.digits import number
from webui.tasks.fallbacks import TAKEN_OVER
from webui.tasks.models import HostResult, Task

PAGE = 50
TAIL = 5000  # lines of one answer
ENDINGS = {"problems": parts.PROBLEMS, "good": ("ok", "changed"), "unfinished": ("running", "queued")}


@require_GET
def history(request: HttpRequest) -> HttpResponse:
    """List tasks, newest first; the filters stand in the address."""
    found = _filtered(Task.objects.select_related("created_by").defer("params", "selector"), request)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    counts = reads.counts_of(list(page.object_list))
    rows = [
        {
            "task": task,
            "counts": counts[task.pk],
            "chip": reads.chip(task, counts[task.pk]),
            "final": reads.final(counts[task.pk]),
            "problems": reads.problems(counts[task.pk]),
            "seconds": (task.ended_at - (task.started_at or task.created_at)).total_seconds()
            if task.ended_at
            else None,
        }
        for task in page.object_list
    ]
    modules = Task.objects.order_by("module").values_list("module", flat=True).distinct()
    people = Task.objects.order_by("created_by__username").values_list("created_by__username", flat=True).distinct()
    return render(
        request,
        "tasks/history.html",
        {
            "page": page,
            "rows": rows,
            "any": bool(rows) or Task.objects.exists(),
            "modules": modules,
            "people": [name for name in people if name],
            "states": Task.State.choices,
            "given": {name: request.GET.get(name, "") for name in FILTERS},
            "filters": [(name, request.GET[name]) for name in FILTERS if request.GET.get(name)],
        },
    )


@require_GET
def task(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one task; it stays current by live.task_stream."""
    found = get_object_or_404(Task.objects.select_related("created_by", "retry_of"), pk=pk)
    values = parts.context(request, found)
    return render(request, "tasks/task.html", values | {"icons": RESULTS.items(), "grid_words": _words()})


@require_GET
def group(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """Show what an opened group holds: how it differs from the majority, and its servers."""
    found = get_object_or_404(Task, pk=pk)
    row = parts.find_row(found, key)
    if row is None or row.group.others:
        raise Http404
    lines = [] if row.group.majority or not row.group.digest else reads.group_diff(found, row.group.digest)
    results = reads.group_hosts(found, row.group.status, row.group.digest, row.group.reason)
    return render(
        request,
        "tasks/group.html",
        {
            "task": found,
            "row": row,
            "token": uuid4().hex,
            "group": row.group,
            "lines": lines,
            "text": _shown(results) if not lines else "",
            "majority": next((one.count for one in reads.groups(found) if one.majority), 0),
            "idcs": sorted(set(results.order_by().values_list("idc_name", flat=True).distinct())),
            "ended": found.state == Task.State.ENDED,
            "again": row.group.status in parts.AGAIN,
            "may_act": parts.access.may_run(request.user, found.risk),
        },
    )


@require_GET
def hosts(request: HttpRequest, pk: int) -> HttpResponse:
    """List a task's servers; ?status= takes a status, problems, good or unfinished, ?group= a group's key.

    ?engine=other: those that another engine ran than their first.
    """
    found = get_object_or_404(Task, pk=pk)
    wanted, text, idc = (request.GET.get(name, "") for name in ("status", "q", "idc"))
    results: QuerySet[HostResult] = found.results.select_related("wave").order_by("host")
    if row := parts.find_row(found, request.GET.get("group", "")):
        chosen = reads.group_hosts(found, row.group.status, row.group.digest, row.group.reason)
        results = chosen.select_related("wave")
    if wanted:
        results = results.filter(status__in=ENDINGS.get(wanted, (wanted,)))
    if text:
        results = results.filter(Q(host__icontains=text) | Q(summary__icontains=text))
    if idc:
        results = results.filter(idc_name=idc)
    if other := request.GET.get("engine") == "other":
        results = results.filter(TAKEN_OVER)
    counts = reads.counts(found)
    return render(
        request,
        "tasks/hosts.html",
        {
            "task": found,
            "page": Paginator(results, 100).get_page(request.GET.get("page")),
            "counts": counts,
            "facets": [(name, look.word, counts[name]) for name, look in RESULTS.items()],
            "problems": reads.problems(counts),
            "wanted": wanted,
            "text": text,
            "other": other,
            "group": row,
            "chip": reads.chip(found, counts),
        },
    )


@require_GET
def host(request: HttpRequest, pk: int, host: str) -> HttpResponse:
    """Show one server's result: facts, log, and the problems before and after it."""
    result = _result(pk, host)
    neighbours = result.task.results.filter(status__in=parts.PROBLEMS) if result.status in parts.PROBLEMS else None
    around = neighbours if neighbours is not None else result.task.results.all()
    return render(
        request,
        "tasks/host.html",
        {
            "task": result.task,
            "token": uuid4().hex,
            "result": result,
            "previous": around.filter(host__lt=host).order_by("-host").values_list("host", flat=True).first(),
            "next": around.filter(host__gt=host).order_by("host").values_list("host", flat=True).first(),
            "among_problems": neighbours is not None,
            "same": _same(result),
            "kept": file_reads.kept(result.task).filter(result=result).first(),
            "end": logs.end(result),
            "may_act": parts.access.may_run(request.user, result.task.risk),
        },
    )


@require_GET
def host_log(request: HttpRequest, pk: int, host: str) -> JsonResponse:  # a view's signature
    """Give the last lines of a server's log, or the last ones before a number (?before=)."""
    lines, before = (number(request.GET.get(name, "")) for name in ("tail", "before"))
    return JsonResponse(logs.tail(_result(pk, host), TAIL if lines is None else min(lines, TAIL), before))


@require_GET
def host_facts(request: HttpRequest, pk: int, host: str) -> JsonResponse:  # a view's signature
    """Give the short facts of a cell's tooltip."""
    return JsonResponse({"facts": logs.facts(_result(pk, host))})


@require_GET
def host_raw(request: HttpRequest, pk: int, host: str) -> HttpResponse:  # a view's signature
    """Give the log as it was stored, as a file: its bytes are never shown by a browser."""
    result = _result(pk, host)
    response = HttpResponse("".join(logs.raw(result)), content_type="text/plain; charset=utf-8")
    name = get_valid_filename(f"task-{pk}-{result.host}.log")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _words() -> dict[str, str]:
    """Give the words that the grid's script says."""
    return {name: str(look.word) for name, look in RESULTS.items()} | {"none": _("There is no problem.")}


def _filtered(tasks: QuerySet[Task], request: HttpRequest) -> QuerySet[Task]:
    for name, narrow in FILTERS.items():
        if value := request.GET.get(name, "").strip():
            tasks = narrow(tasks, value)
    return tasks


def _by_result(tasks: QuerySet[Task], value: str) -> QuerySet[Task]:
    ended = tasks.filter(state=Task.State.ENDED)
    if value == "cancelled":
        return ended.filter(cancel_at__isnull=False)
    wanted = parts.PROBLEMS if value == "problems" else (value,) if value in parts.PROBLEMS else None
    bad = HostResult.objects.filter(status__in=wanted or parts.PROBLEMS).values("task")
    return ended.filter(pk__in=bad) if wanted else ended.filter(cancel_at__isnull=True).exclude(pk__in=bad)


def _by_text(tasks: QuerySet[Task], value: str) -> QuerySet[Task]:
    wanted = number(value.lstrip("#"))
    if wanted is not None:
        return tasks.filter(Q(pk=wanted) | Q(title__icontains=value))
    return tasks.filter(Q(title__icontains=value) | Q(module__icontains=value) | Q(selector__icontains=value))


def _since(tasks: QuerySet[Task], value: str) -> QuerySet[Task]:
    day = _day(value)
    return tasks.filter(created_at__date__gte=day) if day else tasks


def _until(tasks: QuerySet[Task], value: str) -> QuerySet[Task]:
    day = _day(value)
    return tasks.filter(created_at__date__lte=day) if day else tasks


def _day(value: str) -> Any:  # noqa: ANN401  # a date or None
    try:
        return localtime().date() if value == "today" else parse_date(value)
    except ValueError:
        return None


def _result(pk: int, host: str) -> HostResult:
    return get_object_or_404(HostResult.objects.select_related("task", "output", "wave"), task=pk, host=host)


def _same(result: HostResult) -> int:
    """Count the servers that said the same."""
    if result.output_id is None:
        return 0
    return result.task.results.filter(status=result.status, output=result.output_id).count()


def _shown(results: QuerySet[HostResult]) -> str:
    """Give the first lines of what a group's servers said."""
    first = results.select_related("output").first()
    if first is None or first.output is None:
        return first.reason if first else ""
    lines = first.output.text[:20_000].split("\n")
    more = len(lines) > 60 or len(first.output.text) > 20_000
    return "\n".join(lines[:60]) + ("\n…" if more else "")


FILTERS = {
    "module": lambda tasks, value: tasks.filter(module=value),
    "person": lambda tasks, value: tasks.filter(created_by__username=value),
    "state": lambda tasks, value: tasks.filter(state=value),
    "result": _by_result,
    "from": _since,
    "to": _until,
    "q": _by_text,
}
