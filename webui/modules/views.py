"""The catalogue of modules, and one module's page."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from rpcgate.catalog import Entry
from webui import access
from webui.catalog import catalog
from webui.modules import reads
from webui.servers.models import Engine
from webui.statuses import RISKS
from webui.tasks.models import Task
from webui.tasks.reads import chip, counts_of

TABS = ("about", "source", "runs")
RUNS_SHOWN = 5
PER_PAGE = 50


@require_GET
def modules(request: HttpRequest) -> HttpResponse:
    """List the module files: broken ones first with their fault, then the catalogue by category."""
    entries = catalog().entries()
    wanted = {name: request.GET.get(name, "").strip() for name in ("q", "risk", "engine")}
    shown = [entry for entry in entries if _matches(entry, wanted)]
    broken = [entry for entry in entries if entry.error]
    return render(
        request,
        "modules/list.html",
        {
            "folder": settings.MODULES_DIR.name,
            "files": len(entries),
            "loaded": len(entries) - len(broken),
            "broken": [{"entry": e, "fault": reads.fault_of(e), "lines": reads.lines_around(e)} for e in broken],
            "categories": _by_category(shown),
            "shown": len(shown),
            "wanted": wanted,
            "risks": [(name, look.word) for name, look in RISKS.items()],
            "engines": [choice for choice in Engine.choices if choice[0] in ("ssh", "ansible", "salt", "func")],
        },
    )


def _matches(entry: Entry, wanted: dict[str, str]) -> bool:
    words = (
        f"{entry.name} {entry.number or ''} {entry.title} {_(entry.title) if entry.title else ''} {entry.help}".lower()
    )
    return (
        all(word in words for word in wanted["q"].lower().split())
        and wanted["risk"] in ("", entry.risk)
        and (not wanted["engine"] or wanted["engine"] in entry.engines)
    )


def _by_category(entries: Sequence[Entry]) -> list[tuple[str, list[dict[str, Any]]]]:
    runs, on_masters = reads.last_runs(), reads.digests_on_masters()
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        row = {
            "entry": entry,
            "engines": engine_words(entry),
            "last": runs.get(entry.name),
            "versions": len(reads.versions(entry, on_masters.get(entry.name, {}))),
        }
        found.setdefault(entry.category, []).append(row)
    return sorted(found.items(), key=lambda pair: (pair[0] == "", pair[0]))


def engine_words(entry: Entry) -> str:
    """Say which engines a module works on."""
    if entry.portable:
        return _("Any")
    return ", ".join(str(dict(Engine.choices).get(name, name)) for name in entry.engines)


@require_GET
def module(request: HttpRequest, name: str) -> HttpResponse:
    """Show one module in three tabs: what it does, its source, its runs."""
    entry = catalog().get(name)
    if entry is None:
        raise Http404(_("There is no module %s.") % name[:80])
    tab = request.GET.get("tab", "about")
    tab = tab if tab in TABS and not entry.error else "source" if entry.error else "about"
    context: dict[str, Any] = {
        "entry": entry,
        "file": f"{settings.MODULES_DIR.name}/{entry.path.name}",
        "engines": engine_words(entry),
        "tab": tab,
        "may_run": not entry.error and access.may_run(request.user, entry.risk),
    }
    context |= {"about": _about, "source": _source, "runs": _runs}[tab](request, entry)
    return render(request, "modules/module.html", context)


def _about(_request: HttpRequest, entry: Entry) -> dict[str, Any]:
    example = reads.example_of(entry.fields)
    words = ["manage.py", "task", "run", entry.name, "--on", "app=www"]
    words += [word for key, value in example.items() for word in ("-p", f"{key}={value}")]
    call = {"module": entry.name, "on": "app=www", "params": example}
    versions = reads.versions(entry, reads.digests_on_masters().get(entry.name, {}))
    return {
        "fields": [(field, reads.rule_of(field)) for field in entry.fields],
        "command": shlex.join(words),
        "call": f"POST /api/tasks {json.dumps(call, ensure_ascii=False)}",
        "versions": versions,
        "behind": [name for version in versions if not version.current for name in version.masters],
        "durations": reads.durations(entry.name),
        "tasks": task_rows(list(_tasks(entry)[:RUNS_SHOWN])),
    }


def _source(_request: HttpRequest, entry: Entry) -> dict[str, Any]:
    text = entry.source.decode("utf-8", "replace")
    lines = [reads.Line(n, line, n == entry.error_line) for n, line in enumerate(text.splitlines(), 1)]
    return {"lines": lines, "fault": reads.fault_of(entry) if entry.error else ""}


def _runs(request: HttpRequest, entry: Entry) -> dict[str, Any]:
    page = Paginator(_tasks(entry), PER_PAGE).get_page(request.GET.get("page"))
    return {"page": page, "tasks": task_rows(list(page.object_list))}


def _tasks(entry: Entry) -> Any:  # noqa: ANN401  # a QuerySet of Task
    return Task.objects.filter(module=entry.name).select_related("created_by")


def task_rows(tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """Give each task with its counts and its chip. One query."""
    counts = counts_of(tasks)
    return [{"task": task, "counts": counts[task.pk], "chip": chip(task, counts[task.pk])} for task in tasks]


@require_GET
def download(_request: HttpRequest, name: str) -> HttpResponse:
    """Give a module's file as it is."""
    entry = catalog().get(name)
    if entry is None:
        raise Http404(_("There is no module %s.") % name[:80])
    response = HttpResponse(entry.source, content_type="text/x-python; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=entry.path.name)
    return response


@require_GET
def writing(request: HttpRequest) -> HttpResponse:
    """Say how to write a module, with a whole one to copy."""
    return render(request, "modules/writing.html", {"folder": settings.MODULES_DIR.name})
