"""One verb on one minion, from waiting to its one final event."""

import asyncio
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rpcgate.engines import remote_shell
from rpcgate.engines import salt_shell as shell
from rpcgate.engines.plan import Plan, VerbError, ended, outcome, plan, with_output
from rpcgate.engines.remote import ENDING, ENDINGS, HostRun, RemoteCall
from rpcgate.engines.salt_answers import of_call, of_state
from rpcgate.engines.salt_functions import function_of, state_of
from rpcgate.engines.salt_jobs import Answer, Ask, SilentError
from rpcgate.engines.salt_link import SaltError
from rpcgate.output import Output
from sdk import Event, Status, Target
from sdk.event import Stream

if TYPE_CHECKING:
    from rpcgate.engines.salt import SaltAdapter

RUN = "cmd.run_all"
FRESH = 5.0  # seconds for which a minion that has answered is taken to be there
LATE = 3.0  # seconds that a minion may be late to end a command by itself, and to say so
SETTLE = 3.0  # seconds for the answer of a command that was ended
FETCH = 60.0  # seconds for one piece of output to come
AT_ONCE = 4  # pieces under way


class NotReachedError(SaltError):
    """The minion was not reached, and nothing was sent to it. The text is the reason."""


class StoppedError(Exception):
    """It was cancelled after the command had ended, while its output was under way."""


@dataclass(slots=True)
class Said:
    """What a host said by the end; see rpcgate.engines.plan.Said."""

    rc: int | None
    raw: bytes
    streams: dict[Stream, Output]
    both: Output


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
        head = planned.raw or planned.limit - planned.limit // 2
        tail = 0 if planned.raw else planned.limit // 2
        answer = None
        for arg in shell.messages(self._mark, planned.line, planned.stdin, head=head, tail=tail):
            if answer is not None and (refused := _refused(answer)):
                return self._event(Status.FAILED, refused)
            ask = self._jobs.publish(self._minion, RUN, arg)
            answer = await self._answer(ask, until)
            if answer is None:
                return await self._cut_short(planned, ask)
        assert answer is not None  # noqa: S101  # a line has one message at least
        event = self._event(Status.OK)
        said = await self._collect(planned, answer)
        return (
            outcome(planned, said, event)
            if isinstance(said, Said)
            else replace(event, status=Status.FAILED, reason=said)
        )

    async def _answer(self, ask: Ask, until: float) -> Answer | None:
        """Wait for an answer; None when it was cancelled or its time is over."""
        either: set[asyncio.Future[Any]] = {ask.answered, self._stop}
        await asyncio.wait(either, timeout=max(0.0, until - self._loop.time()), return_when=asyncio.FIRST_COMPLETED)
        return ask.answered.result() if ask.answered.done() else None

    async def _cut_short(self, planned: Plan, ask: Ask) -> Event:
        """End what runs on the host, from here."""
        cancelled = self._stop.done()
        gone = await self._gone_by_mark(ask)
        event = ended(self._event(Status.OK), cancelled=cancelled, seconds=planned.seconds, gone=gone)
        if ask.answered.done() and ask.answered.exception() is None:
            said = await self._collect(planned, ask.answered.result())
            return with_output(event, said) if isinstance(said, Said) else event
        self._jobs.publish(self._minion, RUN, shell.remove(self._mark), watched=False)
        ask.answered.cancel()
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
        """End a job's process and what it has started; True when the minion says that none is left."""
        try:
            found = await self._jobs.call(
                self._minion, "saltutil.find_job", [ask.jid], seconds=self._jobs.config.gather
            )
            pid = found.value.get("pid") if isinstance(found.value, dict) else None
            if type(pid) is not int:
                return bool(found.value == {})
            forks = [{"__kwarg__": True, "default": True}]
            own = await self._jobs.call(self._minion, "config.get", ["multiprocessing", *forks], seconds=ENDING)
            if own.value is not True:  # the job is a thread of the minion itself, which must live
                return False
            return await self._word(shell.end_tree(pid)) == "gone"
        except SaltError:
            return False
        finally:
            ask.answered.cancel()

    async def _word(self, arg: list[Any]) -> str:
        """Run a text on the host and give the last word of its output; "" where there is none."""
        try:
            answer = await self._jobs.call(self._minion, RUN, arg, seconds=ENDING)
        except SaltError:
            return ""
        said = answer.value.get("stdout") if isinstance(answer.value, dict) else ""
        return (str(said).split() or [""])[-1]

    async def _collect(self, planned: Plan, answer: Answer) -> Said | str:
        """Bring what a line has written; a text says why there is nothing to bring."""
        if refused := _refused(answer):
            return refused
        try:
            kept = shell.kept(answer.value["stdout"])
        except ValueError:
            return f"The minion's shell gave an answer that is none: {str(answer.value['stdout'])[:200]!r}."
        data = kept.inline
        if data is None:
            data = await self._fetch(kept.size)
        cut = kept.streams[0][1]
        out, err = Output(planned.limit), Output(planned.limit)
        both = Output(planned.limit)
        for streams, piece, (size, _, head) in ((out, data[:cut], kept.streams[0]), (err, data[cut:], kept.streams[1])):
            for output in (streams, both):
                _fill(output, piece, size, head)
        return Said(kept.rc, data[:cut], {"stdout": out, "stderr": err}, both)

    async def _fetch(self, size: int) -> bytes:
        """Bring what is too much for one answer, some pieces at once."""
        data = bytearray()
        try:
            for start in range(0, size, AT_ONCE * shell.DOWN):
                if self._stop.done():
                    raise StoppedError
                starts = range(start, min(size, start + AT_ONCE * shell.DOWN), shell.DOWN)
                for piece in await asyncio.gather(*(self._piece(one) for one in starts)):
                    data += piece
        finally:
            self._jobs.publish(self._minion, RUN, shell.remove(self._mark), watched=False)
        if len(data) != size:
            raise SilentError("What the command wrote could not be fetched", sent=True, heard=True)
        return bytes(data)

    async def _piece(self, start: int) -> bytes:
        answer = await self._jobs.call(self._minion, RUN, shell.fetch(self._mark, start), seconds=FETCH)
        return shell.piece(answer.value)

    def _unanswered(self, error: SaltError) -> Event:
        """Make the final event where there is no answer."""
        if isinstance(error, NotReachedError) or not error.sent:
            return replace(self._event(Status.UNREACHABLE, str(error)), untouched=True)
        reason = f"{str(error).rstrip('.')}; whether what was sent to it runs is not known."
        heard = isinstance(error, SilentError) and error.heard
        return self._event(Status.LOST if heard else Status.UNREACHABLE, reason)


def _refused(answer: Answer) -> str:
    """Say why a minion did not carry out a message; "" when it did."""
    value = answer.value
    if not isinstance(value, dict) or not isinstance(value.get("stdout"), str):
        return (
            f"The minion did not run it: {str(value).strip().splitlines()[-1] if str(value).strip() else 'no reason'}"
        )
    if value.get("retcode"):
        return f"The host did not take it: {str(value.get('stderr')).strip() or value['retcode']}"
    return ""


def _fill(output: Output, piece: bytes, size: int, head: int) -> None:
    """Give an output its first and its last part, and the size of what was left out between them."""
    output.add(piece[:head])
    output.size += size - len(piece)
    output.add(piece[head:])
