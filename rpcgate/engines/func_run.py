"""One verb on one minion, from waiting to its one final event."""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rpcgate.engines import func_text, func_xml, remote_shell
from rpcgate.engines.conversation import HELD_OPEN, LEFT_BEHIND
from rpcgate.engines.func_errors import Denied, FuncError, Late, OutcomeUnknown, RemoteError, TooMuch, Unreached
from rpcgate.engines.func_link import SHORT, Link
from rpcgate.engines.func_text import Answer
from rpcgate.engines.func_xml import Reply
from rpcgate.engines.plan import Plan, VerbError, ended, outcome, plan, with_output
from rpcgate.engines.remote import ENDING, ENDINGS, LATE, HostRun
from rpcgate.output import clean, fit
from sdk import Event, Status

if TYPE_CHECKING:
    from rpcgate.engines.func import FuncAdapter

QUICK = 20.0  # seconds: a method that may last longer is started as a job, so that a cut connection loses nothing
# Func gives a job's id to its method as one argument more, which these do not take
NO_JOBS = frozenset({"list_methods", "get_method_args", "module_version", "module_api_version", "module_description"})
LOOKS = LATE + 1.0  # seconds after a command's own deadline in which its job may still be found ended
LOSSY = "[The answer held bytes that are no text; they are shown as \\xNN.]\n"
STATUS: dict[type[Exception], Status] = {
    VerbError: Status.FAILED,
    Unreached: Status.UNREACHABLE,
    Denied: Status.FAILED,
    RemoteError: Status.FAILED,
    TooMuch: Status.FAILED,
    Late: Status.TIMEOUT,
    OutcomeUnknown: Status.LOST,
}


class FuncRun(HostRun):
    """The life of one verb on one minion; HostRun starts, cancels and ends it."""

    def __init__(self, engine: "FuncAdapter", running: Any, target: Any) -> None:  # noqa: ANN401  # HostRun's own
        super().__init__(engine, running, target)
        self._func = engine
        self._sent = False

    def cancel(self) -> None:
        """End it: at once where nothing was sent, else when the host says that it is gone."""
        if not self._sent:
            super().cancel()
        elif not self._stop.done():
            self._stop.set_result(None)

    async def _run(self) -> Event:
        call = self._running.call
        try:
            if call.verb == "call":
                name, params = _method(call.args)
                async with self._linked() as link:
                    return await self._call(link, name, params)
            planned = plan(call)
            async with self._running.heavy, self._linked() as link:
                return await self._carry_out(link, planned)
        except (VerbError, FuncError) as error:
            status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
            event = replace(self._event(status, _sentence(error)), untouched=status is Status.UNREACHABLE)
            return replace(event, output=clean(error.trace) if isinstance(error, RemoteError) else "")

    @asynccontextmanager
    async def _linked(self) -> AsyncIterator[Link]:
        """Reach the minion, many at once, and wait for one of the places."""
        async with AsyncExitStack() as held:
            async with self._func.reaching:
                link = await held.enter_async_context(self._func.func.reach(self._target))
                await self._func.places.acquire()
            held.callback(self._func.places.release)
            self._began = self._loop.time()
            yield link

    async def _carry_out(self, link: Link, planned: Plan) -> Event:
        jobs = await link.has_jobs()
        command, folder = await self._prepared(link, planned)
        self._sent = True
        work = self._loop.create_task(self._answer(link, planned, command, folder, jobs=jobs))
        work.add_done_callback(_seen)
        try:
            await self._first(work, planned.seconds + LOOKS)
            if not work.done():
                return await self._end_it(link, planned, work)
            answer = work.result()
        finally:
            work.cancel()
        if answer.held:
            self._live(LEFT_BEHIND, "note")
        event = self._event(Status.OK)
        return replace(outcome(planned, answer, replace(event, seconds=answer.seconds)), seconds=event.seconds)

    async def _first(self, work: "asyncio.Task[Any]", seconds: float) -> None:
        """Wait for the end, a cancel, or the time."""
        either: set[asyncio.Future[Any]] = {work, self._stop}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def _prepared(self, link: Link, planned: Plan) -> tuple[str, str]:
        """Give the command to send, and the folder of what had to go up before it."""
        if func_text.fits(planned):
            return func_text.command(func_text.text(planned)), ""
        try:
            async with asyncio.timeout(planned.seconds):
                folder = await link.bring_up(planned)
        except (TimeoutError, OutcomeUnknown) as error:
            why = str(error) or f"it was not up within {planned.seconds} s"
            raise Unreached(f"the content could not be sent, and nothing was run: {why}") from error
        return f"exec /bin/sh {shlex.quote(f'{folder}/text')}", folder

    async def _answer(self, link: Link, planned: Plan, command: str, folder: str, *, jobs: bool) -> Answer:
        limit = func_text.reply_limit(planned)
        try:
            if jobs:
                job = await link.start("command.run", (command,))
                reply = await link.result(job, seconds=planned.seconds, limit=limit)
            else:
                seconds = planned.seconds + LOOKS + ENDING
                reply = await link.ask("command.run", (command,), seconds=seconds, limit=limit)
        except (Unreached, Denied, RemoteError):
            if folder:
                link.remove(folder)
            raise
        answer = await asyncio.to_thread(func_text.answer, reply.value, planned)
        if answer.parked is None:
            return answer
        parked, size = answer.parked
        try:
            return replace(answer, raw=await link.fetch(parked, size))
        finally:
            link.remove(parked)

    async def _end_it(self, link: Link, planned: Plan, work: "asyncio.Task[Answer]") -> Event:
        cancelled = self._stop.done()
        gone = await self._is_gone(link, planned, work)
        event = ended(self._event(Status.OK), cancelled=cancelled, seconds=planned.seconds, gone=gone)
        if work.done() and not work.cancelled() and not work.exception():
            return with_output(event, work.result())
        return event

    async def _is_gone(self, link: Link, planned: Plan, work: "asyncio.Task[Answer]") -> bool:
        """End the host's processes; True when the host says that none is left and the command's own end is seen."""
        with suppress(TimeoutError, FuncError):
            async with asyncio.timeout(ENDING):
                for _ in range(ENDINGS):
                    reply = await link.ask("command.run", (remote_shell.end(planned.call),), seconds=SHORT)
                    link.hurry.set()
                    await asyncio.wait({work}, timeout=2 * HELD_OPEN)
                    word = (_stdout(reply.value).split() or [""])[-1]
                    if word != "gone" or work.done():
                        return word == "gone"
        return False

    async def _call(self, link: Link, name: str, params: tuple[Any, ...]) -> Event:
        call = self._running.call
        module, _, method = name.rpartition(".")
        jobs = call.timeout > QUICK and module != "system" and method not in NO_JOBS and await link.has_jobs()
        self._sent = True
        work = self._loop.create_task(self._value(link, name, params, jobs=jobs))
        work.add_done_callback(_seen)
        try:
            await self._first(work, call.timeout)
            if not work.done():
                cancelled = self._stop.done()
                return ended(self._event(Status.OK), cancelled=cancelled, seconds=call.timeout, gone=False)
            reply = work.result()
        except RemoteError as error:
            raise await _explained(error, link, name) from error
        finally:
            work.cancel()
        text, size = await asyncio.to_thread(_shown, reply, call.output_limit)
        return replace(self._event(Status.OK), output=text, size=size, data=reply.value)

    async def _value(self, link: Link, name: str, params: tuple[Any, ...], *, jobs: bool) -> Reply:
        seconds, limit = self._running.call.timeout, self._func.func.reply_limit
        if not jobs:
            return await link.ask(name, params, seconds=seconds + LATE, limit=limit)
        job = await link.start(name, params)
        return await link.result(job, seconds=seconds, limit=limit)


