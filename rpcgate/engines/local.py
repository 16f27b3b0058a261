"""The local engine: the portable verbs on the master's own machine. Off unless the configuration turns it on."""

import asyncio
import ipaddress
import os
import shlex
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from rpcgate.engines.carrier import Link, Pieces, UnreachableError
from rpcgate.engines.conversation import Conversation
from rpcgate.engines.remote import RemoteEngine
from rpcgate.engines.table import Table, sudo_words
from sdk import Target

CONCURRENCY = 4  # one machine


class Child(asyncio.SubprocessProtocol):
    """Tell a Conversation what a child process says."""

    def __init__(self, said: Conversation) -> None:
        self._said = said
        self.transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Know that it runs."""
        self.transport = transport  # type: ignore[assignment]  # asyncio gives its own kind here
        self._said.sent = True

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take a piece of output."""
        self._said.heard("stderr" if fd == 2 else "stdout", data)

    def process_exited(self) -> None:
        """Take the exit status; a signal as a shell shows it."""
        rc = self.transport.get_returncode() if self.transport else None
        if rc is not None:
            self._said.exited(rc if rc >= 0 else 128 - rc)

    def connection_lost(self, exc: Exception | None) -> None:
        """Know that it has ended and all its pipes are closed."""
        self._said.closed(str(exc) if exc else "")


class LocalLink:
    """Start processes on this machine, each in its own session."""

    def __init__(self) -> None:
        self._children: dict[Conversation, Child] = {}

    async def start(self, line: str, stdin: Pieces, said: Conversation) -> None:
        """Hand a line to this machine's shell."""
        child = self._children[said] = Child(said)
        loop = asyncio.get_running_loop()
        try:
            await loop.subprocess_exec(lambda: child, *shlex.split(line)[1:], start_new_session=True)
        except OSError as error:
            raise UnreachableError(f"This machine cannot start a process: {error.strerror}.") from error
        pipe = child.transport.get_pipe_transport(0) if child.transport else None
        if isinstance(pipe, asyncio.WriteTransport):
            pipe.writelines(stdin or ())
            pipe.write_eof()

    def close(self, said: Conversation) -> None:
        """Let go of a process that is over for us; its shell must not stay."""
        child = self._children.pop(said, None)
        if child and child.transport:
            if child.transport.get_returncode() is None:
                with suppress(ProcessLookupError):
                    os.killpg(child.transport.get_pid(), signal.SIGKILL)
            child.transport.close()


class LocalCarrier:
    """Get to the master's own machine."""

    name = "local"

    def __init__(self, *, enabled: bool, hosts: frozenset[str], sudo: tuple[str, ...]) -> None:
        self.sudo = sudo
        self._enabled = enabled
        self._hosts = hosts

    def usable(self) -> str:
        """Say why the own machine cannot be used."""
        return "" if self._enabled else "The local engine is off; write enabled = true under [engines.local]."

    @asynccontextmanager
    async def reach(self, target: Target) -> AsyncIterator[Link]:
        """Make sure that the target is this machine: else one server's commands would run on another."""
        if reason := self.usable():
            raise UnreachableError(reason)
        if not self._is_here(target.host):
            raise UnreachableError(
                f"The local engine runs on the master's own machine only, and {target.host} is not known to be it;"
                f" use another engine, or add {target.host} to hosts under [engines.local]."
            )
        yield LocalLink()

    async def close(self) -> None:
        """Nothing is held."""

    def _is_here(self, host: str) -> bool:
        if host in self._hosts:
            return True
        with suppress(ValueError):
            return ipaddress.ip_address(host).is_loopback
        return host in ("localhost", socket.gethostname())


class LocalAdapter(RemoteEngine):
    """The adapter that a master loads."""

    @classmethod
    def from_config(cls, table: Mapping[str, Any], home: Path) -> "LocalAdapter":
        """Read the table [engines.local]; ConfigError names the key that is wrong."""
        read = Table("local", table, home)
        read.only(("enabled", "hosts", "sudo", "sudo_user", "concurrency"))
        carrier = LocalCarrier(
            enabled=read.flag("enabled"),
            hosts=frozenset(read.names("hosts", "web1")),
            sudo=sudo_words(read.sudo_user()),
        )
        return cls(carrier, read.whole("concurrency", CONCURRENCY, 1, 100))


ADAPTER = LocalAdapter
