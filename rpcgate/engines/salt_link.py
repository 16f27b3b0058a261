"""The daemon's end of the process that speaks to the Salt master. Belongs to the event loop's thread."""

import asyncio
import itertools
import json
import logging
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import rpcgate
from rpcgate.engines.salt_config import SaltConfig

log = logging.getLogger(__name__)
START = 60.0  # seconds for Salt to be imported, on a loaded machine
STOP = 5.0
LINE = 64 << 20  # bytes of one message
Take = Callable[[dict[str, Any]], None]


class SaltError(Exception):
    """What was asked of Salt was not done; the text is the reason. sent: it may have come to the minion even so."""

    def __init__(self, reason: str, *, sent: bool = False) -> None:
        super().__init__(reason)
        self.sent = sent


class SaltLink:
    """One process, started when it is needed, and again when it has died.

    take: gets what minions return, and {"anew": True} when the Salt master was started anew. lost: is told when the
    process has died, with all that it was listening for.
    """

    def __init__(self, config: SaltConfig, take: Take, lost: Callable[[], None]) -> None:
        self._config = config
        self._take = take
        self._lost = lost
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Give the process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def ask(self, what: str, **fields: Any) -> dict[str, Any]:
        """Ask the process; SaltError says why there is no answer."""
        async with self._lock:
            if self._writer is None:
                await self._start()
        return await self._ask(next(self._numbers), {"do": what, **fields})

    async def close(self) -> None:
        """End the process: the closed socket is the sign."""
        self._closed = True
        async with self._lock:
            process, writer, reading = self._process, self._writer, self._reading
            self._process = self._writer = self._reading = None
            if reading:
                reading.cancel()
            if writer:
                writer.close()
            if process:
                await _ended(process)

    async def _ask(self, number: int, question: dict[str, Any]) -> dict[str, Any]:
        assert self._writer is not None  # noqa: S101  # it was started
        answered = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(json.dumps({"id": number, **question}).encode() + b"\n")
            await self._writer.drain()
            answer = await answered
        except OSError as error:
            raise SaltError("The process that speaks to Salt has died.", sent=True) from error
        finally:
            self._asked.pop(number, None)
        if "error" in answer:
            raise SaltError(str(answer["error"]), sent=bool(answer.get("sent")))
        return dict(answer)

    async def _start(self) -> None:
        """Start the process and wait until it has read Salt's configuration."""
        if reason := "The engine is closed." if self._closed else self._config.usable():
            raise SaltError(reason)
        self._config.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        ours, theirs = socket.socketpair()
        with theirs, (self._config.home / "process.log").open("wb") as log:
            process = self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "rpcgate.engines.salt_process", str(theirs.fileno()), str(self._config.config)),
                pass_fds=[theirs.fileno()],
                cwd=self._config.home,
                env={**_inherited(), "PYTHONPATH": str(Path(rpcgate.__file__).parents[1])},
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=LINE)
        ready = self._asked[0] = asyncio.get_running_loop().create_future()
        reading = self._reading = asyncio.create_task(self._read(reader, process, self._writer))
        try:
            answer = await asyncio.wait_for(ready, START)
        except (SaltError, TimeoutError) as error:
            answer = {"error": f"Salt did not start ({error or 'too slow'}); see {self._config.home / 'process.log'}."}
        if "error" in answer:
            _kill(process)
            await reading
            raise SaltError(str(answer["error"]))

    async def _read(self, reader: asyncio.StreamReader, process: Process, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self._heard(json.loads(line))
        except Exception:  # a message that is none, or beyond LINE: the process is given up
            log.exception("salt: the process that speaks to Salt says what cannot be read")
        _kill(process)
        writer.close()
        self._process = self._writer = None
        for answered in self._asked.values():
            if not answered.done():
                answered.set_exception(SaltError("The process that speaks to Salt has died.", sent=True))
        self._lost()

    def _heard(self, message: dict[str, Any]) -> None:
        if "id" not in message:
            self._take(message)
        elif (answered := self._asked.get(message.get("id", -1))) and not answered.done():
            answered.set_result(message)


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


async def _ended(process: Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), STOP)
    except TimeoutError:
        process.kill()
        await process.wait()


def _inherited() -> dict[str, str]:
    """Give what Salt may see of the daemon's environment."""
    names = ("HOME", "TMPDIR", "PATH", "USER", "LOGNAME")
    return {"LANG": "C.UTF-8", **{name: os.environ[name] for name in names if name in os.environ}}
