"""Salt jobs: one message for many minions, each minion's answer for itself. Belongs to the event loop's thread.

Who asks the same of several minions at the same moment asks in one job, with a list of ids: ids are never patterns. A
minion that does not answer is asked whether it still works (saltutil.find_job); one that does not answer that either
is silent.
"""

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rpcgate.engines.salt_config import SaltConfig
from rpcgate.engines.salt_link import SaltError, SaltLink

log = logging.getLogger(__name__)
TRIMMED = "VALUE_TRIMMED"  # Salt's own word for what does not fit into an event (max_event_size)
TOGETHER = 0.02  # seconds in which minions are gathered for one job
TAKE = 120.0  # seconds for a job to come to the Salt master, its process started anew first
STILL = 30.0  # seconds for which a minion at work may say nothing: a machine that stalls is not lost
RARELY = 60.0  # seconds between two looks at a minion that works on
AGAIN = 1.0  # seconds until a look that told nothing is repeated
LOOKS = 3  # that find nothing at work until its answer is given up
DOUBTFUL = 3600.0  # seconds for which a minion's results say that somebody else has spoken in its name
SETTLING = 60.0  # seconds in which a Salt master that was started anew may lack minions that are well


class SilentError(SaltError):
    """The minion does not answer. sent: something may have come to it. heard: it had answered since."""

    def __init__(self, reason: str, *, sent: bool = False, heard: bool = False) -> None:
        super().__init__(reason, sent=sent)
        self.heard = heard


@dataclass(frozen=True, slots=True)
class Answer:
    """What a minion returned. good: the function says that it went well. large: the value was too much to be kept.
    cut: parts of it were, for Salt."""

    value: Any
    rc: int | None
    good: bool
    large: bool = False
    cut: bool = False


@dataclass(slots=True)
class Ask:
    """One function on one minion. taken: the Salt master has it. answered: the Answer, or a SaltError."""

    minion: str
    taken: "asyncio.Future[None]"
    answered: "asyncio.Future[Answer]"
    watched: bool
    jid: str = ""
    heard: bool = False  # the minion said that it works on it
    ended: int = 0  # how often the minion said that it does not work on it

    def fail(self, error: SaltError) -> None:
        """End it without an answer."""
        if not self.answered.done():
            self.answered.set_exception(error)
            self.answered.exception()  # nobody need look at it


@dataclass(slots=True)
class Job:
    """One message to some minions."""

    jid: str
    function: str
    arg: list[Any]
    asks: dict[str, Ask] = field(default_factory=dict)

    @property
    def open(self) -> list[Ask]:
        """Give those without an answer whose asker still waits."""
        return [ask for ask in self.asks.values() if not ask.answered.done()]


