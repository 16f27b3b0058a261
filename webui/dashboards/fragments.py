"""Fragments that a dashboard fetches: its main figures, and what is unusual. Whatever goes wrong stays in them."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from analytics.store.errors import StoreError
from sdk import ParamError
from sdk.report import NotSupported
from webui.dashboards import flag, state, strip
from webui.reports import ask as asking
from webui.reports.answering import Line, Trouble, trouble
from webui.reports.ask import Ask
from webui.reports.later import by_line


@require_GET
async def figures(request: HttpRequest, group: str) -> HttpResponse:
    """Give a group of the main figures."""
    if group not in strip.GROUPS:
        raise Http404
    found = await _found(request, lambda ask, line: strip.figures(group, ask, line))
    return await sync_to_async(_shown)(request, "dashboards/parts/figures.html", found, group=group)


@require_GET
async def unusual(request: HttpRequest) -> HttpResponse:
    """Give the box of what is unusual."""
    found = await _found(request, flag.flag)
    return await sync_to_async(_shown)(request, "dashboards/parts/flag.html", found)


async def _found(request: HttpRequest, work: Callable[[Ask, Line], Any]) -> Any:  # noqa: ANN401  # or a Trouble
    """Do the work in a thread of its own, ended when the browser leaves."""
    try:
        ask = await sync_to_async(asking.read)(state.PLAIN, request.GET)
    except ParamError as error:
        return trouble(error)

    def one(line: Line) -> Any:  # noqa: ANN401  # what the work gives
        try:
            if not ask.dataset.version:
                raise NotSupported(_("%s has no rows yet") % ask.dataset.name)
            return work(ask, line)
        except (ParamError, NotSupported, StoreError) as error:
            return trouble(error)

    return await by_line(request, one)


def _shown(request: HttpRequest, template: str, found: Any, **more: Any) -> HttpResponse:  # noqa: ANN401  # or a Trouble
    if isinstance(found, Trouble):
        return render(request, "dashboards/parts/trouble.html", {"trouble": found}, status=found.status)
    return render(request, template, {"found": found, **more})
