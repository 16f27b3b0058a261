"""Tell pages what is new, by server-sent events: store first, then tail what is stored.

The event id is Task.version (a log's: the piece's sequence number), so a browser that comes back with Last-Event-ID is
told what it missed. Between two looks a page holds no thread and no database connection (pulse). A closed client ends
the generator: Django raises CancelledError inside it.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils import translation
from django.utils.translation import gettext as _

from webui.files import reads as file_reads
from webui.tasks import logs, parts, pulse
from webui.tasks.digits import number
from webui.tasks.models import HostResult, Task

CALM = 1.0  # seconds between two updates of counts; the first result and the end do not wait for it
REFRESH = 5.0  # seconds after which elapsed times, queues and masters are told anew; also the heartbeat
SLOWEST = 1.0  # seconds between two looks for a server that says nothing while others of its task do
CODES = {"skipped": "s", "cancelled": "x"}  # the others are known by their first letter


@dataclass(slots=True)
class Told:
    """What one page has been told so far. cells: result id -> place in the grid."""

    version: int = -1
    at: float = -CALM
    final: bool = False
    state: str = ""
    codes: str = ""
    cells: dict[int, int] = field(default_factory=dict)

    def rest(self, seen: pulse.Seen | None, now: float) -> float:
        """Give the seconds until the page is to be told of what was seen; 0.0 when it is now. It looks by itself then.

        A first result is looked for with every change, and an end is told at once.
        """
        passed = now - self.at
        if seen is None or (seen[1] == Task.State.ENDED and seen[1] != self.state):
            return 0.0
        if seen[0] == self.version:
            return max(0.0, REFRESH - passed)
        return max(0.0, CALM - passed) if self.final else 0.0


async def task_stream(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Tail one task: its parts as HTML, changed cells, the tab's title, sentences to announce, the end."""
    await sync_to_async(_known)(pk)
    told = Told(version=_after(request))
    return _streamed(request, _tail_task(request, pk, told))


async def log_stream(request: HttpRequest, pk: int, host: str) -> HttpResponseBase:
    """Tail one server's log after the sequence number that the page has."""
    result = await sync_to_async(_result)(pk, host)
    return _streamed(request, _tail_log(pk, result.pk, max(0, _after(request))))


def cells(request: HttpRequest, pk: int) -> JsonResponse:  # noqa: ARG001  # a view's signature
    """Give the grid once: names by IDC and one letter a server. Afterwards task_stream tells what changed."""
    _known(pk)
    rows = _grid(pk)
    idcs: list[dict[str, Any]] = []
    for _pk, idc, host, _status in rows:
        if not idcs or idcs[-1]["name"] != idc:
            idcs.append({"name": idc, "hosts": []})
        idcs[-1]["hosts"].append(host)
    return JsonResponse({"idcs": idcs, "codes": "".join(code(row[3]) for row in rows)})


def code(status: str) -> str:
    """Give a status as one letter."""
    return CODES.get(status, status[0])


async def _tail_task(request: HttpRequest, pk: int, told: Told) -> AsyncGenerator[bytes, None]:
    language = translation.get_language() or "en"
    yield b"retry: 2000\n\n"
    with pulse.watching(pk) as watch:
        while True:
            news = await pulse.asked(partial(_news, request, pk, told, language))
            for kind, content in news:
                yield _event(kind, content, told.version)
                if kind == "end":
                    return
            await _until_due(watch, told)


async def _until_due(watch: pulse.Watch, told: Told) -> None:
    """Wait until a look can bring news: after a change, and when the calm or the time to a heartbeat has passed."""
    unsaid = watch.seen is not None and watch.seen[0] != told.version
    passed = monotonic() - told.at
    await watch.change(within=max(pulse.LOOK, (CALM if unsaid else REFRESH) - passed))
    while (rest := told.rest(watch.seen, monotonic())) > 0:
        await watch.change(within=rest)


def _news(request: HttpRequest, pk: int, told: Told, language: str) -> list[tuple[str, Any]]:
    """Say what a page must be told now; [] when nothing. One cheap query unless something changed."""
    row = Task.objects.filter(pk=pk).values_list("version", "state").first()
    if row is None:
        return [("end", {})]
    version, state = row
    ended = state == Task.State.ENDED and not file_reads.coming(pk)
    passed = monotonic() - told.at
    if version == told.version and passed < REFRESH and not (ended and told.state != state):
        return []
    if version != told.version and passed < CALM and not ended and (told.final or not _has_result(pk)):
        return []
    with translation.override(language):
        news: list[tuple[str, Any]] = [("parts", parts.news(request, pk))]
        sentence = parts.announced(pk, told.state) if told.state != state else ""
    changed = _changed_cells(pk, told)
    if changed:
        news.append(("cells", changed))
    if sentence:
        news.append(("say", {"text": sentence}))
    if ended:
        news.append(("end", {}))
    told.final = told.final or any(letter not in "qrs" for letter in told.codes)
    told.version, told.state, told.at = version, state, monotonic()
    return news


