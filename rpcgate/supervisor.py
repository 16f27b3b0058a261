"""Run one job: start the module's process, carry its calls to the engines, and see to it that every host ends once."""

import base64
import contextlib
import json
import logging
import os
import selectors
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rpcgate.calls import Calls
from rpcgate.engines import Call
from rpcgate.job_files import JobFiles
from rpcgate.nursery import Child, Nursery
from rpcgate.output import fit
from rpcgate.pipe import PipeError, Unpacker, pack, read_event
from rpcgate.record import Record
from rpcgate.router import Router
from sdk import Event, Status, Targets

log = logging.getLogger(__name__)

GRACE = 2.0  # seconds between SIGTERM and SIGKILL
BACKLOG = 64 << 20  # characters that wait for a module that reads slowly; later outputs are cut to SLIM
SLIM = 16 << 10
PACKED = 4 << 20  # bytes made ready for the socket at once
READ = 1 << 18
LOOK = 5.0  # seconds until the loop looks around even when nothing happens
CHOICES_LIMIT = 256 << 10  # characters of a list of choices


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run, as the child is told. params: raw values, secrets included; they stay in memory.

    total: seconds for the whole job. output: bytes kept of one host's output. choices: the field to compute, or "".
    """

    job: str
    task: str
    name: str
    source: bytes = field(repr=False)
    params: Mapping[str, Any] = field(repr=False)
    targets: Targets
    check: bool
    timeout: float
    total: float
    output: int
    choices: str = ""


class Supervisor:
    """One job's run. `run` blocks until all is over; `stop` may be called from any thread.

    The child's process is foreign code: what it says is checked, and what it asks for beyond its module's declaration
    or its job's hosts is refused.
    """

    def __init__(self, order: Order, record: Record, router: Router, nursery: Nursery, files: JobFiles) -> None:
        self._order = order
        self._record = record
        self._nursery = nursery
        self._router = router
        template = Call(
            "", Targets(()), timeout=order.timeout, check=order.check, job=order.job, output_limit=order.output
        )
        self._files = files
        self._calls = Calls(order.targets, template, record, router, self._answer, files)
        self._lock = threading.Lock()
        self._inbox: deque[tuple[int, Event | None]] = deque()  # for the child
        self._waiting = 0  # characters in the inbox
        self._woken, self._wake = socket.socketpair()
        self._ours, self._theirs = socket.socketpair()
        for end in (self._woken, self._wake, self._ours):
            end.setblocking(False)
        self._unpacker = Unpacker()
        self._outgoing = bytearray()
        self._stopped: tuple[Status, str] | None = None
        self._kill_at = 0.0  # 0: nobody was told to end yet
        self._said_end = False
        self._broken = False  # what it says makes no sense: nothing more is read into it
        self._chosen = False
        self._crash = ""  # what the module raised
        self._last: Event | None = None  # the last host's end, held back until the module's own is known

    def stop(self, status: Status, sentence: str) -> None:
        """End the job; hosts that are open become `status`, the sentence says why."""
        with self._lock:
            self._stopped = self._stopped or (status, sentence)
        self._poke()

    def run(self) -> None:
        """Run the module to its end, whatever it does."""
        try:
            with self._theirs:
                child = self._nursery.start(self._theirs)
            self._converse(child)
        except OSError as error:
            self.stop(Status.FAILED, f"The master could not run a process for the module: {error}.")
        finally:
            self._ours.close()
            self._calls.close()
            status, sentence = self._stopped or (Status.LOST, "The module's process ended without a result.")
            self._let_go()
            for host in list(self._record.open):
                self._record.final(self._calls.last_word(host, status, sentence))
            if self._order.choices and not self._chosen:
                self._record.note("choices", "[]", sentence)
            with self._lock:
                self._woken.close()
                self._wake.close()

    def _converse(self, child: Child) -> None:
        """Read and write until the process and its whole group are gone."""
        deadline = time.monotonic() + self._order.total
        self._outgoing += pack(self._first())
        with selectors.DefaultSelector() as ready:
            ready.register(self._ours, selectors.EVENT_READ)
            ready.register(self._woken, selectors.EVENT_READ)
            ready.register(child.status, selectors.EVENT_READ)
            while True:
                pause = self._look_around(child, deadline)
                self._fill()
                talking = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)
                if self._ours in ready.get_map():
                    ready.modify(self._ours, talking)
                happened = {key.fileobj: events for key, events in ready.select(pause)}
                if self._woken in happened:
                    _drain(self._woken)
                if happened.get(self._ours, 0) & selectors.EVENT_WRITE:
                    self._write()
                if happened.get(self._ours, 0) & selectors.EVENT_READ and self._read() == 0:
                    ready.unregister(self._ours)  # it has closed its end; its exit follows
                if child.status in happened:
                    break
        while self._read():
            continue  # what it said before it ended
        self._judge(os.read(child.status, 16).decode())
        os.close(child.status)

    def _look_around(self, child: Child, deadline: float) -> float:
        """See to live pieces, the deadline and a stop; give the seconds until that is due again."""
        flush = self._record.flush()
        now = time.monotonic()
        if now >= deadline and not self._stopped:
            self.stop(Status.TIMEOUT, f"The job's {self._order.total:g} seconds were over.")
        if self._stopped and not self._kill_at:
            child.signal(signal.SIGTERM)
            self._calls.cancel()
            self._kill_at = now + GRACE
        elif self._kill_at and now >= self._kill_at:
            child.signal(signal.SIGKILL)
            self._kill_at = now + LOOK
        due = [LOOK, (self._kill_at or deadline) - now, *([flush] if flush is not None else [])]
        return max(0.0, min(due))

    def _first(self) -> dict[str, Any]:
        order = self._order
        plain = {
            "name": order.name,
            "source": base64.b64encode(order.source).decode(),
            "params": dict(order.params),
            "targets": list(self._router.decided(order.targets)),
            "check": order.check,
            "timeout": order.timeout,
            "task": order.task,
            "output": order.output,
        }
        return plain | ({"choices": order.choices} if order.choices else {})

    def _answer(self, number: int, event: Event | None) -> None:
        """Queue an event of a call for the child; called from the engines' threads."""
        if number and not self._stopped:  # what a cancelled host says is for `last_word`, not for a module that ends
            slim = _slim(event) if event and self._waiting > BACKLOG else event
            with self._lock:
                self._inbox.append((number, slim))
                self._waiting += _weight(slim)
        self._poke()

    def _fill(self) -> None:
        """Make waiting events ready for the socket, not more than it soon takes."""
        while len(self._outgoing) < PACKED and self._inbox:
            with self._lock:
                number, event = self._inbox.popleft()
                self._waiting -= _weight(event)
            self._outgoing += _packed(number, event)

    def _write(self) -> None:
        try:
            sent = self._ours.send(memoryview(self._outgoing)[:READ])
        except BlockingIOError:
            return
        except OSError:
            sent = len(self._outgoing)  # nobody reads any more
        del self._outgoing[:sent]

    def _read(self) -> int | None:
        """Take in what the child says; the number of bytes, 0 at the end, None when nothing is there now."""
        try:
            data = self._ours.recv(READ)
        except BlockingIOError:
            return None
        except OSError:
            return 0
        try:
            for message in self._unpacker.feed(data) if not self._broken else ():
                self._heard(message)
        except PipeError as error:
            self._broken = True
            self.stop(Status.FAILED, f"The module's process broke its conversation with the master: {error}.")
        return len(data)

    def _heard(self, message: dict[str, Any]) -> None:
        match message.get("say"):
            case "event":
                self._take(self._files.checked(read_event(message.get("event"))))
            case "call" if not self._stopped:
                self._calls.start(message)
            case "drop":
                number = message.get("call")
                self._calls.drop(number if isinstance(number, int) else 0)
            case "choices":
                self._choices(message)
            case "crash":
                self._crashed(message.get("reason"))
            case "end":
                self._said_end = True
                self._let_go()

    def _take(self, event: Event) -> None:
        """Store what the module says of a host. Told to end, it may call hosts lost or failed: that is not believed."""
        if event.final and not (self._stopped and event.status in (Status.LOST, Status.FAILED)):
            event = self._calls.told(event)
            if self._last is None and list(self._record.open) == [event.host]:
                self._last = event
            else:
                self._record.final(event)
        elif event.status is Status.RUNNING:
            self._record.live(event)

    def _crashed(self, reason: object) -> None:
        """Tell the master's log what the module raised: its author looks there."""
        if not self._crash:
            self._crash = str(reason)
            log.warning("job %s: %s: %s", self._order.job, self._order.name, self._record.masked(self._crash))

    def _let_go(self) -> None:
        """Store the last host's end; before it, as the job's own word, what went wrong after all results."""
        last, self._last = self._last, None
        if last is None:
            return
        status, sentence = self._stopped or (Status.OK, "")
        late = self._crash or (sentence if status in (Status.FAILED, Status.TIMEOUT) else "")
        if late and late not in last.reason:
            self._record.note("note", "", late)
        self._record.final(last)

    def _choices(self, message: dict[str, Any]) -> None:
        values, reason = message.get("values"), message.get("reason")
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise PipeError("choices that are no texts")
        text = json.dumps(values)
        if not self._chosen:
            self._record.note("choices", text if len(text) <= CHOICES_LIMIT else "[]", str(reason or ""))
        self._chosen = True

    def _judge(self, status: str) -> None:
        """Learn how the process ended; "" says that it was lost together with the nursery."""
        if status == "0" and self._said_end:
            return
        if not status or not status.lstrip("-").isdigit():
            how = "was lost"
        elif int(status) < 0:
            how = f"was killed by {_signal_name(-int(status))}"
        else:
            how = f"ended with exit status {status} before its module did"
        self.stop(Status.FAILED, f"The module's process {how}.")

    def _poke(self) -> None:
        with self._lock, contextlib.suppress(OSError):  # full: it wakes anyway; closed: all is over
            self._wake.send(b"!")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _drain(end: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        end.recv(4096)


def _packed(number: int, event: Event | None) -> bytes:
    if event is None:
        return pack({"call": number, "end": True})
    try:
        return pack({"call": number, "event": event})
    except (TypeError, ValueError, RecursionError):  # an engine's data that is no JSON
        return pack({"call": number, "event": replace(event, data=str(event.data))})


def _weight(event: Event | None) -> int:
    return len(event.output) * 2 + 200 if event else 0


def _slim(event: Event) -> Event:
    """Cut an event's texts short, with a mark, because too much waits already."""
    output, cut = fit(event.output, SLIM, event.size)
    size = len(event.output.encode()) if cut and event.size is None else event.size
    data = event.data
    if isinstance(data, dict):
        data = {name: fit(value, SLIM)[0] if isinstance(value, str) else value for name, value in data.items()}
    return replace(event, output=output, size=size, data=data)
