"""Pages and acts that write dashboards: add, save, copy, share, delete, and put a report onto one."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from analytics.models import Dataset
from sdk import ParamError
from webui import access
from webui.by import by_of
from webui.dashboards import boards, cards, overview, services, state, words
from webui.dashboards.boards import Board
from webui.dashboards.content import Content, OneCard, read_cards
from webui.dashboards.forms import CardForm, DashboardForm
from webui.dashboards.models import WIDTHS, Card
from webui.language import sentences
from webui.reports import ask as asking
from webui.reports.ask import Ask
from webui.reports.said import fault
from webui.servers.services import Conflict, Refused


def add(request: HttpRequest) -> HttpResponse:
    """Make a dashboard of one's own, empty or with the cards of the dataset's overview."""
    access.require_dashboards(request.user)
    form = DashboardForm(request.POST or None, initial={"dataset": request.GET.get("d", ""), "start": "overview"})
    if request.method == "POST" and form.is_valid():
        dataset = form.cleaned_data["dataset"].name
        plain = overview.overview(dataset) if form.cleaned_data["start"] == "overview" else Content(title="-")
        try:
            content = plain.but(title=form.cleaned_data["title"])
            row = services.create(by_of(request), dataset, content, shared=form.cleaned_data["shared"])
        except (ValidationError, Refused) as error:
            form.add_error("title", _reasons(error))
        else:
            return redirect(_address(row.slug, edit=True))
    return render(request, "dashboards/form.html", {"form": form})


@require_POST
def save(request: HttpRequest, slug: str) -> HttpResponse:
    """Save what the page in edit mode holds; where somebody else saved meanwhile, show both and ask."""
    board, ask = _asked(request, slug)
    try:
        content = state.into(board.content, ask).but(
            title=request.POST.get("title", ""), cards=read_cards(request.POST.get("cards", ""))
        )
        services.save(by_of(request), board, content, _number(request.POST.get("seen", "")))
    except Conflict as error:
        now = boards.find(slug, request.user)
        return render(request, "dashboards/conflict.html", _both(request, now, content, ask, error), status=409)
    except ValidationError as error:
        back = _("Go back: what you had changed is still there.")
        return _refused(request, board, _("Nothing was saved"), [*_reasons(error), back])
    messages.success(request, _("“%s” is saved.") % content.title)
    return redirect("dashboard", slug)


@require_POST
def copy(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a dashboard of one's own from one that one sees, as it is shown now."""
    board, ask = _asked(request, slug)
    try:
        row = services.copy(by_of(request), board, state.into(board.content, ask))
    except (ValidationError, Refused) as error:
        return _refused(request, board, _("Nothing was copied"), _reasons(error))
    messages.success(request, _("This is your own copy. Only you see it until you share it."))
    return redirect(_address(row.slug, edit=True))


@require_POST
def share(request: HttpRequest, slug: str) -> HttpResponse:
    """Let everybody who is signed in see a dashboard, or only its owner."""
    board = boards.find(slug, request.user)
    if board.row is None or board.row.standard:
        raise Http404(_("A dataset's overview is always shared."))
    wanted = request.POST.get("shared") == "1"
    services.share(by_of(request), board.row, shared=wanted)
    said = _("Everybody who is signed in may see it now.") if wanted else _("Only its owner may see it now.")
    messages.success(request, said)
    return redirect(f"{reverse('dashboard', args=[slug])}?{request.POST.get('query', '')}")


@require_POST
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Remove a dashboard; a dataset's overview is then as it was before anybody changed it."""
    board = boards.find(slug, request.user)
    if board.row is None:
        raise Http404(_("Nobody has changed this overview: there is nothing to reset."))
    services.delete(by_of(request), board.row)
    if board.row.standard:
        messages.success(request, _("The overview is as it was before anybody changed it."))
        return redirect("dashboard", slug)
    messages.success(request, _("“%s” is deleted.") % board.content.title)
    return redirect("dashboards")


