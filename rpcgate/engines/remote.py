"""What the ssh and local engines share: one event loop's thread, and the life of one verb on one host.

A host goes through three stages: it is reached (many at once, so that dead ones keep nobody waiting), it gets one of
the `concurrency` places, and it runs. Once a command was sent it is never sent again.
"""

import asyncio
import logging
import threading
import weakref
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from rpcgate.engines import Call, Emit, remote_shell
from rpcgate.engines.carrier import Carrier, Link, UnreachableError
from rpcgate.engines.conversation import HELD_OPEN, Conversation
from rpcgate.engines.plan import SMALL, Plan, VerbError, ended, outcome, plan, with_output
from sdk import Event, Status, Target
from sdk.engines import PORTABLE
from sdk.event import Stream

log = logging.getLogger(__name__)
REACHED_AHEAD = 200  # hosts that may be in reach beyond those that run: so many dead ones harm nobody
LATE = 1.0  # seconds that a host may be late to end a command by itself
ENDING = 20.0  # seconds to end a command from here, KILL_AFTER included
HEAVY = 1 << 30  # bytes of files that one call holds at once; hosts beyond that wait for others
ENDINGS = 3  # a command that was only just sent may start after the first look


def weight(call: Call) -> int:
    """Give the bytes that a call may hold for each host that it talks to."""
    size = len(call.args.get("content", b"")) if call.verb == "put" else 0
    return max(1, size, int(call.args.get("limit", 0)) if call.verb == "get" else 0)


