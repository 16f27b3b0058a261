"""One verb on one minion, from waiting to its one final event."""

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rpcgate.engines import remote_shell
from rpcgate.engines import salt_shell as shell
from rpcgate.engines.plan import Plan, VerbError, ended, outcome, plan, with_output
from rpcgate.engines.remote import ENDING, ENDINGS, HostRun, RemoteCall
from rpcgate.engines.salt_answers import of_call, of_state
from rpcgate.engines.salt_functions import function_of, state_of
from rpcgate.engines.salt_jobs import Answer, Ask, SilentError
from rpcgate.engines.salt_link import SaltError
from rpcgate.engines.salt_output import RUN, Folder, NotBroughtError, StoppedError, refused
from sdk import Event, Status, Target

if TYPE_CHECKING:
    from rpcgate.engines.salt import SaltAdapter

FRESH = 5.0  # seconds for which a minion that has answered is taken to be there
LATE = 3.0  # seconds that a minion may be late to end a command by itself, and to say so
SETTLE = 3.0  # seconds for the answer of a command that was ended


class NotReachedError(SaltError):
    """The minion was not reached, and nothing was sent to it. The text is the reason."""


class SaltHost(HostRun):
    """One verb on one minion. mark: that of the call's processes, the same on all its hosts: one message for all."""

    def __init__(self, engine: "SaltAdapter", running: RemoteCall, target: Target, mark: str) -> None:
        super().__init__(engine, running, target)
        self._places = engine.places
        self._jobs = engine.carrier.jobs()
        self._minion = engine.carrier.config.minion(target)
        self._mark = mark
        self._sent = False

    def cancel(self) -> None:
        """End it: at once where nothing was sent, else when the minion says that it is gone."""
        if self._sent:
            if not self._stop.done():
                self._stop.set_result(None)
        elif self._task:
            self._task.cancel()

    async def _run(self) -> Event:
        event = await self._outcome()
        doubt = self._jobs.doubt(self._minion)
        return replace(event, reason=f"{event.reason} {doubt}".strip()) if doubt else event

    async def _outcome(self) -> Event:
        call = self._running.call
        try:
            if call.verb in ("call", "state"):
                function, arg = (function_of if call.verb == "call" else state_of)(call)
                async with self._places:
                    return await self._function(function, arg)
            planned = plan(call, mark=self._mark)
            async with self._places:
                return await self._line(planned)
        except VerbError as error:
            return self._event(Status.FAILED, str(error))
        except SaltError as error:
            return self._unanswered(error)
        except StoppedError:
            return ended(self._event(Status.OK), cancelled=True, seconds=0, gone=True)

    async def _reach(self) -> None:
        """Make sure that the minion is there before anything is sent to it."""
        self._began = self._loop.time()
        if not self._jobs.fresh(self._minion, FRESH):
            try:
                await self._jobs.call(self._minion, "test.ping", seconds=self._jobs.config.gather)
            except SilentError as error:
                reason = (
                    f"The minion {self._minion} does not answer; nothing was sent to it. Does salt-minion run there?"
                )
                raise NotReachedError(reason) from error
            except SaltError as error:
                raise NotReachedError(str(error)) from error
        self._began = self._loop.time()
        self._sent = True

    async def _function(self, function: str, arg: list[Any]) -> Event:
        """Call a function of Salt's."""
        call = self._running.call
        seconds = max(1, math.ceil(call.timeout))
        await self._reach()
        ask = self._jobs.publish(self._minion, function, arg)
        answer = await self._answer(ask, self._loop.time() + seconds)
        event = self._event(Status.OK)
        if answer is None:
            gone = await self._job_gone(ask)
            return ended(self._event(Status.OK), cancelled=self._stop.done(), seconds=seconds, gone=gone)
        if call.verb == "state":
            return of_state(answer, event, call.output_limit, check=call.check)
        return of_call(answer, event, call.output_limit)

    async def _line(self, planned: Plan) -> Event:
        """Run a portable verb's line."""
        await self._reach()
        until = self._loop.time() + planned.seconds + LATE
        folder = Folder.of(planned, self._jobs, self._minion)
        answer = None
        for arg in shell.messages(self._mark, planned.line, planned.stdin, head=folder.head, tail=folder.tail):
            if answer is not None and (why := refused(answer)):
                folder.remove()
                return self._event(Status.FAILED, why)
            ask = self._jobs.publish(self._minion, RUN, arg)
            answer = await self._answer(ask, until)
            if answer is None:
                return await self._cut_short(planned, folder, ask)
        assert answer is not None  # noqa: S101  # a line has one message at least
        event = self._event(Status.OK)
        try:
            return outcome(planned, await folder.bring(planned.limit, answer, self._stop), event)
        except NotBroughtError as error:
            return replace(event, status=Status.FAILED, reason=str(error))

    async def _answer(self, ask: Ask, until: float) -> Answer | None:
        """Wait for an answer; None when it was cancelled or its time is over."""
        either: set[asyncio.Future[Any]] = {ask.answered, self._stop}
        await asyncio.wait(either, timeout=max(0.0, until - self._loop.time()), return_when=asyncio.FIRST_COMPLETED)
        return ask.answered.result() if ask.answered.done() else None

    async def _cut_short(self, planned: Plan, folder: Folder, ask: Ask) -> Event:
        """End what runs on the host, from here."""
        cancelled = self._stop.done()
        gone = await self._gone_by_mark(ask)
        event = ended(self._event(Status.OK), cancelled=cancelled, seconds=planned.seconds, gone=gone)
        if not ask.answered.done() or ask.answered.exception():
            ask.answered.cancel()
            folder.remove()
            return event
        try:
            return with_output(event, await folder.bring(planned.limit, ask.answered.result()))
        except NotBroughtError:
            return event

    async def _gone_by_mark(self, ask: Ask) -> bool:
        """End the marked processes; True when the host says that none is left and the command's own end is seen."""
        end = shell.command(remote_shell.end(self._mark))
        for _ in range(ENDINGS):
            said = await self._word(end)
            await asyncio.wait({ask.answered}, timeout=SETTLE)
            if said != "gone":
                return False
            if ask.answered.done():
                return ask.answered.exception() is None
        return False

    async def _job_gone(self, ask: Ask) -> bool:
        """End a job's process and what it has started; True when the minion says that none is left.

        A job that was only just sent may begin after the first look: it is gone when its own end is seen.
        """
        try:
            for _ in range(ENDINGS):
                found = await self._jobs.call(
                    self._minion, "saltutil.find_job", [ask.jid], seconds=self._jobs.config.gather
                )
                if found.value != {}:
                    return await self._tree_gone(found.value)
                await asyncio.wait({ask.answered}, timeout=SETTLE)
                if ask.answered.done():
                    return ask.answered.exception() is None
            return False
        except SaltError:
            return False
        finally:
            ask.answered.cancel()

    async def _tree_gone(self, found: Any) -> bool:  # noqa: ANN401  # whatever a minion returned
        """End the process that saltutil.find_job has found, and what it has started."""
        pid = found.get("pid") if isinstance(found, dict) else None
        if type(pid) is not int:
            return False
        forks = [{"__kwarg__": True, "default": True}]
        own = await self._jobs.call(self._minion, "config.get", ["multiprocessing", *forks], seconds=ENDING)
        if own.value is not True:  # the job is a thread of the minion itself, which must live
            return False
        return await self._word(shell.end_tree(pid)) == "gone"

    async def _word(self, arg: list[Any]) -> str:
        """Run a text on the host and give the last word of its output; "" where there is none."""
        try:
            answer = await self._jobs.call(self._minion, RUN, arg, seconds=ENDING)
        except SaltError:
            return ""
        said = answer.value.get("stdout") if isinstance(answer.value, dict) else ""
        return (str(said).split() or [""])[-1]

    def _unanswered(self, error: SaltError) -> Event:
        """Make the final event where there is no answer."""
        if isinstance(error, NotReachedError) or not error.sent:
            return replace(self._event(Status.UNREACHABLE, str(error)), untouched=True)
        reason = f"{str(error).rstrip('.')}; whether what was sent to it runs is not known."
        heard = isinstance(error, SilentError) and error.heard
        return self._event(Status.LOST if heard else Status.UNREACHABLE, reason)
