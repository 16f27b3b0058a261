"""The way to one minion: methods called on it one by one, jobs started and followed, content brought up."""

import asyncio
import re
import shlex
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rpcgate.engines import func_text
from rpcgate.engines.func_abilities import Abilities
from rpcgate.engines.func_errors import BadReply, Denied, FuncError, OutcomeUnknown, RemoteError, Unreached
from rpcgate.engines.func_wire import Connection, Minion
from rpcgate.engines.func_xml import Reply, judged
from rpcgate.engines.plan import SMALL, Plan

T = TypeVar("T")
DENIED = "the minion's access list does not allow {method} to this master; docs/func.md has the line it needs"
FRESH = 5.0  # seconds for which an open connection may wait for its call; a minion closes it after twenty
SHORT = 30.0  # seconds for a call that has nothing to wait for on the minion
FORGOTTEN = 3000.0  # seconds: a minion forgets jobs that began an hour ago while they run, and knows them again after
JOB = r"[!-~]{1,200}"  # a job's id, which is sent back as it came
TRIES = 3  # for what is only read
SOONEST, LATEST, PATIENCE = 0.05, 15.0, 0.5  # seconds between polls: at least, at most, as a part of the time so far
SHARE = 1.0  # times what one question takes, until the next: where much runs, asking must not be most of it
AT_THE_END = 0.3  # seconds after a command's own deadline at which to look again


