"""Files by the API: bring one for a task, list and save what a task's servers gave."""

from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse

from webui.api.door import api, refusal
from webui.files import reads, views
from webui.tasks.models import Task


@api("POST")
def files(request: HttpRequest) -> JsonResponse:
    """Store a file: the raw body, named by ?name=, or a multipart form's first file. 413 when it is too large."""
    return views.stored(request)


@api("GET")
def task_files(request: HttpRequest, pk: int) -> JsonResponse:  # a view's signature
    """List the files that a task's servers gave."""
    return JsonResponse({"files": [reads.as_json(file) for file in reads.kept(Task.objects.get(pk=pk))]})


@api("GET")
def task_archive(request: HttpRequest, pk: int) -> HttpResponseBase:  # a view's signature
    """Give all of them as one archive."""
    try:
        return views.packed(Task.objects.get(pk=pk))
    except Http404 as error:
        return refusal(404, str(error))


@api("GET")
def task_file(request: HttpRequest, pk: int, host: str) -> HttpResponseBase:  # a view's signature
    """Give one server's file."""
    try:
        return views.single(Task.objects.get(pk=pk), host)
    except Http404 as error:
        return refusal(404, str(error))
