"""The ssh engine: plain SSH by asyncssh, over connections that are kept, to hosts whose keys are known."""

import asyncio
import importlib.util
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rpcgate.engines.carrier import Link, Pieces, UnreachableError
from rpcgate.engines.conversation import Conversation
from rpcgate.engines.remote import RemoteEngine
from rpcgate.engines.ssh_config import SshConfig
from rpcgate.engines.table import sudo_words
from sdk import Target

if TYPE_CHECKING:
    from rpcgate.engines.ssh_login import Login
    from rpcgate.engines.ssh_pool import Endpoint, Kept, Pool

log = logging.getLogger(__name__)


class SshLink:
    """Start processes on one host, over a connection of the pool.

    A kept connection may have died without a word. It shows before a session is open, so nothing was sent yet, and one
    new connection is tried; after that nothing is ever sent again.
    """

    def __init__(self, pool: "Pool", endpoint: "Endpoint", patience: float) -> None:
        self._pool = pool
        self._endpoint = endpoint
        self._patience = patience  # seconds for a session to open
        self._held = AsyncExitStack()
        self._kept: Kept | None = None
        self._sessions: dict[Conversation, Any] = {}

    async def connect(self, *, fresh: bool = False) -> None:
        """Hold a connection for new processes; those before stay on theirs."""
        self._kept = await self._held.enter_async_context(self._pool.lend(self._endpoint, fresh=fresh))

    async def start(self, line: str, stdin: Pieces, said: Conversation) -> None:
        """Hand a line to the host's shell, over a new connection where the kept one is of no use."""
        from rpcgate.engines.ssh_session import NotOpenedError, open_session

        assert self._kept is not None  # noqa: S101  # connect came first
        try:
            try:
                opened = await open_session(self._kept.made.result(), line, stdin, said, self._patience)
            except NotOpenedError as error:
                log.info("host=%s a kept connection is replaced: %s", self._endpoint.host, error)
                self._kept.spoiled = True
                await self.connect(fresh=True)
                opened = await open_session(self._kept.made.result(), line, stdin, said, self._patience)
        except asyncio.CancelledError:
            self._kept.spoiled = True  # the server may still open the session that nobody wants
            raise
        except NotOpenedError as error:
            self._kept.spoiled = True
            where = f"{self._endpoint.host}:{self._endpoint.port}"
            raise UnreachableError(f"{where} let us log in but opens no session: {error}.") from error
        self._sessions[said] = opened

    def close(self, said: Conversation) -> None:
        """Let go of a process."""
        if session := self._sessions.pop(said, None):
            session.close()

    async def aclose(self) -> None:
        """Give the connection back."""
        await self._held.aclose()


class SshCarrier:
    """Get to hosts by SSH."""

    name = "ssh"

    def __init__(self, config: SshConfig) -> None:
        self.sudo = sudo_words(config.sudo_user)
        self._config = config
        self._login: Login | None = None
        self._pool: Pool | None = None

    def usable(self) -> str:
        """Say why SSH cannot be used."""
        if importlib.util.find_spec("asyncssh") is None:
            return "The library asyncssh is not installed on this master; pip install asyncssh."
        from rpcgate.engines.ssh_login import Login, LoginError

        try:
            self._login = self._login or Login(self._config)
        except LoginError as error:
            return str(error)
        return ""

    @asynccontextmanager
    async def reach(self, target: Target) -> AsyncIterator[Link]:
        """Connect, or take a kept connection."""
        from rpcgate.engines.ssh_pool import Endpoint

        endpoint = Endpoint(target.host, target.port or self._config.port, target.user or self._config.user)
        link = SshLink(self._connections(), endpoint, self._config.connect_timeout)
        try:
            await link.connect()
            yield link
        finally:
            await link.aclose()

    async def close(self) -> None:
        """Close all connections."""
        if self._pool:
            await self._pool.close()
        self._pool = self._login = None  # they belong to this event loop

    def _connections(self) -> "Pool":
        from rpcgate.engines.ssh_pool import Pool

        if self._pool is None:
            if reason := self.usable():
                raise UnreachableError(reason)
            assert self._login is not None  # noqa: S101  # usable() made it
            self._pool = Pool(self._login.connect, idle=self._config.idle, most=self._config.connections)
        return self._pool


class SshAdapter(RemoteEngine):
    """The adapter that a master loads."""

    @classmethod
    def from_config(cls, table: dict[str, Any], home: Path) -> "SshAdapter":
        """Read the table [engines.ssh]; ConfigError names the key that is wrong."""
        config = SshConfig.read(table, home)
        return cls(SshCarrier(config), config.concurrency)


ADAPTER = SshAdapter
