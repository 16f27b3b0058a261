"""Bring a file for a form, and save what servers gave."""

from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse, UnreadablePostError
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from webui.access import NotAllowed
from webui.files import archive, reads, services, storing, streams
from webui.tasks.models import Task


@require_POST
def upload(request: HttpRequest) -> JsonResponse:
    """Store the request's body as a file; ?name= names it."""
    return stored(request)


def stored(request: HttpRequest) -> JsonResponse:
    """Store what a request brings, for its person; the page and the API answer alike."""
    try:
        file = services.upload(request.user, streams.name_of(request), streams.chunks_of(request))
    except NotAllowed as error:
        return _refusal(403, str(error))
    except storing.TooLarge as error:
        return _refusal(413, str(error))
    except UnreadablePostError:
        return _refusal(400, _("The file did not arrive whole; send it again."))
    except ValueError as error:
        return _refusal(400, str(error))
    return JsonResponse(file.as_dict(), status=201)


@require_GET
def download_all(request: HttpRequest, pk: int) -> HttpResponseBase:  # a view's signature
    """Give all files of a task as one archive, HOST/NAME."""
    return packed(get_object_or_404(Task, pk=pk))


def packed(task: Task) -> HttpResponseBase:
    """Give the archive; Http404 where a task has no file here."""
    files = list(reads.ready(task))
    if not files:
        raise Http404(_("No file of this task is here."))
    storing.touch({file.sha256 for file in files})
    return streams.attachment(archive.packed(archive.members(files)), f"task-{task.pk}-files.tar.gz")


@require_GET
def download(request: HttpRequest, pk: int, host: str) -> HttpResponseBase:  # a view's signature
    """Give the file that one server gave."""
    return single(get_object_or_404(Task, pk=pk), host)


def single(task: Task, host: str) -> HttpResponseBase:
    """Give one server's file; Http404 where there is none here."""
    file = reads.ready(task).filter(host=host).first()
    if file is None:
        raise Http404(_("No file of this server is here."))
    storing.touch([file.sha256])
    return streams.attachment(streams.content_of(file.sha256), archive.part(file.name), file.size)


def _refusal(status: int, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence, "faults": {}}, status=status)
