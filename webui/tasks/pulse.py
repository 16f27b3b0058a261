"""Watch the tasks on which pages are open: one question to the database every moment, however many pages there are.

Between two looks a page costs no thread and no database connection: its questions are put by a few threads that all
pages share. All of it belongs to one process; a Pulse belongs to one event loop and is touched by nothing else.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TypeVar
from weakref import WeakKeyDictionary, WeakSet

from asgiref.sync import SyncToAsync, sync_to_async
from django.db import Error, connections

from webui.tasks.models import Task

LOOK = 0.2  # seconds between two looks into the database
THREADS = 3  # for all open pages together: they may not take what other requests need
SEATS = 20  # streams of one person; a task's page has one, an open log another
Seen = tuple[int, str]  # a task's version and state
T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Watch:
    """One page's watch of one task. seen: as last looked at; None before the first look and when the task is gone."""

    seen: Seen | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, seen: Seen | None) -> None:
        """Wake the page where this is new."""
        if seen != self.seen:
            self.seen = seen
            self.changed.set()

    async def change(self, within: float) -> bool:
        """Wait until the task changes; False when it has not within so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self.changed.wait()
        except TimeoutError:
            return False
        self.changed.clear()
        return True


@dataclass(slots=True, weakref_slot=True, eq=False)
class Seat:
    """One person's open stream. It counts until it is left, or gone with the answer that never began."""

    person: int

    def leave(self) -> None:
        """Count no longer."""
        _seats.get(self.person, WeakSet()).discard(self)


@dataclass(slots=True, eq=False)
class Pulse:
    """The watches of one event loop by task, and what looks for all of them while there are any."""

    watches: dict[int, set[Watch]] = field(default_factory=dict)
    beating: asyncio.Task[None] | None = None

    @contextmanager
    def watching(self, task: int) -> Iterator[Watch]:
        """Give a watch that is told of every change until it is left."""
        watch = Watch()
        self.watches.setdefault(task, set()).add(watch)
        if self.beating is None or self.beating.done():
            self.beating = asyncio.get_running_loop().create_task(self._beat(), context=Context())
        try:
            yield watch
        finally:
            self.watches[task].discard(watch)
            if not self.watches[task]:
                del self.watches[task]

    async def _beat(self) -> None:
        while self.watches:
            try:
                rows = await asked(partial(_seen, list(self.watches)))
            except Error as error:  # the pages look by themselves now and then, and fail as they must
                log.warning("The database did not answer; open pages wait: %s", error)
            else:
                for task, watches in self.watches.items():
                    for watch in watches:
                        watch.tell(rows.get(task))
            await asyncio.sleep(LOOK)


def watching(task: int) -> AbstractContextManager[Watch]:
    """Watch a task from the running event loop; see Pulse.watching."""
    return _pulses.setdefault(asyncio.get_running_loop(), Pulse()).watching(task)


def seat(person: int) -> Seat | None:
    """Give a place for one more stream of a person, None when all of them are taken."""
    taken = _seats.setdefault(person, WeakSet())
    if len(taken) >= SEATS:
        return None
    found = Seat(person)
    taken.add(found)
    return found


async def asked(ask: Callable[[], T]) -> T:
    """Ask the database in one of the shared threads."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), _released, ask)


async def without_thread() -> None:
    """Give back the thread and the connection that Django keeps for a request until its answer has ended.

    asgiref makes another thread when the answer is closed.
    """
    await sync_to_async(_released)(lambda: None)
    context = SyncToAsync.thread_sensitive_context.get(None)
    executor = SyncToAsync.context_to_thread_executor.pop(context, None) if context else None
    if executor is not None:
        executor.shutdown(wait=False)


def _seen(tasks: list[int]) -> dict[int, Seen]:
    rows = Task.objects.filter(pk__in=tasks).order_by().values_list("pk", "version", "state")
    return {pk: (version, state) for pk, version, state in rows}


def _released(ask: Callable[[], T]) -> T:
    """Ask, then let go of the connection: an open page must not pin one."""
    try:
        return ask()
    finally:
        if not any(connection.in_atomic_block for connection in connections.all(initialized_only=True)):
            connections.close_all()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="live")


_pulses: "WeakKeyDictionary[asyncio.AbstractEventLoop, Pulse]" = WeakKeyDictionary()
_seats: dict[int, "WeakSet[Seat]"] = {}
