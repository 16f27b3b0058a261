"""Dashboards by the API: which there are, and one carried away or brought in as JSON."""

from django.http import HttpRequest, JsonResponse

from webui.api.door import api, body, paged, storable
from webui.dashboards import boards, carried
from webui.servers.services import By


@api("GET", "POST")
def dashboards(request: HttpRequest) -> JsonResponse:
    """List the dashboards that the person may see, or make one of what an export gave.

    ?dataset= takes another dataset than the export names; ?share=1 lets everybody who is signed in see it.
    """
    if request.method == "POST":
        by, plain = By(request.user, "api"), body(request)
        storable(plain)
        shared = request.GET.get("share") == "1"
        row = carried.brought(by, plain, dataset=request.GET.get("dataset", ""), shared=shared)
        return JsonResponse(carried.listed_json(boards.of_row(row)), status=201)
    rows, page = paged(request, boards.listed(request.user))
    return JsonResponse({"dashboards": [carried.listed_json(board) for board in rows], **page})


@api("GET")
def dashboard(request: HttpRequest, slug: str) -> JsonResponse:
    """Give a dashboard as manage.py dashboard export does."""
    return JsonResponse(carried.exported(boards.find(slug, request.user)))
