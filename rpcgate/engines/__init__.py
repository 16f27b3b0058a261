"""The engines of a master: what each adapter is, and how a verb is called on it.

An adapter lives in the master process for as long as it runs, holds the credentials and the pools, and is called from
many threads at once. A module never sees it: it runs in a child process and asks over a pipe (rpcgate.jobs).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sdk import Event, Targets

Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Call:
    """One verb on some targets.

    args: the verb's arguments by the names in sdk.engines (argv, text, args, path, content as bytes, mode, limit,
    name, ...). timeout: seconds for one host, counted from when this host is begun. check: dry run. job: for logs.
    output_limit: bytes of output kept for one host; more is cut with a visible mark (output.Output).
    """

    verb: str
    targets: Targets
    args: dict[str, Any] = field(default_factory=dict)
    timeout: float = 60.0
    check: bool = False
    job: str = ""
    output_limit: int = 1 << 20


class Running(Protocol):
    """A call that was started."""

    def cancel(self) -> None:
        """End it: hosts not begun become cancelled at once; a running one when its remote process is gone, with the
        reason saying whether that was confirmed. Returns at once; may be repeated."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the last event; False when `timeout` seconds passed before."""


class Adapter(Protocol):
    """One engine. `emit` gets RUNNING events with pieces of output as they come, and exactly one final event for each
    target, from any thread; it never blocks for long. Nothing is raised from call: trouble becomes final events."""

    name: str
    verbs: frozenset[str]

    def usable(self) -> str:
        """Say why this engine cannot be used on this master (library missing, not configured); "" when it can."""

    def call(self, call: Call, emit: Emit) -> Running:
        """Start a verb."""

    def close(self) -> None:
        """End everything that runs and let go of connections."""
