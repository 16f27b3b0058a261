"""Call an engine and collect what it says."""

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from rpcgate.engines import Adapter, Call, Running
from sdk import Event, Target, Targets

BOUND = 100.0  # seconds for any one call


@dataclass
class Called:
    """A call that was started."""

    running: Running
    events: "queue.SimpleQueue[Event]" = field(repr=False)
    seen: list[Event] = field(default_factory=list)

    def first(self) -> Event:
        """Wait for the next event, a piece of output for example."""
        event = self.events.get(timeout=BOUND)
        self.seen.append(event)
        return event

    def finals(self) -> dict[str, Event]:
        """Wait for the end; each host has ended once."""
        assert self.running.wait(BOUND)
        while not self.events.empty():
            self.seen.append(self.events.get())
        finals = shown([event for event in self.seen if event.final])
        assert len({event.host for event in finals}) == len(finals)
        return {event.host: event for event in finals}

    def live(self, stream: str = "stdout") -> str:
        """Give the pieces of one stream that came while it ran."""
        return "".join(event.output for event in self.seen if not event.final and event.stream == stream)


@dataclass(frozen=True)
class Caller:
    """An adapter and the targets it is tried on."""

    adapter: Adapter
    targets: Targets

    def start(
        self, verb: str, *, timeout: float = 60, check: bool = False, output_limit: int = 1 << 20, **args: Any
    ) -> Called:
        """Start a verb."""
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        call = Call(verb, self.targets, args, timeout, check, "test", output_limit)
        return Called(self.adapter.call(call, events.put), events)

    def one(self, verb: str, **args: Any) -> Event:
        """Run a verb on the first target and wait for its end."""
        return next(iter(self.on(self.targets[0]).start(verb, **args).finals().values()))

    def on(self, *targets: Target) -> "Caller":
        """Take other targets."""
        return replace(self, targets=Targets(targets))


def shown(finals: list[Event]) -> list[Event]:
    """Print how each host ended, and give them: a test that fails shows it."""
    for event in finals:
        print(event.host, event.status, event.reason)  # noqa: T201  # pytest keeps it for that
    return finals


def eventually(true: Callable[[], bool], bound: float = 60.0) -> bool:
    """Wait until something is true, at most `bound` seconds."""
    until = time.monotonic() + bound
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.02)
    return true()
