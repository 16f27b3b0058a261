"""Work that outlasts a browser's patience: it is ended, in the store too, as soon as who asked has left."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.utils.translation import get_language, override

from analytics.connected import connected
from analytics.store.lines import GoneError, Line
from webui.reports.progress import name_of

log = logging.getLogger(__name__)
T = TypeVar("T")
THREADS = 16  # that wait for the store at once; it runs fewer, and takes the rest in turns
EACH = 6  # of them for one person: the cards of two pages
_threads = ThreadPoolExecutor(THREADS, "reports")
_ending = ThreadPoolExecutor(4, "ending")  # a store that does not answer keeps nothing else waiting
_doors: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]] = WeakKeyDictionary()


async def by_line(request: HttpRequest, work: Callable[[Line], T]) -> T:
    """Give what `work` gives; it is called in a thread of its own and asks the store by the line it is given.

    When the browser leaves, Django cancels the view: the line is ended then, and with it what runs in the store.
    """
    person = await sync_to_async(_name)(request)
    language = get_language()
    line = Line(f"person {person}", connected, name_of(request, person))
    async with _door(person):
        running = asyncio.get_running_loop().run_in_executor(_threads, _spoken, language, work, line)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            running.add_done_callback(_looked_at)
            await asyncio.get_running_loop().run_in_executor(_ending, line.end)
            raise


def _door(person: str) -> asyncio.Semaphore:
    """Give what lets a few of one person's questions in at once; the others of that person wait before it."""
    return _doors.setdefault(asyncio.get_running_loop(), {}).setdefault(person, asyncio.Semaphore(EACH))


def _spoken(language: str | None, work: Callable[[Line], T], line: Line) -> T:
    """Do the work in the reader's language, which a thread does not inherit."""
    with override(language):
        return work(line)


def _name(request: HttpRequest) -> str:
    return str(request.user.get_username())


def _looked_at(running: "asyncio.Future[Any]") -> None:
    """See how work ended that nobody waits for: by being ended, which is nothing to report."""
    if not running.cancelled() and not isinstance(running.exception(), (GoneError, type(None))):
        log.error("what nobody waited for any more ended by %r", running.exception())