class SaltJobs:
    """All jobs of one Salt master."""

    def __init__(self, config: SaltConfig) -> None:
        self.config = config
        self.link = SaltLink(config, self._take, self._lost)
        self._waiting: dict[str, list[tuple[Ask, str, list[Any]]]] = {}
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last = 0  # microseconds of the last job id
        self._alive: dict[str, float] = {}  # minion -> when it last answered
        self._unsettled = float("-inf")  # when the Salt master was away, or came back
        self._doubted: dict[str, float] = {}  # minion -> when two different answers had come in its name

    def publish(self, minion: str, function: str, arg: Sequence[Any] = (), *, watched: bool = True) -> Ask:
        """Ask a function of a minion. watched: a silent one is found out."""
        loop = asyncio.get_running_loop()
        ask = Ask(minion, loop.create_future(), loop.create_future(), watched)
        same = json.dumps([function, list(arg), watched], sort_keys=True)
        if same not in self._waiting:
            self._waiting[same] = []
            loop.call_later(TOGETHER, self._send, same)
        self._waiting[same].append((ask, function, list(arg)))
        return ask

    async def call(self, minion: str, function: str, arg: Sequence[Any] = (), *, seconds: float) -> Answer:
        """Ask a function of a minion; SilentError where it does not answer within `seconds` of being asked."""
        ask = self.publish(minion, function, arg, watched=False)
        either: set[asyncio.Future[Any]] = {ask.taken, ask.answered}
        try:
            await asyncio.wait(either, timeout=TAKE, return_when=asyncio.FIRST_COMPLETED)
            return await asyncio.wait_for(ask.answered, seconds)
        except TimeoutError:
            if not ask.taken.done():
                raise SaltError("The Salt master takes no jobs.", sent=bool(ask.jid)) from None
            raise SilentError(f"The minion {minion} does not answer.", sent=True) from None
        finally:
            ask.answered.cancel()  # nobody waits for it any more

    def tell(self, minion: str, function: str, arg: Sequence[Any]) -> None:
        """Ask a function of a minion without waiting for its answer."""
        self._soon(self.call(minion, function, arg, seconds=RARELY))

    def fresh(self, minion: str, seconds: float) -> bool:
        """Say whether a minion has answered within the last `seconds`."""
        return asyncio.get_running_loop().time() - self._alive.get(minion, float("-inf")) < seconds

    def doubt(self, minion: str) -> str:
        """Say that a minion's results may be another's; "" when nothing tells so."""
        if asyncio.get_running_loop().time() - self._doubted.get(minion, float("-inf")) > DOUBTFUL:
            return ""
        return f"Two different answers came in the name of {minion}: one is not its own. See the log."

    def forget_who_is_there(self) -> None:
        """Take no minion to be there until it has answered anew."""
        self._alive.clear()

    async def close(self) -> None:
        """End the process and all that waits."""
        for task in self._tasks:
            task.cancel()
        await self.link.close()

    def _send(self, same: str) -> None:
        """Make jobs of what has gathered: a minion once in each, and no more minions than a batch has."""
        waiting = self._waiting.pop(same)
        jobs: list[Job] = []
        for ask, function, arg in waiting:
            if ask.answered.done():  # its asker has gone
                continue
            job = next((job for job in jobs if ask.minion not in job.asks and len(job.asks) < self.config.batch), None)
            if job is None:
                jobs.append(job := Job(self._jid(), function, arg))
            job.asks[ask.minion] = ask
            ask.jid = job.jid
        for job in jobs:
            self._jobs[job.jid] = job
            self._soon(self._run(job))

    async def _run(self, job: Job) -> None:
        """Publish a job and see each of its minions to an end."""
        try:
            known = await self._publish(job)
            for ask in job.open:
                ask.taken.set_result(None)
            if unknown := [ask for ask in job.open if ask.minion not in known]:
                keys = await self.link.ask("keys")
                for ask in unknown:
                    ask.fail(SaltError(_not_known(ask.minion, keys)))
            await self._watch(job)
            await self.link.ask("forget", jid=job.jid)
        except SaltError as error:
            for ask in job.open:
                ask.fail(SaltError(str(error), sent=error.sent))
        finally:
            self._jobs.pop(job.jid, None)
            for ask in job.open:  # nobody is left waiting, whatever has happened
                ask.fail(SaltError("The engine was closed, or has failed.", sent=True))

    async def _publish(self, job: Job) -> set[str]:
        answer = await self.link.ask(
            "publish", jid=job.jid, function=job.function, arg=job.arg, minions=sorted(job.asks)
        )
        return set(answer["minions"])

    async def _watch(self, job: Job) -> None:
        """Wait for a job's minions; ask the silent ones now and then whether they work on it."""
        pause = self.config.gather
        while waiting := job.open:
            await asyncio.wait([ask.answered for ask in waiting], timeout=pause, return_when=asyncio.ALL_COMPLETED)
            doubtful = [ask for ask in job.open if ask.watched]
            if doubtful:
                await asyncio.gather(*(self._look(ask) for ask in doubtful))
                if any(ask.ended for ask in doubtful):
                    with suppress(SaltError):  # the next look tries again
                        await self._recover(job)
            soon = self._settling() or any(ask.ended for ask in job.open)
            pause = AGAIN if soon else min(pause * 2, RARELY)

    async def _look(self, ask: Ask) -> None:
        """Ask a minion whether it works on a job."""
        try:
            seconds = max(self.config.gather, STILL)
            answer = await self.call(ask.minion, "saltutil.find_job", [ask.jid], seconds=seconds)
        except SilentError:
            if not self._settling():
                ask.fail(SilentError(f"The minion {ask.minion} has stopped answering.", sent=True, heard=ask.heard))
            return
        except SaltError as error:
            if not self._settling(away=True):
                ask.fail(SaltError(str(error), sent=True))
            return
        ask.heard = True
        ask.ended = 0 if answer.value else ask.ended + 1
        if ask.ended > LOOKS:
            reason = f"The minion {ask.minion} works on it no more, and its answer did not come."
            ask.fail(SilentError(reason, sent=True, heard=True))

    def _settling(self, *, away: bool = False) -> bool:
        """Say whether the Salt master was started anew a short time ago. away: it is not there at the moment."""
        now = asyncio.get_running_loop().time()
        if away and now - self._unsettled > 2 * SETTLING:  # it has only just gone
            self._unsettled = now
        return now - self._unsettled < SETTLING

    async def _recover(self, job: Job) -> None:
        """Take from the Salt master's job cache what the event bus did not bring."""
        for minion, told in (await self.link.ask("watch", jid=job.jid, minions=sorted(job.asks)))["returns"].items():
            self._take({"jid": job.jid, "minion": minion, **told, "cached": True})

    def _take(self, told: dict[str, Any]) -> None:
        """Take what the process says unasked: what a minion returned, or that the Salt master was started anew."""
        if "minion" not in told:
            self._unsettled = asyncio.get_running_loop().time()
            return
        if "contradicted" in told:
            self._suspect(told)
            return
        self._alive[told["minion"]] = asyncio.get_running_loop().time()
        job = self._jobs.get(told["jid"])
        ask = job.asks.get(told["minion"]) if job else None
        if job is None or ask is None or ask.answered.done():
            return
        if told["cut"] and "cached" not in told:
            self._soon(self._recover(job))
            return
        large = told["large"] or told["value"] == TRIMMED
        ask.answered.set_result(Answer(told["value"], told["rc"], told["good"], large, told["cut"]))

    def _suspect(self, told: Mapping[str, Any]) -> None:
        """Take that something came in a minion's name which may not be its own."""
        minion = told["minion"]
        self._doubted[minion] = asyncio.get_running_loop().time()
        log.error(
            "salt: job %s: two different answers in the name of the minion %s: a minion forges, or two have one id",
            told["jid"],
            minion,
        )

    def _lost(self) -> None:
        """After the process has died: a new one takes up what the old one was listening for."""
        for job in list(self._jobs.values()):
            self._soon(self._recover(job))

    def _soon(self, work: Any) -> None:  # noqa: ANN401  # a coroutine
        async def quietly() -> None:
            try:
                await work
            except SaltError:  # the next look at the job will meet it again
                return
            except Exception:
                log.exception("salt: a job's task has failed")

        task = asyncio.get_running_loop().create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _jid(self) -> str:
        """Make a job id as Salt does, from the time with microseconds; two of ours never have the same."""
        now = self._last = max(time.time_ns() // 1000, self._last + 1)
        return time.strftime("%Y%m%d%H%M%S", time.gmtime(now // 1_000_000)) + f"{now % 1_000_000:06d}"


def _not_known(minion: str, keys: Mapping[str, Sequence[str]]) -> str:
    """Say why the Salt master sends nothing to a minion."""
    if minion in keys["waiting"]:
        return (
            f"The Salt master has not accepted the key of {minion}; compare it (salt-key -f {minion}), then accept"
            f" it (salt-key -a {minion})."
        )
    for word in ("rejected", "denied"):
        if minion in keys[word]:
            return f"The Salt master has {word} the key of {minion}; see salt-key -L."
    return f"The Salt master knows no minion {minion!r}; see salt-key -L, and engines.salt.id for which name is used."