class RemoteCall:
    """A verb that was started; see rpcgate.engines.Running."""

    def __init__(self, call: Call, emit: Emit, loop: asyncio.AbstractEventLoop) -> None:
        self.call = call
        self.emit = emit
        self._loop = loop
        self._ended = threading.Event()
        self._open = len(call.targets)
        self._cancelled = False
        self._hosts: dict[str, HostRun] = {}
        self.heavy = asyncio.Semaphore(max(1, HEAVY // weight(call)))
        if not self._open:
            self._ended.set()

    def cancel(self) -> None:
        """End all hosts; returns at once."""
        if not self._ended.is_set():
            self._loop.call_soon_threadsafe(self._cancel)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the last event."""
        return self._ended.wait(timeout)

    def begin(self, hosts: "dict[str, HostRun]") -> None:
        """Start all hosts, in the loop's thread."""
        self._hosts = hosts
        for host in hosts.values():
            host.start()
        if self._cancelled:
            self._cancel()

    def say(self, event: Event) -> None:
        """Pass an event on, and count the final ones."""
        try:
            self.emit(event)
        except Exception:  # the caller's code; the other hosts' events must still come
            log.exception("job=%s host=%s an event was not taken", self.call.job, event.host)
        if event.final:
            self._open -= 1
            if not self._open:
                self._ended.set()

    def _cancel(self) -> None:
        self._cancelled = True
        for host in self._hosts.values():
            host.cancel()


class HostRun:
    """One verb on one host, from waiting to its one final event."""

    def __init__(self, engine: "RemoteEngine", running: RemoteCall, target: Target) -> None:
        self._engine = engine
        self._running = running
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._stop: asyncio.Future[None] = self._loop.create_future()
        self._said: Conversation | None = None
        self._task: asyncio.Task[Event] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(self._finish)

    def cancel(self) -> None:
        """End it: at once where nothing was sent, else when the host says that it is gone."""
        if self._said and self._said.sent:
            if not self._stop.done():
                self._stop.set_result(None)
        elif self._task:
            self._task.cancel()

    def _finish(self, task: "asyncio.Task[Event]") -> None:
        if task.cancelled():
            event = self._event(Status.CANCELLED, "Cancelled; nothing had been sent to the server.")
        elif error := task.exception():
            log.error("job=%s host=%s", self._running.call.job, self._target.name, exc_info=error)
            event = self._event(Status.LOST, f"The engine failed ({type(error).__name__}); the outcome is not known.")
        else:
            event = task.result()
        self._running.say(event)

    async def _run(self) -> Event:
        try:
            planned = plan(self._running.call, self._engine.carrier.sudo)
            async with self._running.heavy, self._place() as link:
                return await self._talk(planned, link)
        except VerbError as error:
            return self._event(Status.FAILED, str(error))
        except UnreachableError as error:
            return replace(self._event(Status.UNREACHABLE, str(error)), untouched=True)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[Link]:
        engine = self._engine
        async with AsyncExitStack() as held:
            async with engine.reaching:
                link = await held.enter_async_context(engine.carrier.reach(self._target))
                await engine.places.acquire()
            held.callback(engine.places.release)
            yield link

    async def _talk(self, planned: Plan, link: Link) -> Event:
        self._began = self._loop.time()
        said = self._said = Conversation(planned.limit, self._live if planned.live else None, keep=planned.raw)
        await link.start(planned.line, planned.pieces, said)
        try:
            either: set[asyncio.Future[Any]] = {said.finished, self._stop}
            await asyncio.wait(either, timeout=planned.seconds + LATE, return_when=asyncio.FIRST_COMPLETED)
            if not said.finished.done():
                return await self._end(planned, link, said)
            if lost := said.finished.result():
                reason = f"The connection was lost after the command was sent; its outcome is not known: {lost}."
                return with_output(self._event(Status.LOST, reason), said)
            return outcome(planned, said, self._event(Status.OK))
        finally:
            link.close(said)

    async def _end(self, planned: Plan, link: Link, said: Conversation) -> Event:
        cancelled = self._stop.done()
        gone = await self._gone(planned, link, said)
        event = ended(self._event(Status.OK), cancelled=cancelled, seconds=planned.seconds, gone=gone)
        return with_output(event, said)

    async def _gone(self, planned: Plan, link: Link, said: Conversation) -> bool:
        """End the host's processes; True when the host says that none is left and the command's own end is seen."""
        line, stdin = remote_shell.carried(remote_shell.end(planned.call), None, self._engine.carrier.sudo)
        with suppress(TimeoutError, UnreachableError):
            async with asyncio.timeout(ENDING):
                for _ in range(ENDINGS):
                    answer = await _answer(link, line, stdin)
                    await asyncio.wait({said.finished}, timeout=2 * HELD_OPEN)
                    if answer in ("left", "unknown"):
                        return False
                    if answer == "gone" and said.finished.done():
                        return True
        return False

    def _live(self, text: str, stream: Stream) -> None:
        event = Event(self._target.name, Status.RUNNING, output=text, stream=stream, engine=self._engine.name)
        self._running.say(event)

    def _event(self, status: Status, reason: str = "") -> Event:
        seconds = round(self._loop.time() - self._began, 4)
        return Event(self._target.name, status, reason=reason, engine=self._engine.name, seconds=seconds)


async def _answer(link: Link, line: str, stdin: bytes | None) -> str:
    """Run a line on the host and give the last word of its output."""
    said = Conversation(SMALL)
    await link.start(line, None if stdin is None else (stdin,), said)
    try:
        await asyncio.wait({said.finished})
        return (said.streams["stdout"].text().split() or [""])[-1]
    finally:
        link.close(said)


class RemoteEngine:
    """An adapter over a carrier; see rpcgate.engines.Adapter. Its thread starts with the first call."""

    verbs = frozenset(PORTABLE)

    def __init__(self, carrier: Carrier, concurrency: int) -> None:
        self.carrier = carrier
        self.name = carrier.name
        self._concurrency = concurrency
        self._renew()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._running: weakref.WeakSet[RemoteCall] = weakref.WeakSet()

    def usable(self) -> str:
        """Say why this engine cannot be used; "" when it can."""
        return self.carrier.usable()

    def call(self, call: Call, emit: Emit) -> RemoteCall:
        """Start a verb."""
        loop = self._started()
        running = RemoteCall(call, emit, loop)
        self._running.add(running)
        loop.call_soon_threadsafe(self._begin, running)
        return running

    def close(self) -> None:
        """End all that runs, close the connections and the thread; the engine starts anew when it is called again."""
        for running in list(self._running):
            running.cancel()
        for running in list(self._running):
            running.wait(ENDING + LATE)
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop and thread:
            asyncio.run_coroutine_threadsafe(self.carrier.close(), loop).result(ENDING)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(ENDING)

    def _renew(self) -> None:
        """Make what belongs to one event loop."""
        self.reaching = asyncio.Semaphore(self._concurrency + REACHED_AHEAD)
        self.places = asyncio.Semaphore(self._concurrency)

    def _begin(self, running: RemoteCall) -> None:
        running.begin({target.name: HostRun(self, running, target) for target in running.call.targets})

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._renew()
                # many, because a name that cannot be resolved keeps its thread for a long time
                self._loop.set_default_executor(ThreadPoolExecutor(64, thread_name_prefix=f"{self.name}-names"))
                self._thread = threading.Thread(target=_run, args=(self._loop,), name=self.name, daemon=True)
                self._thread.start()
            return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
