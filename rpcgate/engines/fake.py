"""Hosts that do not exist: for scale tests and demonstrations. What each says is decided by its name.

[engines.fake]
delay = 0.05              # seconds until the first host answers
spread = 0.2              # seconds over which the others follow
pieces = 3                # live pieces that a host says before it ends
differ = 0.01             # share of the hosts whose output is their own
outcomes = {failed = 0.01, unreachable = 0.001}    # shares; the rest is ok
untouched = true          # of the unreachable ones it is certain that nothing was sent to them
"""

import base64
import hashlib
import heapq
import itertools
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rpcgate.config import ConfigError
from rpcgate.engines import Call, Emit
from sdk import Event, Status, Target

OUTCOMES = {
    Status.CHANGED: (0, ""),
    Status.FAILED: (1, "The program ended with exit status 1."),
    Status.UNREACHABLE: (None, "No route to host."),
    Status.TIMEOUT: (None, "No answer in time; the outcome is unknown."),
}
VERBS = frozenset({"shell", "script", "put", "get", "module", "playbook", "call", "state"})


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the hosts behave; see the module's docstring."""

    delay: float = 0.05
    spread: float = 0.2
    pieces: int = 0
    differ: float = 0.0
    outcomes: Mapping[Status, float] = field(default_factory=dict)
    untouched: bool = False


class Fake:
    """An engine whose hosts answer by a clock of its own, on one thread."""

    verbs = VERBS

    def __init__(self, behaviour: Behaviour | None = None, *, name: str = "fake") -> None:
        self.name = name
        self.behaviour = behaviour or Behaviour()
        self._due: list[tuple[float, int, _FakeCall, Target, int]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._answer_all, name="fake", daemon=True)
        self._thread.start()

    @classmethod
    def from_config(cls, table: dict[str, Any], home: Path) -> "Fake":  # noqa: ARG003  # as every adapter
        """Read the table [engines.fake]; ConfigError names the key that is wrong."""
        known = {"delay": float, "spread": float, "pieces": int, "differ": float}
        for key, value in table.items():
            if key not in known and key not in ("outcomes", "untouched"):
                raise ConfigError(f"engines.fake.{key} is unknown; write {', '.join(known)}, untouched or outcomes")
            if key == "untouched" and not isinstance(value, bool):
                raise ConfigError(f"engines.fake.untouched is {value!r}; write true or false")
            if key in known and (type(value) not in (int, known[key]) or value < 0):
                raise ConfigError(f"engines.fake.{key} is {value!r}; write a number, for example 1")
        plain = {key: value for key, value in table.items() if key in known}
        untouched = table.get("untouched", False)
        return cls(Behaviour(**plain, outcomes=_outcomes(table.get("outcomes", {})), untouched=untouched))

    def usable(self) -> str:
        """Say that it can always be used."""
        return ""

    def call(self, call: Call, emit: Emit) -> "_FakeCall":
        """Start a verb; the hosts answer later."""
        running = _FakeCall(self, call, emit)
        now = time.monotonic()
        with self._changed:
            for target in call.targets:
                for piece in range(self.behaviour.pieces + 1):
                    at = now + self._seconds(call, target.name) * (piece + 1) / (self.behaviour.pieces + 1)
                    heapq.heappush(self._due, (at, next(self._order), running, target, piece))
            self._changed.notify()
        return running

    def close(self) -> None:
        """End the thread; hosts that have not answered never do."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(5)

    def status(self, host: str) -> Status:
        """Say how a host ends."""
        at = _fraction(host, "outcome")
        for status, share in self.behaviour.outcomes.items():
            at -= share
            if at < 0:
                return status
        return Status.OK

    def final(self, call: Call, target: Target) -> Event:
        """Give a host's last event."""
        status = self.status(target.name)
        rc, reason = OUTCOMES.get(status, (0, ""))
        own = f"{target.name} is different\n" if _fraction(target.name, "output") < self.behaviour.differ else ""
        output = own + _output(call) if rc is not None else ""
        data: Any = {"stdout": output, "stderr": ""}
        if call.verb == "get":
            data = {"content": base64.b64encode(output.encode()).decode()}
        return Event(
            target.name,
            status,
            output,
            rc,
            reason,
            data,
            engine=self.name,
            seconds=round(self._seconds(call, target.name), 3),
            untouched=status is Status.UNREACHABLE and self.behaviour.untouched,
        )

    def _seconds(self, call: Call, host: str) -> float:
        seconds = self.behaviour.delay + self.behaviour.spread * _fraction(host, "seconds")
        return call.timeout if self.status(host) is Status.TIMEOUT else min(seconds, call.timeout)

    def _answer_all(self) -> None:
        while True:
            with self._changed:
                while not self._closed and not (self._due and self._due[0][0] <= time.monotonic()):
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._closed:
                    return
                _, _, running, target, piece = heapq.heappop(self._due)
            running.answer(target, piece)


class _FakeCall:
    """A verb under way."""

    def __init__(self, engine: Fake, call: Call, emit: Emit) -> None:
        self._engine = engine
        self._call = call
        self._emit = emit
        self._open = {target.name for target in call.targets}
        self._lock = threading.Lock()
        self._over = threading.Event()
        if not self._open:
            self._over.set()

    def answer(self, target: Target, piece: int) -> None:
        """Let a host say its next piece, or its end."""
        if piece < self._engine.behaviour.pieces and target.name in self._open:
            self._emit(Event(target.name, Status.RUNNING, f"piece {piece + 1}\n", engine=self._engine.name))
        elif piece >= self._engine.behaviour.pieces:
            self._end(self._engine.final(self._call, target))

    def cancel(self) -> None:
        """End all hosts at once."""
        for target in self._call.targets:
            reason = "Cancelled; the remote process is gone."
            self._end(Event(target.name, Status.CANCELLED, reason=reason, engine=self._engine.name))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the last event."""
        return self._over.wait(timeout)

    def _end(self, event: Event) -> None:
        with self._lock:
            if event.host not in self._open:
                return
            self._open.discard(event.host)
            last = not self._open
        self._emit(event)
        if last:
            self._over.set()


def _outcomes(table: Any) -> dict[Status, float]:  # noqa: ANN401  # as the configuration has it
    if not isinstance(table, dict):
        raise ConfigError(f"engines.fake.outcomes is {table!r}; write a table, for example {{failed = 0.01}}")
    for name, share in table.items():
        if name not in OUTCOMES or type(share) not in (int, float) or not 0 <= share <= 1:
            raise ConfigError(f"engines.fake.outcomes.{name} is {share!r}; write {', '.join(OUTCOMES)} = share up to 1")
    return {Status(name): float(share) for name, share in table.items()}


def _output(call: Call) -> str:
    words = call.args.get("argv") or [call.verb]
    return " ".join(str(word) for word in words) + "\n"


def _fraction(host: str, what: str) -> float:
    """Give a number from 0 to 1 that depends on the name only."""
    return int.from_bytes(hashlib.sha256(f"{what} {host}".encode()).digest()[:8]) / 2**64


ADAPTER = Fake