def _has_result(pk: int) -> bool:
    return HostResult.objects.filter(task=pk).exclude(status__in=("queued", "running", "skipped")).exists()


def _changed_cells(pk: int, told: Told) -> str | dict[int, str]:
    """Give all letters the first time, and when more than a third changed; else the changed ones by their place."""
    if not told.cells:
        told.cells = {row[0]: place for place, row in enumerate(_grid(pk))}
    letters = [""] * len(told.cells)
    for result, status in HostResult.objects.filter(task=pk).values_list("pk", "status").order_by():
        if result in told.cells:
            letters[told.cells[result]] = code(status)
    before, told.codes = told.codes, "".join(letters)
    if len(before) != len(told.codes):
        return told.codes
    changed = {place: now for place, (old, now) in enumerate(zip(before, told.codes, strict=True)) if old != now}
    return told.codes if len(changed) * 3 > len(letters) else changed


def _grid(pk: int) -> list[tuple[int, str, str, str]]:
    rows = HostResult.objects.filter(task=pk).order_by().values_list("pk", "idc_name", "host", "status")
    sizes: dict[str, int] = {}
    found = list(rows)
    for row in found:
        sizes[row[1]] = sizes.get(row[1], 0) + 1
    return sorted(found, key=lambda row: (-sizes[row[1]], row[1], parts.natural(row[2])))


async def _tail_log(task: int, result: int, after: int) -> AsyncGenerator[bytes, None]:
    language = translation.get_language() or "en"
    quiet, pause = monotonic(), pulse.LOOK
    yield b"retry: 2000\n\n"
    with pulse.watching(task) as watch:
        while True:
            news = await pulse.asked(partial(_log_news, result, after, language))
            if news["pieces"] or news["end"]:
                after = news["pieces"][-1][0] if news["pieces"] else after
                yield _event("pieces", news, after)
                quiet, pause = monotonic(), pulse.LOOK
            elif monotonic() - quiet > REFRESH:
                yield b": still here\n\n"
                quiet = monotonic()
            if news["end"]:
                yield _event("end", {}, after)
                return
            if not news["more"]:
                await asyncio.sleep(pause)
                pause = min(2 * pause, SLOWEST) if await watch.change(within=REFRESH) else pulse.LOOK


def _log_news(pk: int, after: int, language: str) -> dict[str, Any]:
    with translation.override(language):
        return logs.after(HostResult.objects.select_related("output", "task").get(pk=pk), after)


def _event(kind: str, content: object, number: int) -> bytes:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(content, ensure_ascii=True)}\n\n".encode()


def _streamed(request: HttpRequest, news: AsyncGenerator[bytes, None]) -> HttpResponseBase:
    """Answer with a stream, or say that this person has too many."""
    seat = pulse.seat(request.user.pk)
    if seat is None:
        sentence = _("%d live pages are open at once by you; close some of them, then load this one again.")
        return HttpResponse(sentence % pulse.SEATS, "text/plain; charset=utf-8", 429, headers={"Retry-After": "5"})
    response = StreamingHttpResponse(_seated(seat, request, news), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx would hold the events back
    return response


async def _seated(seat: pulse.Seat, request: HttpRequest, news: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """Tell the news while the person is signed in; the request's own thread goes before the first wait."""
    looked = monotonic()
    try:
        await pulse.without_thread()
        async with aclosing(news):
            async for piece in news:
                if monotonic() - looked > REFRESH:
                    if not await pulse.asked(partial(signed_in, request)):
                        return
                    looked = monotonic()
                yield piece
    finally:
        seat.leave()


def signed_in(request: HttpRequest) -> bool:
    """Say whether the person is signed in still: neither signed out, nor deactivated, nor given another password."""
    request.session = type(request.session)(request.session.session_key)  # as it is stored now
    return get_user(request).is_authenticated


def _after(request: HttpRequest) -> int:
    text = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    found = number(text)
    return -1 if found is None else found


def _known(pk: int) -> None:
    if not Task.objects.filter(pk=pk).exists():
        raise Http404


def _result(pk: int, host: str) -> HostResult:
    try:
        return HostResult.objects.select_related("output", "task").get(task=pk, host=host)
    except HostResult.DoesNotExist:
        raise Http404 from None
