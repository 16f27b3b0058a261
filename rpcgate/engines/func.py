"""The engine func: Func's minions by their own wire protocol, and the portable verbs through their shells."""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rpcgate.engines import func_hosts, func_tls
from rpcgate.engines.func_abilities import Abilities
from rpcgate.engines.func_config import FuncConfig
from rpcgate.engines.func_errors import Unreached
from rpcgate.engines.func_link import Link
from rpcgate.engines.func_run import FuncRun
from rpcgate.engines.func_wire import Minion
from rpcgate.engines.remote import REACHED_AHEAD, RemoteCall, RemoteEngine
from rpcgate.protocol import FoundHost
from sdk import Target
from sdk.engines import PORTABLE


class FuncCarrier:
    """Get to minions, and know what is the same for all of them."""

    name = "func"
    sudo = ()  # a minion runs as root

    def __init__(self, config: FuncConfig) -> None:
        self.reply_limit = config.reply_limit
        self._config = config
        self._abilities = Abilities(config.abilities)
        self._pool: ThreadPoolExecutor | None = None
        self._context: ssl.SSLContext | None = None
        self._fault = ""
        self._files: list[int] = []  # when each was written: renewed certificates are taken up at once

    def usable(self) -> str:
        """Say what is wrong with the certificates; "" when they can be used."""
        files = [path.stat().st_mtime_ns if path.is_file() else 0 for path in self._paths()]
        if files != self._files:
            self._fault = func_tls.unusable(self._config)
            self._context = None if self._fault else func_tls.context(self._config)
            self._files = files
        return self._fault

    @asynccontextmanager
    async def reach(self, target: Target) -> AsyncIterator[Link]:
        """Connect to a minion and make sure that it is the one that is meant."""
        if reason := self.usable():
            raise Unreached(reason)
        assert self._context is not None  # noqa: S101  # usable() made it
        minion = Minion(target.host, target.port or self._config.port, _names(target))
        link = Link(minion, self._context, self._threads(), self._config.connect_timeout, self._abilities)
        try:
            await link.connect()
            yield link
        finally:
            link.close()

    def hosts(self) -> Iterable[FoundHost]:
        """Yield the hosts whose certificates the certmaster has signed."""
        return func_hosts.hosts(self._config.certificates)

    async def close(self) -> None:
        """Let go of the threads; each ends with the call that it makes."""
        pool, self._pool = self._pool, None
        if pool:
            pool.shutdown(wait=False, cancel_futures=True)

    def _paths(self) -> tuple[Path, ...]:
        return self._config.ca, self._config.certificate, self._config.key

    def _threads(self) -> ThreadPoolExecutor:
        """Give threads for all that connect and all that run, so that those who wait in vain keep nobody waiting."""
        if self._pool is None:
            most = 2 * self._config.concurrency + REACHED_AHEAD
            self._pool = ThreadPoolExecutor(most, thread_name_prefix="func")
        return self._pool


class FuncAdapter(RemoteEngine):
    """The adapter that a master loads."""

    verbs = frozenset({*PORTABLE, "call"})

    def __init__(self, config: FuncConfig) -> None:
        self.func = FuncCarrier(config)
        super().__init__(self.func, config.concurrency)  # type: ignore[arg-type]  # its links start no processes

    @classmethod
    def from_config(cls, table: dict[str, Any], home: Path) -> "FuncAdapter":
        """Read the table [engines.func]; ConfigError names the key that is wrong."""
        return cls(FuncConfig.read(table, home))

    def hosts(self) -> Iterable[FoundHost]:
        """Yield the hosts that the certmaster knows; OSError when its folder cannot be read."""
        return self.func.hosts()

    def _begin(self, running: RemoteCall) -> None:
        running.begin({target.name: FuncRun(self, running, target) for target in running.call.targets})


def _names(target: Target) -> frozenset[str]:
    """Give the names that a minion's certificate may bear: the server's own, and its address where that is a name."""
    try:
        ipaddress.ip_address(target.host)
    except ValueError:
        return frozenset({target.name, target.host})
    return frozenset({target.name})


ADAPTER = FuncAdapter
