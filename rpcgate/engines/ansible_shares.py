"""Keep servers that were not reached last time out of the way of the others, where there are more servers than forks.

A fork that waits for a dead server does nothing else until connect_timeout is over. So such servers go in a job of
their own, beside.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from rpcgate.engines import Call, Emit, Running
from sdk import Event, Status, Targets


class Silent:
    """The servers that were not reached when they were last tried; any thread may call it."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def listening(self, emit: Emit) -> Emit:
        """Give an emit that also learns from what servers end with."""

        def learn(event: Event) -> None:
            if event.status is Status.UNREACHABLE:
                self._names.add(event.host)
            elif event.final:
                self._names.discard(event.host)
            emit(event)

        return learn

    def shares(self, call: Call, forks: int) -> list[Call]:
        """Give the calls to make for one. A playbook stays whole: its servers may wait for each other."""
        silent = call.targets.only(self._names & set(call.targets.names))
        if call.verb == "playbook" or len(call.targets) <= forks or len(silent) in (0, len(call.targets)):
            return [call]
        others = Targets(tuple(target for target in call.targets if target.name not in set(silent.names)))
        return [replace(call, targets=others), replace(call, targets=silent)]


class Several:
    """Jobs that are one call."""

    def __init__(self, jobs: Sequence[Running]) -> None:
        self._jobs = jobs

    def cancel(self) -> None:
        """End all."""
        for job in self._jobs:
            job.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the last event of all."""
        until = None if timeout is None else time.monotonic() + timeout
        return all(job.wait(None if until is None else max(0.0, until - time.monotonic())) for job in self._jobs)
