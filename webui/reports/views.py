"""The pages of reports: one report, its card, its files, the users behind a number."""

import re
from typing import Any

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from analytics import catalog
from analytics.models import Dataset
from analytics.store.errors import StoreError
from sdk import ParamError
from sdk.report import NotSupported
from webui.dashboards import saved, segments
from webui.language import sentences
from webui.reports import answering, cards, exports, filters, lists, offers, pages
from webui.reports.answering import Found, Trouble
from webui.reports.ask import Ask, read, usual_dataset
from webui.reports.later import by_line
from webui.reports.words import title_of


def asked(request: HttpRequest, name: str) -> Ask | Trouble:
    """Read what an address asks; a Trouble where a part of it cannot be read."""
    try:
        return read(name, request.GET, usual_dataset())
    except ParamError as error:
        return answering.trouble(error)


@require_GET
async def card(request: HttpRequest, name: str) -> HttpResponse:
    """Give a report's card as a fragment; whatever goes wrong stays in it."""
    ask = await sync_to_async(asked)(request, name)
    if isinstance(ask, Trouble):
        return await sync_to_async(_card)(request, _unread(name), ask)
    found = await by_line(request, lambda line: answering.found(ask, line))
    return await sync_to_async(_card)(request, ask, found)


def _card(request: HttpRequest, ask: Any, found: Found | Trouble) -> HttpResponse:  # noqa: ANN401  # or its stand-in
    if isinstance(found, Trouble):
        return render(request, "reports/parts/trouble.html", cards.troubled(ask, found), status=found.status)
    return render(request, cards.template(ask), cards.context(ask, found, page_of(request)))


def _unread(name: str) -> Ask:
    """Give an ask that says no more than the report, for the card of an address that cannot be read."""
    try:
        return Ask(Dataset(name=""), catalog.one(name))
    except LookupError as error:
        raise Http404(str(error)) from None


def page_of(request: HttpRequest) -> int:
    """Give the page of the table that an address wants."""
    text = request.GET.get("page", "")
    return int(text) if text.isdecimal() and len(text) < 7 else 1


@require_GET
async def file(request: HttpRequest, name: str, form: str) -> HttpResponse:
    """Give a report's numbers as a file: CSV, JSON, PNG, PDF, or the SQL that asked for them."""
    ask = await sync_to_async(asked)(request, name)
    made = ask if isinstance(ask, Trouble) else await by_line(request, lambda line: exports.made(ask, form, line))
    if isinstance(made, Trouble):
        return await sync_to_async(_refused)(request, made)
    response = HttpResponse(made.data, content_type=made.kind)
    response["Content-Disposition"] = f'attachment; filename="{made.name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_GET
async def users(request: HttpRequest, name: str) -> HttpResponse:
    """List the users behind a number of a report, at most 10,000; ?form=csv gives them as a file."""
    ask = await sync_to_async(asked)(request, name)
    found = ask if isinstance(ask, Trouble) else await by_line(request, lambda line: lists.found(ask, line))
    if isinstance(found, Trouble):
        return await sync_to_async(_refused)(request, found)
    if request.GET.get("form") == "csv":
        return lists.as_file(ask, found)
    return await sync_to_async(render)(request, "reports/users.html", lists.context(ask, found, page_of(request)))


def _refused(request: HttpRequest, trouble: Trouble) -> HttpResponse:
    """Show a trouble as a page of its own; where the data cannot say something there is no such file or list."""
    status = 409 if trouble.status == 200 else trouble.status
    context = {"icon_name": "alert-circle", "title": trouble.title, "status": status}
    return render(
        request,
        "errors/problem.html",
        {**context, "why": sentences(trouble.sentence, trouble.effect)},
        status=status,
    )


@require_GET
def report(request: HttpRequest, name: str) -> HttpResponse:
    """Show a report: range, filters and settings, all of them in the address, and a slot for its card."""
    if (to := rewritten(request)) is not None:
        return redirect(to)
    if not Dataset.objects.exists():
        return render(request, "reports/empty.html", {"title": title_of(_unread(name).report)})
    ask = asked(request, name)
    if isinstance(ask, Trouble):
        return render(request, "reports/unread.html", {"trouble": ask, "ask": _unread(name)}, status=400)
    return render(request, "reports/report.html", pages.context(request, ask))


@require_GET
def reports(request: HttpRequest) -> HttpResponse:
    """List the reports by category, with what each needs and whether the dataset has it."""
    if (to := rewritten(request)) is not None:
        return redirect(to)
    if not Dataset.objects.exists():
        return render(request, "reports/list.html", pages.listing(None))
    ask = asked(request, "overview")
    if isinstance(ask, Trouble):
        return render(request, "reports/unread.html", {"trouble": ask, "ask": _unread("overview")}, status=400)
    return render(request, "reports/list.html", pages.listing(ask) | {"saved": saved.of(request.user)})


@require_GET
async def offered(request: HttpRequest) -> HttpResponse:
    """Give what a box of free text is offered: JSON, from where on each offer replaces what is written."""
    row = await sync_to_async(_dataset)(request)
    text = request.GET.get("text", "")
    kind, field = request.GET.get("kind", ""), request.GET.get("field", "")
    if len(text) > offers.LONGEST:  # an offer for its beginning would replace all behind it
        return JsonResponse(offers.Offers(0, []).as_dict())
    try:
        found = await by_line(request, lambda line: offers.offered(kind, offers.Box(row.as_core(), text, field, line)))
    except (ParamError, NotSupported, StoreError):  # who writes can do so without being helped
        found = offers.Offers(len(text), [])
    return JsonResponse(offers.for_browsers(found, text).as_dict())


def _dataset(request: HttpRequest) -> Dataset:
    """Give the dataset that an address names, or by `pk` the one chosen in a form."""
    number = request.GET.get("pk", "")
    wanted = {"pk": int(number)} if re.fullmatch(r"[0-9]{1,18}", number) else {"name": request.GET.get("d", "")}
    return get_object_or_404(Dataset, **wanted, version__gt=0)


def rewritten(request: HttpRequest) -> str | None:
    """Give the address of a page whose forms add a filter, or a segment, to it; None where they do not."""
    query = segments.asked(request) or filters.added(request.GET)
    return None if query is None else f"{request.path}?{query.urlencode(safe=':,/=!<>|')}"
