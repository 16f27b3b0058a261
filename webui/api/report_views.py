"""Reports by the API: which there are, their answers, the users behind a number.

What is asked stands in the address as on a report's page, and is answered by the same functions; it ends in the store
when who asked has left.
"""

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from analytics import catalog
from analytics.described import report_json
from sdk import ParamError
from sdk.report import Report
from webui.api.dataset_views import found
from webui.api.door import api, paged, refusal
from webui.reports import answering, exports, lists
from webui.reports.answering import Trouble
from webui.reports.ask import Ask, read
from webui.reports.later import by_line

FORMS = ("json", "csv", "sql")
FIELDS = {"start": "from", "end": "to"}  # as an address names them


@api("GET")
def reports(request: HttpRequest) -> JsonResponse:
    """List the reports as manage.py report list --json does."""
    return JsonResponse({"reports": [report_json(one) for one in catalog.every()]})


@api("GET")
def report(request: HttpRequest, name: str) -> JsonResponse:
    """Give one report with its definition and its parameters."""
    return JsonResponse(report_json(_report(name)))


@api("GET")
async def answer(request: HttpRequest, name: str) -> HttpResponseBase:
    """Answer a report: as JSON, or in the ?form= that is asked for."""
    form = request.GET.get("form", "json")
    if form not in FORMS:
        raise ValueError(f"form is {form[:20]!r}; choose one of {', '.join(FORMS)}.")
    ask = await sync_to_async(_asked)(request, name)
    made = ask if isinstance(ask, Trouble) else await by_line(request, lambda line: exports.made(ask, form, line))
    if isinstance(made, Trouble):
        return _troubled(made)
    return HttpResponse(made.data, content_type=made.kind, headers={"X-Content-Type-Options": "nosniff"})


@api("GET")
async def users(request: HttpRequest, name: str) -> HttpResponseBase:
    """List the users behind a number, which at.KEY= and at.column= name; by pages, or whole as ?form=csv."""
    ask = await sync_to_async(_asked)(request, name)
    listed = ask if isinstance(ask, Trouble) else await by_line(request, lambda line: lists.found(ask, line))
    if isinstance(listed, Trouble):
        return _troubled(listed)
    if request.GET.get("form") == "csv":
        return lists.as_file(ask, listed)
    rows, page = paged(request, listed.users, lists.PER_PAGE)
    return JsonResponse({"users": rows, "number": listed.number, "most": lists.MOST, **page})


def _report(name: str) -> Report:
    try:
        return catalog.one(name)
    except LookupError as error:
        raise Http404(str(error)) from None


def _asked(request: HttpRequest, name: str) -> Ask | Trouble:
    _report(name)
    if not request.GET.get("d"):
        raise ValueError("d is missing: the dataset's name.")
    try:
        return read(name, request.GET, found(request.GET["d"]))
    except ParamError as error:
        return answering.trouble(error)


def _troubled(trouble: Trouble) -> JsonResponse:
    """Refuse as the page does: 409 where the data cannot say what is asked."""
    faults = {FIELDS.get(name, name): text for name, text in trouble.faults.items()}
    return refusal(409 if trouble.status == 200 else trouble.status, trouble.sentence, faults)
