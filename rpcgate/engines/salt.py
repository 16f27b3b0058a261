"""The engine salt: functions and states of an existing Salt master, and the portable verbs through it."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rpcgate.engines.carrier import Link, UnreachableError
from rpcgate.engines.remote import HostRun, RemoteCall, RemoteEngine
from rpcgate.engines.salt_config import SaltConfig, read_config
from rpcgate.engines.salt_grains import found_hosts
from rpcgate.engines.salt_host import SaltHost
from rpcgate.engines.salt_jobs import SaltJobs
from rpcgate.protocol import FoundHost
from sdk import Target
from sdk.engines import PORTABLE

LISTING = 120.0  # seconds for all minions' grains


class SaltCarrier:
    """Get to minions through the Salt master of this machine."""

    name = "salt"
    sudo = ()  # a minion's own account runs it

    def __init__(self, config: SaltConfig) -> None:
        self.config = config
        self._jobs: SaltJobs | None = None

    def usable(self) -> str:
        """Say why Salt cannot be used."""
        return self.config.usable()

    def jobs(self) -> SaltJobs:
        """Give the jobs of the event loop that runs."""
        if self._jobs is None:
            self._jobs = SaltJobs(self.config)
        return self._jobs

    @asynccontextmanager
    async def reach(self, target: Target) -> AsyncIterator[Link]:
        """Salt has no line to one host: SaltHost speaks to it."""
        raise UnreachableError(f"{target.name} is not reached by a connection of its own.")
        yield

    async def close(self) -> None:
        """End the process that speaks to the Salt master."""
        if self._jobs:
            await self._jobs.close()
        self._jobs = None


class SaltAdapter(RemoteEngine):
    """The adapter that a master loads."""

    verbs = frozenset({*PORTABLE, "call", "state"})
    carrier: SaltCarrier

    @classmethod
    def from_config(cls, table: Mapping[str, Any], home: Path) -> "SaltAdapter":
        """Read the table [engines.salt]; ConfigError names the key that is wrong."""
        config = read_config(table, home)
        return cls(SaltCarrier(config), config.concurrency)

    def hosts(self) -> Iterable[FoundHost]:
        """Give the accepted minions with what they say of themselves; SaltError says why there are none."""
        loop = self._started()
        return asyncio.run_coroutine_threadsafe(found_hosts(self.carrier), loop).result(LISTING)

    def _begin(self, running: RemoteCall) -> None:
        """Begin all hosts with one mark, so that they share a message; two names of one minion have two."""
        marks: list[str] = []
        times: Counter[str] = Counter()
        hosts: dict[str, HostRun] = {}
        for target in running.call.targets:
            minion = self.carrier.config.minion(target)
            if times[minion] == len(marks):
                marks.append(secrets.token_hex(8))
            hosts[target.name] = SaltHost(self, running, target, marks[times[minion]])
            times[minion] += 1
        running.begin(hosts)


ADAPTER = SaltAdapter
