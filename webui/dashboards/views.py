"""The pages of dashboards: the list, and one dashboard to read or to edit."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from analytics import catalog
from analytics.models import Dataset
from sdk import ParamError
from sdk.report import NotSupported
from webui import access
from webui.curves.marks import Axis
from webui.dashboards import boards, cards, segments, state, strip, words
from webui.dashboards.boards import Board
from webui.dashboards.content import OneCard
from webui.dashboards.models import WIDTHS, Card
from webui.reports import filters, numbers, range_bar
from webui.reports.ask import Ask
from webui.reports.said import fault


@require_GET
def dashboards(request: HttpRequest) -> HttpResponse:
    """List the dashboards that the person may see, by dataset; of each dataset its own overview first."""
    found = boards.listed(request.user)
    datasets = {row.name: row for row in Dataset.objects.all()}
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in datasets}
    for board in found:
        groups.setdefault(board.dataset, []).append(
            {"board": board, "mine": board.row is not None and board.row.owner_id == request.user.pk}
        )
    context = {
        "groups": [(name, datasets.get(name), lines) for name, lines in groups.items()],
        "count": len(found),
        "can_write": access.may_write_dashboards(request.user),
        "can_import": access.may_change_datasets(request.user),
        "there_are_datasets": bool(datasets),
    }
    return render(request, "dashboards/list.html", context)


@require_GET
def dashboard(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a dashboard; with edit=1 it can be changed."""
    board = boards.find(slug, request.user)
    dataset = Dataset.objects.filter(name=board.dataset).first()
    if dataset is None:
        return render(request, "dashboards/gone.html", {"board": board, **rights(request, board)})
    query = segments.asked(request, dataset.name) or filters.added(request.GET)
    if query:
        return redirect(f"{request.path}?{query.urlencode(safe=':,/=!<>|')}")
    try:
        ask, faults = state.read(request.GET, dataset, board.content), []
    except ParamError as error:
        ask = state.read(type(request.GET)(), dataset, board.content)
        faults = [fault(one) for one in error.faults.values()]
    return render(
        request, "dashboards/dashboard.html", page(request, board, ask, faults), status=400 if faults else 200
    )


def page(request: HttpRequest, board: Board, ask: Ask, faults: list[str]) -> dict[str, Any]:
    """Give what the page of a dashboard shows."""
    may = rights(request, board)
    editing = may["can_change"] and request.GET.get("edit") == "1"
    axis, lines = marked(ask)
    query = ask.query()
    return {
        "board": board,
        "dataset": ask.dataset,
        "ask": ask,
        "faults": faults,
        "cards": cards.shown(board, ask),
        "marks": lines,
        "axis": axis,
        "figure_urls": [(group, f"{reverse('dashboard-figures', args=[group])}?{query}") for group in strip.GROUPS],
        "unusual_url": f"{reverse('dashboard-unusual')}?{query}",
        "facts": words.facts(ask.dataset, timezone.now()),
        "link": request.build_absolute_uri(f"{request.path}?{query}"),
        "editing": editing,
        **(_editor(ask) if editing else {}),
        **may,
    }


def _editor(ask: Ask) -> dict[str, Any]:
    """Give what edit mode offers: each report as a new card, and the cards of other kinds."""
    kinds = [kind for kind in Card.Kind.values if kind != Card.Kind.REPORT]
    plain = [*(OneCard(report=name) for name in catalog.names()), *(OneCard(kind=kind, width=6) for kind in kinds)]
    new = [cards.one(card, ask) for card in plain]
    return {
        "range_words": range_bar.range_words(ask),
        "chips": filters.chips(ask),
        "offered": sorted(((card.content.report or card.kind, card.title) for card in new), key=lambda one: one[1]),
        "new_cards": new,
        "widths": [(sixths, words.width(sixths)) for sixths in WIDTHS],
    }


def rights(request: HttpRequest, board: Board) -> dict[str, Any]:
    """Give what the person may do with a dashboard."""
    return {
        "can_write": access.may_write_dashboards(request.user),
        "can_change": boards.may_change(request.user, board.row),
        "mine": board.row is not None and board.row.owner_id == request.user.pk,
    }


def marked(ask: Ask) -> tuple[Axis, list[dict[str, Any]]]:
    """Give the time axis of the range, and each of its marks with its local time; none where the range has no data."""
    axis, core = Axis(ask), ask.dataset.as_core()
    try:
        span = cards.span(ask)
    except (ParamError, NotSupported):
        return axis, []
    return axis, [{"mark": mark, "when": numbers.moment(core, mark.ts)} for mark in axis(span.low, span.high)]
