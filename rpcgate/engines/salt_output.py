"""Bring back what a line has written, from its folder on a host. What hosts answer is believed within bounds only."""

import asyncio
from dataclasses import dataclass

from rpcgate.engines import salt_shell as shell
from rpcgate.engines.plan import Plan
from rpcgate.engines.salt_jobs import Answer, SaltJobs
from rpcgate.engines.salt_link import SaltError
from rpcgate.output import Output
from sdk.event import Stream

RUN = "cmd.run_all"
FETCH = 60.0  # seconds for one piece of output to come
AT_ONCE = 4  # pieces under way


class NotBroughtError(Exception):
    """There is nothing to bring. The text is the reason."""


class StoppedError(Exception):
    """It was cancelled while the output was under way; the command itself had ended."""


@dataclass(slots=True)
class Said:
    """What a host said by the end; see rpcgate.engines.plan.Said."""

    rc: int | None
    raw: bytes
    streams: dict[Stream, Output]
    both: Output


@dataclass(frozen=True, slots=True)
class Folder:
    """A call's folder on one host. head, tail: bytes of a stream that are kept there, its first and its last ones."""

    jobs: SaltJobs
    minion: str
    mark: str
    head: int
    tail: int

    @classmethod
    def of(cls, planned: Plan, jobs: SaltJobs, minion: str) -> "Folder":
        """Give the folder of a planned line."""
        if planned.raw:
            return cls(jobs, minion, planned.call, planned.raw, 0)
        return cls(jobs, minion, planned.call, planned.limit - planned.limit // 2, planned.limit // 2)

    async def bring(self, limit: int, answer: Answer, stop: "asyncio.Future[None] | None" = None) -> Said:
        """Bring what was written; NotBroughtError or StoppedError where it is not, and then nothing is left there."""
        try:
            if why := refused(answer):
                raise NotBroughtError(why)
            try:
                kept = shell.kept(answer.value["stdout"], self.head + self.tail)
            except ValueError as error:
                raise NotBroughtError(f"The minion's shell gave an answer that is none: {error}"[:300]) from error
            data = kept.inline if kept.inline is not None else await self._fetch(kept, stop)
        except (NotBroughtError, StoppedError):
            self.remove()
            raise
        return _said(kept, data, limit)

    def remove(self) -> None:
        """Let the host remove what is left there, without waiting for it."""
        self.jobs.tell(self.minion, RUN, shell.remove(self.mark))

    async def _fetch(self, kept: shell.Kept, stop: "asyncio.Future[None] | None") -> bytes:
        """Bring what is too much for one answer, some pieces at once."""
        data = bytearray()
        try:
            for start in range(0, kept.size, AT_ONCE * shell.DOWN):
                if stop and stop.done():
                    raise StoppedError
                starts = range(start, min(kept.size, start + AT_ONCE * shell.DOWN), shell.DOWN)
                for piece in await asyncio.gather(*(self._piece(one) for one in starts)):
                    data += piece
        except SaltError as error:
            raise NotBroughtError(_lost(kept.rc, str(error))) from error
        if len(data) != kept.size:
            raise NotBroughtError(_lost(kept.rc, "it is not there any more"))
        self.remove()
        return bytes(data)

    async def _piece(self, start: int) -> bytes:
        answer = await self.jobs.call(self.minion, RUN, shell.fetch(self.mark, start), seconds=FETCH)
        return shell.piece(answer.value)


def refused(answer: Answer) -> str:
    """Say why a minion did not carry out a message; "" when it did."""
    value = answer.value
    if not isinstance(value, dict) or not isinstance(value.get("stdout"), str):
        said = str(value).strip().splitlines() or ["it gives no reason"]
        return f"The minion did not run it: {said[-1][:300]}"
    if value.get("retcode"):
        return f"The host did not take it: {str(value.get('stderr')).strip()[:300] or value['retcode']}"
    return ""


def _said(kept: shell.Kept, data: bytes, limit: int) -> Said:
    cut = kept.streams[0][1]
    out, err, both = Output(limit), Output(limit), Output(limit)
    for output, piece, (size, _, head) in ((out, data[:cut], kept.streams[0]), (err, data[cut:], kept.streams[1])):
        for filled in (output, both):
            filled.add(piece[:head])
            filled.size += size - len(piece)  # what was left out between its first and its last part
            filled.add(piece[head:])
    return Said(kept.rc, data[:cut], {"stdout": out, "stderr": err}, both)


def _lost(rc: int, why: str) -> str:
    return f"It ended with exit status {rc}, but what it wrote could not be fetched: {why.rstrip('.')}."