@dataclass(slots=True)
class Link:
    """Calls to one minion, each made in a thread of the pool.

    connection: one that was opened ahead, for the first call. hurry: set where a job's end is expected at once.
    took: seconds of the last start.
    """

    minion: Minion
    context: ssl.SSLContext
    pool: Executor
    connect_timeout: float
    abilities: Abilities
    connection: Connection | None = None
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    took: float = 0.0

    async def connect(self) -> None:
        """Open a connection ahead; Unreached says why not."""
        self.connection = await self._in_thread(self._opened)

    async def ask(self, method: str, params: tuple[Any, ...], *, seconds: float, limit: int = SMALL) -> Reply:
        """Call a method once. Where nobody waits for it any more, the connection is closed, or nothing is sent."""
        given_up = threading.Event()
        held: list[Connection] = []

        def work() -> Reply:
            held.append(self._fresh() or self._opened())
            if given_up.is_set():
                held[0].close()
                raise Unreached("nobody waits for it any more")
            try:
                return held[0].ask(method, params, seconds=seconds, limit=limit)
            except Denied as error:
                raise Denied(DENIED.format(method=method.removeprefix("async."))) from error

        try:
            return await self._in_thread(work)
        except asyncio.CancelledError:
            given_up.set()
            for connection in held:
                connection.abort()
            raise

    async def has_jobs(self) -> bool:
        """Say whether this minion starts jobs and lets us ask for them; asked once in a while."""
        known = self.abilities.jobs(self.minion)
        if known is None:
            try:
                await self.ask("jobs.job_status", ("omserver",), seconds=SHORT)
                known = True
            except (Denied, RemoteError):
                known = False
            except OutcomeUnknown as error:
                raise Unreached(f"{self.minion} does not answer as a minion does: {error}") from error
            self.abilities.learn_jobs(self.minion, known)
        return known

    async def methods(self) -> dict[str, Sequence[str]] | None:
        """Give the minion's modules with their methods; None where it does not tell."""
        known = self.abilities.methods(self.minion)
        if known is None:
            try:
                value = (await self.ask("system.inventory", (), seconds=SHORT, limit=func_text.PIECE)).value
            except FuncError:
                return None
            if not isinstance(value, dict) or not all(isinstance(names, list) for names in value.values()):
                return None
            known = {module: [str(name) for name in names] for module, names in value.items()}
            self.abilities.learn_methods(self.minion, known)
        return known

    async def start(self, method: str, params: tuple[Any, ...]) -> str:
        """Start a method as a job and give its id."""
        began = time.monotonic()
        value = (await self.ask(f"async.{method}", params, seconds=SHORT)).value
        self.took = time.monotonic() - began
        if not isinstance(value, str) or not re.fullmatch(JOB, value):
            raise BadReply("it started no job but answered something else")
        return value

    async def result(self, job: str, *, seconds: float, limit: int) -> Reply:
        """Wait for a job's result for as long as the caller does. seconds: when its command ends at the latest.

        Asking is safe to repeat, so a poll that gets no answer is only followed by the next.
        """
        began, asked = time.monotonic(), self.took
        while True:
            elapsed = time.monotonic() - began
            await self._rest(max(_pause(elapsed, seconds), asked * SHARE))
            at = time.monotonic()
            try:
                reply = await self.ask("jobs.job_status", (job,), seconds=SHORT, limit=limit)
            except (Unreached, BadReply):
                continue
            except (Denied, RemoteError) as error:
                raise OutcomeUnknown(f"jobs.job_status is refused: {error}") from error
            except OutcomeUnknown:
                continue
            asked = time.monotonic() - at
            match reply.value:  # 0: runs; 1: has ended; 2: unknown; 3: partly, of an overlord only; 4: has raised
                case [1 | 4, value]:
                    return judged(value, lossy=reply.lossy)
                case [2, _] if elapsed < FORGOTTEN:
                    raise OutcomeUnknown("the minion knows the job no more, as after a restart of it")
                case [0 | 2 | 3, _]:
                    continue
                case _:
                    raise BadReply("jobs.job_status answers in a way that Func does not")

    async def bring_up(self, planned: Plan) -> str:
        """Bring a plan's input and text into a new private folder there; give the folder."""
        folder, uid, gid = await self._new_folder(planned.call)
        whole = func_text.text(planned, folder).encode()
        given, size = planned.given or b"", func_text.PIECE
        starts = range(0, max(1, len(given)), size)
        try:
            for name, content in [*((f"part.{at:012}", given[at : at + size]) for at in starts), ("text", whole)]:
                params = (f"{folder}/{name}", content, 0o600, uid, gid)
                if (await self.ask("copyfile.copyfile", params, seconds=SHORT)).value not in (0, 1):
                    raise RemoteError(f"copyfile.copyfile could not write {folder}/{name}; is the disk full?")
        except BaseException:
            self.remove(folder)
            raise
        return folder

    async def fetch(self, folder: str, size: int) -> bytes:
        """Fetch what is parked in a folder there. Reading is safe to repeat, so each piece is tried some times."""
        content = bytearray()
        while len(content) < size:
            content += await self._piece(func_text.fetch(folder, len(content)))
        return bytes(content)

    def remove(self, folder: str) -> None:
        """Take a folder away that nobody will run, without waiting for it."""

        def work() -> None:
            try:
                self._opened().ask("command.run", (f"rm -rf -- {shlex.quote(folder)}",), seconds=SHORT, limit=SMALL)
            except FuncError:
                return  # it lies in the folder for temporary files, where the host's own cleaning finds it

        self.pool.submit(work)

    def close(self) -> None:
        """Let go of a connection that had no call."""
        if self.connection:
            self.connection.close()

    async def _new_folder(self, mark: str) -> tuple[str, int, int]:
        value = (await self.ask("command.run", (func_text.MAKE_FOLDER.format(mark=mark),), seconds=SHORT)).value
        match value:
            case [0, str(out), str()] if found := re.fullmatch(func_text.NEW_FOLDER.format(mark=mark), out, re.ASCII):
                return found[1], int(found[2]), int(found[3])
            case [int(), str(), str(err)] if err.strip():
                raise RemoteError(f"no temporary folder can be made: {err.strip().splitlines()[-1][:300]}")
        raise RemoteError("no temporary folder can be made there")

    async def _piece(self, command: str) -> bytes:
        for _ in range(TRIES):
            with suppress(Unreached, OutcomeUnknown):
                reply = await self.ask("command.run", (command,), seconds=SHORT, limit=2 * func_text.PIECE)
                if piece := func_text.fetched(reply.value):
                    return piece
            await asyncio.sleep(SOONEST)
        raise OutcomeUnknown("what it wrote could not be fetched")

    async def _rest(self, seconds: float) -> None:
        if self.hurry.is_set():
            await asyncio.sleep(SOONEST)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self.hurry.wait(), seconds)

    def _fresh(self) -> Connection | None:
        connection, self.connection = self.connection, None
        if connection and time.monotonic() - connection.opened > FRESH:
            connection.close()
            return None
        return connection

    def _opened(self) -> Connection:
        return Connection.open(self.minion, self.context, self.connect_timeout)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)


def _pause(elapsed: float, seconds: float) -> float:
    pause = max(SOONEST, min(LATEST, elapsed * PATIENCE))
    end = seconds + AT_THE_END
    return pause if elapsed >= end else min(pause, max(SOONEST, end - elapsed))
