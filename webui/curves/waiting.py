"""Wait for the store on a page that is not about it: no longer than a while, and then say so."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest
from django.utils.translation import gettext as _

from webui.reports.answering import Line, Trouble
from webui.reports.later import by_line

T = TypeVar("T")
SECONDS = 60  # a card of a task's page, or of the first page
END_SECONDS = 1  # for a query to be told that nobody waits any more; it goes on being told


async def by_line_soon(request: HttpRequest, work: Callable[[Line], T]) -> T | Trouble:
    """Give what `work` gives, as by_line; a Trouble where it takes too long. The query is ended then."""
    asked = asyncio.ensure_future(by_line(request, work))
    try:
        done, _late = await asyncio.wait({asked}, timeout=SECONDS)
    except asyncio.CancelledError:  # the browser has left
        asked.cancel()
        raise
    if done:
        return asked.result()
    asked.cancel()
    await asyncio.wait({asked}, timeout=END_SECONDS)
    return Trouble(
        503,
        _("The analytics store is too slow now"),
        _("It gave no answer within %s seconds; the question was ended.") % SECONDS,
        effect=_("Tasks are not affected."),
        again=True,
    )
