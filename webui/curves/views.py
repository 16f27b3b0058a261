"""Fragments that pages fetch into their slots: before and after tasks, and the product on the first page."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from analytics.models import Dataset
from analytics.spans import span_of
from analytics.store.errors import StoreError
from sdk import ParamError
from sdk.report import NotSupported
from webui.curves import product, words
from webui.curves.asked import Effects, Only, effects_of, hours_of
from webui.curves.marks import Axis, Mark
from webui.curves.waiting import by_line_soon
from webui.reports.answering import Line, Trouble, trouble
from webui.reports.ask import Ask, read, usual_dataset
from webui.tasks.models import Task

REFUSED = (ParamError, NotSupported, StoreError)


@require_GET
async def effects(request: HttpRequest) -> HttpResponse:
    """Give the table of a range's tasks: before, after, beyond usual; ?d= and the rest of a report's address."""
    asked = await sync_to_async(_tasks)(request)
    if isinstance(asked, Trouble):
        return await _troubled(request, asked, _("Before and after each task"))
    ask, hours, axis, marks = asked
    ended = [mark for mark in marks if mark.end is not None]
    found = await by_line_soon(request, lambda line: _effects(ask, ended, hours, line))
    if isinstance(found, Trouble):
        return await _troubled(request, found, _("Before and after each task"))
    return await sync_to_async(_effects_card)(request, axis, hours, marks, found)


def _tasks(request: HttpRequest) -> tuple[Ask, int, Axis, list[Mark]] | Trouble:
    """Read what is asked, and find the tasks of its range."""
    try:
        ask, hours = read("overview", request.GET, usual_dataset()), hours_of(request.GET.get("hours", ""))
        span = _span(ask)
    except REFUSED as error:
        return trouble(error)
    except Http404:
        return _gone(request)
    axis = Axis(ask)
    return ask, hours, axis, [mark for mark in axis(*span) if mark.kind == "task"]


def _span(ask: Ask) -> tuple[int, int]:
    if not ask.dataset.version:
        raise NotSupported(_("%s has no rows yet") % ask.dataset.name)
    span = span_of(ask.dataset.as_core(), *ask.range)
    return span.low, span.high


def _effects(ask: Ask, marks: Sequence[Mark], hours: int, line: Line) -> Effects | Trouble:
    only = Only(ask.where, ask.users, _span(ask))
    try:
        return effects_of(ask.dataset.as_core(), [(mark.ts, mark.end or 0) for mark in marks], hours, line, only)
    except REFUSED as error:
        return trouble(error)


def _effects_card(request: HttpRequest, axis: Axis, hours: int, marks: Sequence[Mark], found: Effects) -> HttpResponse:
    core = axis.ask.dataset.as_core()
    by_task = dict(zip((mark.pk for mark in marks if mark.end is not None), found.found, strict=True))
    rows = []
    for mark in marks:
        effect = by_task.get(mark.pk)
        why = words.lacking(effect, core) if effect else _("It has not ended.")
        rows.append({"mark": mark, "line": words.line(effect, "pv") if effect and not why else None, "lacking": why})
    within = [
        f"{mark.label} ({words.line(effect, 'pv').spread})"
        for mark in marks
        if (effect := by_task.get(mark.pk)) and effect.moved("pv").within
    ]
    context = {
        "rows": rows,
        "hours": ngettext("%s hour each side", "%s hours each side", hours) % hours,
        "within": within,
        "axis": axis,
        **_provenance(found),
    }
    return render(request, "curves/effects.html", context)


@require_GET
async def task_effect(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the before and after card of a task for one dataset, ?d=; ?hours= on each side."""
    asked = await sync_to_async(_task)(request, pk)
    if isinstance(asked, Trouble):
        return await _troubled(request, asked, _("Before and after"))
    task, dataset, moment, hours = asked
    core = dataset.as_core()
    found = await by_line_soon(request, lambda line: _effect(core, moment, hours, line))
    if isinstance(found, Trouble):
        return await _troubled(request, found, _("Before and after"))
    (effect,) = found.found
    context = {
        "task": task,
        "dataset": dataset,
        "zone": core.zone,
        "hours": hours,
        "lacking": words.lacking(effect, core),
        "lines": words.lines(effect) if not effect.lacking else [],
        "sentence": words.sentence(effect) if not effect.lacking else "",
        "basis": words.basis(effect, hours),
        "before": words.span(core, *effect.sides.before),
        "after": words.span(core, *effect.sides.after),
        **_provenance(found),
    }
    return await sync_to_async(render)(request, "curves/task_effect.html", context)


def _task(request: HttpRequest, pk: int) -> tuple[Task, Dataset, tuple[int, int], int] | Trouble:
    task = get_object_or_404(Task.objects.only("pk", "started_at", "ended_at"), pk=pk)
    dataset = Dataset.objects.filter(name=request.GET.get("d", ""), version__gt=0).first()
    if task.started_at is None or task.ended_at is None:
        raise Http404
    if dataset is None:
        return _gone(request)
    try:
        hours = hours_of(request.GET.get("hours", ""))
    except ParamError as error:
        return trouble(error)
    return task, dataset, (int(task.started_at.timestamp()), int(task.ended_at.timestamp())), hours


def _effect(core: Any, moment: tuple[int, int], hours: int, line: Line) -> Effects | Trouble:  # noqa: ANN401  # core.Dataset
    try:
        return effects_of(core, [moment], hours, line)
    except REFUSED as error:
        return trouble(error)


@require_GET
async def today(request: HttpRequest) -> HttpResponse:
    """Give the product card of the first page, ?d=."""
    found = await sync_to_async(product.prepared)(request.GET.get("d", ""), request.GET.get("tasks", ""))
    if found is None:
        return await _troubled(request, _gone(request), _("The product"))
    figures = await by_line_soon(request, lambda line: product.asked(found, line))
    if isinstance(figures, Trouble):
        return await _troubled(request, figures, found.dataset.name)
    return await sync_to_async(lambda: render(request, "curves/today.html", product.context(found, figures)))()


def _gone(request: HttpRequest) -> Trouble:
    """Say that a card's dataset is not there: it was removed while the page was open."""
    name = request.GET.get("d", "")[:60] or _("The dataset")
    return Trouble(404, _("This dataset is not there"), _("%s was removed, or has too few rows yet.") % name)


async def _troubled(request: HttpRequest, why: Trouble, title: str) -> HttpResponse:
    return await sync_to_async(render)(
        request, "curves/trouble.html", {"trouble": why, "title": title}, status=why.status
    )


def _provenance(found: Effects) -> dict[str, Any]:
    return {"seconds": found.seconds, "computed": datetime.fromtimestamp(found.at, UTC)}
