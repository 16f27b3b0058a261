"""Files over HTTP: in without being held in memory, out as attachments that no browser opens by itself."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header

from webui.files import storing

AROUND = 64 << 10  # bytes that a multipart request may have beside its file


def chunks_of(request: HttpRequest) -> Iterator[bytes]:
    """Give what a request brings, raw or as a multipart form's first file; TooLarge by its own word at once."""
    told = request.headers.get("Content-Length", "")
    if told.isdigit() and int(told) > settings.FILE_BYTES + AROUND:
        raise storing.TooLarge(storing.too_large(int(told)))
    if request.content_type == "multipart/form-data":
        yield from next(iter(request.FILES.values())).chunks() if request.FILES else ()
        return
    while piece := request.read(storing.CHUNK):
        yield piece


def name_of(request: HttpRequest) -> str:
    """Give the name that a request gives its file: ?name=, else that of a multipart form."""
    if name := request.GET.get("name", ""):
        return name
    if request.content_type == "multipart/form-data" and request.FILES:
        return str(next(iter(request.FILES.values())).name)
    return ""


def attachment(pieces: Iterator[bytes], name: str, size: int | None = None) -> StreamingHttpResponse:
    """Give bytes as a file to be saved. Never shown inline: it is what a server said, and may be anything."""
    response = StreamingHttpResponse(_in_threads(pieces), content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    if size is not None:
        response["Content-Length"] = str(size)
    return response


def content_of(sha256: str) -> Iterator[bytes]:
    """Give a content in pieces."""
    with storing.opened(sha256) as content:
        while piece := content.read(storing.CHUNK):
            yield piece


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read outside the event loop, one piece at a time: Django would gather a plain iterator in memory first."""
    step = sync_to_async(next, thread_sensitive=False)
    while (piece := await step(pieces, b"")) != b"":
        yield piece