def card_add(request: HttpRequest, report: str = "") -> HttpResponse:
    """Put a report with its present settings onto a dashboard: GET asks which, POST saves."""
    access.require_dashboards(request.user)
    query = request.GET.copy()
    name = report or query.get("report", "")
    query.pop("report", None)
    try:
        ask = asking.read(name, query)
    except ParamError as error:
        raise Http404(sentences(*map(fault, error.faults.values()))) from None
    offered = [one for one in boards.listed(request.user) if one.dataset == ask.dataset.name]
    offered = [one for one in offered if boards.may_change(request.user, one.row)]
    plain = {"title": cards.title(OneCard(report=name)), "width": 3, "dashboard": offered[0].slug if offered else ""}
    form = CardForm(offered, request.POST or None, initial=plain)
    if request.method == "POST" and form.is_valid():
        try:
            return _put(request, form, ask)
        except ValidationError as error:
            form.add_error("title", error)
        except Refused as error:
            form.add_error("dashboard" if form.cleaned_data["dashboard"] else "new_title", str(error))
    settings = [(name, ", ".join(v) if isinstance(v, tuple) else v) for name, v in sorted(ask.params.items())]
    context = {"form": form, "ask": ask, "report_title": plain["title"], "settings": settings}
    return render(request, "dashboards/card_form.html", context)


def _put(request: HttpRequest, form: CardForm, ask: Ask) -> HttpResponse:
    """Save a report as a card of the chosen dashboard, or of a new one."""
    card = OneCard(
        report=ask.report.name,
        title=form.cleaned_data["title"],
        width=form.cleaned_data["width"],
        view=ask.view,
        params=dict(ask.params),
        where=ask.where,
        users=ask.users,
    )
    by, chosen = by_of(request), form.cleaned_data["dashboard"]
    if chosen:
        row = services.add_card(by, boards.find(chosen, request.user), card)
    else:
        plain = state.into(Content(title=form.cleaned_data["new_title"]), ask.but(where=(), users=()))
        row = services.create(by, ask.dataset.name, plain.but(cards=(card,)))
    messages.success(request, _("“%(card)s” is on “%(board)s” now.") % {"card": card.title, "board": row.title})
    return redirect("dashboard", row.slug)


def _asked(request: HttpRequest, slug: str) -> tuple[Board, Ask]:
    """Give the dashboard that a form belongs to, and the state of the page that sent it."""
    board = boards.find(slug, request.user)
    dataset = get_object_or_404(Dataset, name=board.dataset)
    try:
        return board, state.read(QueryDict(request.POST.get("query", "")), dataset, board.content)
    except ParamError:  # the page showed such a state as saved, with a word of warning
        return board, state.read(QueryDict(), dataset, board.content)


def _reasons(error: ValidationError | Refused) -> list[str]:
    return list(error.messages) if isinstance(error, ValidationError) else [str(error)]


def _refused(request: HttpRequest, board: Board, title: str, reasons: list[str]) -> HttpResponse:
    context = {
        "title": title,
        "why": sentences(*reasons),
        "status": 400,
        "icon_name": "alert-circle",
        "board": board,
    }
    return render(request, "errors/problem.html", context, status=400)


def _both(request: HttpRequest, now: Board, mine: Content, ask: Ask, error: Conflict) -> dict[str, Any]:
    """Give both versions, and the form that writes the person's own over the other."""
    return {
        "board": now,
        "why": str(error),
        "mine": mine,
        "rows": _differences(now.content, mine),
        "title": request.POST.get("title", ""),
        "cards": request.POST.get("cards", ""),
        "query": ask.query(),
    }


def _differences(now: Content, mine: Content) -> list[tuple[str, str, str]]:
    """Give (what, as it stands there, as typed) of all that differs."""
    said = [(content, [f"{place}. {_card_words(card)}" for place, card in enumerate(content.cards, 1)])
            for content in (now, mine)]  # fmt: skip
    rows = [
        (_("Title"), *(content.title for content, _cards in said)),
        (_("Range"), *(" ".join(filter(None, (c.preset, c.start, c.end, c.compare))) for c, _cards in said)),
        (_("Filters"), *("; ".join((*c.where, *c.users)) for c, _cards in said)),
        (_("Cards"), *("\n".join(lines) for _content, lines in said)),
    ]
    return [row for row in rows if row[1] != row[2]] or [(_("Nothing"), "", "")]


def _card_words(card: OneCard) -> str:
    width = words.width(card.width) if card.width in WIDTHS else str(card.width)
    kind = card.kind if card.kind in Card.Kind.values else Card.Kind.REPORT
    return f"{card.title or cards.title(OneCard(kind=kind, report=card.report))} ({width})"


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


def _address(slug: str, *, edit: bool = False) -> str:
    return reverse("dashboard", args=[slug]) + ("?edit=1" if edit else "")