def _method(args: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """Read the arguments of `call`; VerbError when they cannot be sent to any minion."""
    try:
        module, method, params = str(args["module"]), str(args["method"]), tuple(args.get("args", ()))
    except (KeyError, TypeError) as error:
        raise VerbError(f"The engine was not given what it needs for call: {error}.") from error
    if module.partition(".")[0] == "async":
        raise VerbError("Name the method itself, without async; what may last is started as a job by itself.")
    func_xml.request(f"{module}.{method}", params)
    return f"{module}.{method}", params


async def _explained(error: RemoteError, link: Link, name: str) -> RemoteError:
    """Say of a missing method what the minion has instead."""
    if not error.missing:
        return RemoteError(f"the minion says that {name} failed: {error}", error.kind, error.trace)
    methods = await link.methods() or {}
    module, _, method = name.rpartition(".")
    there = sorted(methods.get(module, methods))
    what = f"the minion's module {module} has no method {method}" if module in methods else _no_module(module)
    return RemoteError(f"{what}; it has {', '.join(there)[:300]}" if there else f"the minion has no method {name}")


def _no_module(module: str) -> str:
    return f"the minion has no module {module}"


def _sentence(error: Exception) -> str:
    text = str(error)
    if isinstance(error, OutcomeUnknown):
        text = f"the request was sent, but {text}; its outcome is not known"
    if isinstance(error, TooMuch):
        text = f"the method has ended, but {text}"
    text = clean(text[:1000]).rstrip(".")
    named = ":" in text.partition(" ")[0]  # HOST:PORT, which stays as it is written
    return f"{text if named else text[:1].upper() + text[1:]}."


def _shown(reply: Reply, limit: int) -> tuple[str, int | None]:
    """Give a value as a person reads it, and its bytes where that is only a part of it."""
    value = reply.value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    whole = clean(f"{text.rstrip()}\n{LOSSY if reply.lossy else ''}")
    part, cut = fit(whole, limit)
    return part, len(whole.encode()) if cut else None


def _stdout(value: object) -> str:
    match value:
        case [int(), str(out), str()]:
            return out
    return ""


def _seen(task: "asyncio.Task[Any]") -> None:
    """Take a task's exception, which nobody may be there to take."""
    if not task.cancelled():
        task.exception()
