"""How an engine of rpcgate.engines.remote gets to its hosts, and starts processes there."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from rpcgate.engines.conversation import Conversation
from sdk import Target

Pieces = tuple[bytes, ...] | None


class UnreachableError(Exception):
    """The host was not reached and nothing was sent to it. The text says why, and what to do."""


class Link(Protocol):
    """A way to start processes on one host."""

    async def start(self, line: str, stdin: Pieces, said: Conversation) -> None:
        """Hand a line to the host's shell; UnreachableError only while said.sent is False."""

    def close(self, said: Conversation) -> None:
        """Let go of a process that is over for us."""


class Carrier(Protocol):
    """How an engine gets to its hosts."""

    name: str

    @property
    def sudo(self) -> Sequence[str]:
        """Give the words that stand before each command."""

    def usable(self) -> str:
        """Say why this engine cannot be used; "" when it can."""

    def reach(self, target: Target) -> AbstractAsyncContextManager[Link]:
        """Get to a host; UnreachableError says why not."""

    async def close(self) -> None:
        """Let go of all connections."""
