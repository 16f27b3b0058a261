"""The catalogue of modules, and one module's page."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from rpcgate.catalog import Entry
from webui import access
from webui.catalog import catalog
from webui.modules import reads
from webui.modules.models import ModuleVersion, Place
from webui.servers.models import Engine, Idc
from webui.statuses import RISKS
from webui.tasks.models import Task
from webui.tasks.reads import chip, counts_of

TABS = ("about", "source", "versions", "runs")
RUNS_SHOWN = 5
PER_PAGE = 50


@require_GET
def modules(request: HttpRequest) -> HttpResponse:
    """List the module files: broken ones first with their fault, then the catalogue by category."""
    entries = catalog().entries()
    own = {entry.name for entry in catalog().folder.entries()}
    wanted = {name: request.GET.get(name, "").strip() for name in ("q", "risk", "engine")}
    shown = [entry for entry in entries if _matches(entry, wanted)]
    broken = [entry for entry in entries if entry.error]
    return render(
        request,
        "modules/list.html",
        {
            "folder": settings.MODULES_DIR.name,
            "files": len(own),
            "published": sum(entry.published for entry in entries),
            "any": bool(entries),
            "may_add": access.may_add_modules(request.user),
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
            "engines": reads.engine_words(entry),
            "last": runs.get(entry.name),
            "versions": len(reads.versions(entry, on_masters.get(entry.name, {}))),
        }
        found.setdefault(entry.category, []).append(row)
    return sorted(found.items(), key=lambda pair: (pair[0] == "", pair[0]))


@require_GET
def module(request: HttpRequest, name: str) -> HttpResponse:
    """Show one module in four tabs: what it does, its source, its versions, its runs."""
    entry, withdrawn = reads.found(name), catalog().get(name) is None
    if entry is None:
        raise Http404(_("There is no module %s.") % name[:80])
    tab = request.GET.get("tab", "about")
    tab = tab if tab in TABS else "about"
    if entry.error and tab != "versions":
        tab = "source"
    context: dict[str, Any] = {
        "entry": entry,
        "file": f"{settings.MODULES_DIR.name}/{entry.path.name}",
        "engines": reads.engine_words(entry),
        "tab": tab,
        "may_add": access.may_add_modules(request.user),
        "withdrawn": withdrawn,
        "may_run": not entry.error and not withdrawn and access.may_run(request.user, entry.risk),
    }
    context |= {"about": _about, "source": _source, "versions": _versions, "runs": _runs}[tab](request, entry)
    return render(request, "modules/module.html", context)


def _about(_request: HttpRequest, entry: Entry) -> dict[str, Any]:
    example = reads.example_of(entry.fields)
    words = ["manage.py", "task", "run", entry.name, "--on", "app=www"]
    words += [word for key, value in example.items() for word in ("-p", f"{key}={value}")]
    call = {"module": entry.name, "on": "app=www", "params": example}
    on_masters = reads.digests_on_masters().get(entry.name, {})
    stored = dict(ModuleVersion.objects.filter(name=entry.name).values_list("digest", "created_at"))
    return {
        "fields": [(field, reads.rule_of(field)) for field in entry.fields],
        "command": shlex.join(words),
        "call": f"POST /api/tasks {json.dumps(call, ensure_ascii=False)}",
        "versions": reads.versions(entry, on_masters, stored),
        "lacking": reads.lacking(entry, on_masters, _idcs_of(entry)),
        "idcs": _idcs_of(entry),
        "durations": reads.durations(entry.name),
        "tasks": task_rows(list(_tasks(entry)[:RUNS_SHOWN])),
    }


def _source(request: HttpRequest, entry: Entry) -> dict[str, Any]:
    asked = request.GET.get("version", entry.digest)
    if asked != entry.digest:
        row = get_object_or_404(ModuleVersion, name=entry.name, digest=asked)
        lines = bytes(row.source).decode("utf-8", "replace").splitlines()
        return {"lines": [reads.Line(n, line) for n, line in enumerate(lines, 1)], "shown": row.digest, "older": True}
    text = entry.source.decode("utf-8", "replace")
    lines = [reads.Line(n, line, n == entry.error_line) for n, line in enumerate(text.splitlines(), 1)]
    return {"lines": lines, "shown": entry.digest, "fault": reads.fault_of(entry) if entry.error else ""}


def _idcs_of(entry: Entry) -> list[str] | None:
    """Name the IDCs where a published version is current; None for a file of the folder."""
    if not entry.published:
        return None
    places = Place.objects.filter(version__name=entry.name, version__digest=entry.digest)
    return list(places.order_by("idc__name").values_list("idc__name", flat=True))


def _versions(_request: HttpRequest, entry: Entry) -> dict[str, Any]:
    on_masters = reads.digests_on_masters().get(entry.name, {})
    stored = reads.stored(entry.name, on_masters, entry.digest if entry.published else "")
    here = _idcs_of(entry)
    return {
        "stored": stored,
        "own": catalog().folder.get(entry.name),
        "base": entry.digest if entry.published else "",
        "idcs": here,
        "elsewhere": [idc for idc in Idc.objects.all() if idc.name not in (here or ())],
        "happened": reads.happened(entry.name),
    }


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
