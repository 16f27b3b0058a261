"""Connections that are kept: by host, port and user, shared by several sessions, let go when idle or broken."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import asyncssh

SESSIONS = 8  # at once on one connection; sshd's own limit (MaxSessions) is 10, and an ending needs one, too


class Endpoint(NamedTuple):
    """What tells connections apart."""

    host: str
    port: int
    user: str


class Kept:
    """One connection, in the making or made. users: who holds it now. spoiled: nobody new may have it."""

    def __init__(self, endpoint: Endpoint, made: "asyncio.Task[asyncssh.SSHClientConnection]") -> None:
        self.endpoint = endpoint
        self.made = made
        self.users = 0
        self.spoiled = False
        self.expiry: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        """Say whether one more may use it; a connection that was lost says so by itself."""
        if self.spoiled or self.users >= SESSIONS:
            return False
        if not self.made.done():
            return True
        return not self.made.cancelled() and self.made.exception() is None and not self.made.result().is_closed()

    def close(self) -> None:
        """Close the connection, or stop making it."""
        self.spoiled = True
        if self.expiry:
            self.expiry.cancel()
        if not self.made.done():
            self.made.cancel()
        elif not self.made.cancelled() and self.made.exception() is None:
            self.made.result().close()


class Pool:
    """Lend connections. idle: seconds that an unused one is kept. most: how many are kept in all."""

    def __init__(
        self, connect: Callable[[Endpoint], Awaitable[asyncssh.SSHClientConnection]], *, idle: float, most: int
    ) -> None:
        self._connect = connect
        self._idle = idle
        self._most = most
        self._kept: dict[Endpoint, list[Kept]] = {}
        self._unused: dict[Kept, None] = {}  # in the order in which they fell idle

    @asynccontextmanager
    async def lend(self, endpoint: Endpoint, *, fresh: bool = False) -> AsyncIterator[Kept]:
        """Give a connection that is made; what connecting raises is passed on. fresh: one that nobody had before."""
        kept = self._take(endpoint, fresh=fresh)
        try:
            await asyncio.shield(kept.made)  # others may be waiting for the same one
            yield kept
        finally:
            self._give_back(kept)

    async def close(self) -> None:
        """Close all of them, and wait a moment until the other sides know."""
        every = [kept for several in self._kept.values() for kept in several]
        self._kept.clear()
        self._unused.clear()
        for kept in every:
            kept.close()
        closing = [kept.made.result().wait_closed() for kept in every if _was_made(kept)]
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.gather(*closing, return_exceptions=True)

    def _take(self, endpoint: Endpoint, *, fresh: bool) -> Kept:
        several = self._kept.setdefault(endpoint, [])
        kept = None if fresh else next((item for item in several if item.usable), None)
        if kept is None:
            kept = Kept(endpoint, asyncio.ensure_future(self._connect(endpoint)))
            several.append(kept)
        kept.users += 1
        self._unused.pop(kept, None)
        if kept.expiry:
            kept.expiry.cancel()
            kept.expiry = None
        return kept

    def _give_back(self, kept: Kept) -> None:
        kept.users -= 1
        if kept.users:
            return
        if not kept.usable or not kept.made.done():
            self._drop(kept)
            return
        self._unused[kept] = None
        kept.expiry = asyncio.get_running_loop().call_later(self._idle, self._drop, kept)
        while len(self._unused) > self._most:
            self._drop(next(iter(self._unused)))

    def _drop(self, kept: Kept) -> None:
        self._unused.pop(kept, None)
        several = self._kept.get(kept.endpoint, [])
        if kept in several:
            several.remove(kept)
        if not several:
            self._kept.pop(kept.endpoint, None)
        kept.close()


def _was_made(kept: Kept) -> bool:
    return kept.made.done() and not kept.made.cancelled() and kept.made.exception() is None
