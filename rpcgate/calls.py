"""What a running module asks of the engines: each call checked, routed, followed to its end."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from rpcgate.asked import Asked, arguments, read_asked
from rpcgate.engines import Adapter, Call, Emit, Running
from rpcgate.engines.plan import GONE, NOT_CONFIRMED
from rpcgate.fallback import Fallbacks
from rpcgate.job_files import JobFiles
from rpcgate.pipe import PipeError
from rpcgate.record import Record
from rpcgate.router import Router
from sdk import Event, Status, Target, Targets

log = logging.getLogger(__name__)

CONFIRM = 15.0  # seconds for engines to say that what they cancelled is gone
MAY_RUN = "it may still run on the server"
LOOK = 0.1  # seconds between two looks at what still runs
GATHER = 0.1  # seconds in which hosts that an engine did not reach are gathered for the next one
Answer = Callable[[int, Event | None], None]


@dataclass(slots=True)
class _Verb:
    """A call under way, and its hosts still to come.

    by: the engine that has each host. waiting: the hosts that an engine is soon to try after another one, with what
    that one said. over: nothing more is begun.
    """

    name: str
    open: set[str]
    running: list[Running] = field(default_factory=list)
    call: Call | None = None
    by: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, list[tuple[Target, Event]]] = field(default_factory=dict)
    over: bool = False


@dataclass(slots=True)
class _Step:
    """How far a host has come: how many calls run on it, and what the last that ended said."""

    verb: str = ""
    running: int = 0
    last: Event | None = None


class Calls:
    """The calls of one job. start, drop and close belong to one thread; engines answer from theirs.

    answer: takes a call's number with each final event, and with None when the call has ended.
    """

    def __init__(
        self, targets: Targets, template: Call, record: Record, router: Router, answer: Answer, files: JobFiles
    ) -> None:
        self._files = files
        self._targets = targets
        self._named = {target.name: target for target in targets}
        self._template = template
        self._record = record
        self._router = router
        self._answer = answer
        self._lock = threading.RLock()
        self._beginning = threading.Lock()  # held while an engine is given what another did not reach; before _lock
        self._fallbacks = Fallbacks()
        self._verbs: dict[int, _Verb] = {}
        self._steps = {name: _Step() for name in targets.names}
        self._highest = 0

    def start(self, plain: dict[str, Any]) -> None:
        """Carry out a call; PipeError when the message is none."""
        asked = read_asked(plain)
        if asked.call <= self._highest:
            raise PipeError("a call whose number was used")
        self._highest = asked.call
        if asked.verb == "playbooks":
            return self._list(asked.call)
        hosts = list(dict.fromkeys(asked.hosts))
        targets = self._targets.only(set(hosts))
        verb = _Verb(asked.verb, set(hosts))
        self._begin(asked, verb)
        emit = self._emitter(asked.call, "")
        known = set(targets.names)
        for host in hosts:
            if host not in known:
                emit(Event(host, Status.FAILED, reason="This server is not among those of the task."))
        args = self._args(asked, targets, emit)
        if args is not None:
            self._share_out(asked, replace(self._template, verb=asked.verb, args=args), targets, verb)
        if not hosts:
            self._end(asked.call)
        return None

    def drop(self, number: int) -> None:
        """Cancel what still runs of a call that the module wants no more of."""
        self._stop([number])

    def cancel(self) -> list[Running]:
        """Cancel all that runs, and give it."""
        return self._stop(list(self._verbs))

    def told(self, event: Event) -> Event:
        """Give a module's word about a host with what it need not know: that another engine than its own carried it."""
        with self._lock:
            return self._fallbacks.told(event)

    def close(self) -> None:
        """Cancel all that runs and wait, within bounds, until the engines say that it is gone."""
        deadline = time.monotonic() + CONFIRM
        for one in self.cancel():
            while not one.wait(LOOK) and time.monotonic() < deadline:
                self._record.flush()

    def last_word(self, host: str, status: Status, sentence: str) -> Event:
        """Give the final event of a host whose module says nothing more. sentence: why it does not."""
        step = self._steps[host]
        if step.running:
            return Event(host, status, reason=f"{sentence.rstrip('.')}; {MAY_RUN} ({step.verb}).")
        if step.last is None:
            return Event(host, status, reason=f"{sentence} Nothing was started on this server.")
        if step.last.status is Status.CANCELLED:
            return _cut_off(step.last, status, sentence)
        ended = f"{sentence} Its last step, {step.verb}, ended {step.last.status}"
        why = f": {step.last.reason}" if step.last.reason else "."
        return replace(step.last, status=status, reason=ended + why, data=None)

    def _stop(self, numbers: list[int]) -> list[Running]:
        """Cancel some calls, give what runs of them; a host that waits for another engine ends as the first left it."""
        with self._beginning, self._lock:
            verbs = {number: self._verbs[number] for number in numbers if number in self._verbs}
            left: list[tuple[int, Event]] = []
            for number, verb in verbs.items():
                verb.over = True
                left += [(number, event) for waiting in verb.waiting.values() for _, event in waiting]
                verb.waiting.clear()
            running = [one for verb in verbs.values() for one in verb.running]
        for one in running:
            one.cancel()
        for number, event in left:
            self._fallbacks.forget(event.host)
            self._ended(number, event)
        return running

    def _list(self, number: int) -> None:
        """Answer with what no host is asked for, the playbooks of the master's folder, and end the call."""
        try:
            self._answer(number, Event("", Status.OK, data=self._router.playbooks()))
        except (LookupError, OSError) as error:
            self._answer(number, Event("", Status.FAILED, reason=str(error)))
        self._answer(number, None)

    def _begin(self, asked: Asked, verb: _Verb) -> None:
        with self._lock:
            self._verbs[asked.call] = verb
            for host in verb.open & self._steps.keys():
                self._steps[host].running += 1
                self._steps[host].verb = asked.verb

    def _args(self, asked: Asked, targets: Targets, emit: Emit) -> dict[str, Any] | None:
        """Check a verb and its arguments; None when every target was told what is wrong."""
        try:
            if not self._router.allows(asked.verb):
                raise ValueError(f"The module is not declared for an engine that has {asked.verb}.")
            return self._files.filled(asked.verb, arguments(asked))
        except ValueError as error:
            for name in targets.names:
                emit(Event(name, Status.FAILED, reason=str(error)))
            return None

    def _share_out(self, asked: Asked, call: Call, targets: Targets, verb: _Verb) -> None:
        with self._lock:
            shares, unreachable = self._router.split(asked.verb, targets, self._fallbacks.missed)
            verb.call = replace(call, timeout=min(asked.timeout or call.timeout, 86_400.0))
            verb.by |= {name: adapter.name for adapter, share in shares for name in share.names}
        for event in unreachable:
            self._emitter(asked.call, "")(event)
        for adapter, share in shares:
            self._run(asked.call, adapter, replace(verb.call, targets=share), verb)

    def _run(self, number: int, adapter: Adapter, call: Call, verb: _Verb) -> None:
        emit = self._emitter(number, adapter.name)
        try:
            running = adapter.call(call, emit)
        except Exception:  # an engine's library is foreign code; adapters promise not to raise, this holds them to it
            log.exception("job %s: engine %s raised from %s", call.job, adapter.name, call.verb)
            for name in call.targets.names:
                emit(Event(name, Status.FAILED, reason=f"The engine {adapter.name} had an internal error."))
            return
        with self._lock:
            verb.running.append(running)

    def _emitter(self, number: int, engine: str) -> Emit:
        def emit(event: Event) -> None:
            said = event if event.engine or not engine else replace(event, engine=engine)
            if not said.final:
                self._live(said)
            elif not self._goes_on(number, engine, said):
                self._kept(number, said)

        return emit

    def _kept(self, number: int, event: Event) -> None:
        """End a host; where the module wants its file kept, when that is done: not in an engine's own thread."""
        verb = self._verbs.get(number)
        args = verb.call.args if verb and verb.call else {}
        if args.get("keep") and event.status.good:
            self._files.keep(args["path"], event, lambda kept: self._ended(number, kept))
        else:
            self._ended(number, event)

    def _live(self, event: Event) -> None:
        if self._record.live(event):
            self._answer(0, None)  # no call's: so that somebody flushes it in time

    def _goes_on(self, number: int, engine: str, event: Event) -> bool:
        """Say whether a final event is not its host's last, because another engine tries it; if so, see to that."""
        with self._lock:
            verb = self._verbs.get(number)
            if verb is None or event.host not in verb.open or verb.by.get(event.host, "") != engine:
                return True  # nobody waits for this word any more
            target, event = self._named.get(event.host), replace(event, engine=engine)
            missed = self._fallbacks.missed(event.host)
            adapter = self._router.after(verb.name, target, event, missed) if target and not verb.over else None
            if target is None or adapter is None:
                return False
            note = self._fallbacks.note(replace(event, reason=self._record.masked(event.reason)), adapter.name)
            verb.by[event.host] = adapter.name
            waiting = verb.waiting.setdefault(adapter.name, [])
            waiting.append((target, event))
            if len(waiting) == 1:
                timer = threading.Timer(GATHER, self._fall_back, (number, adapter))
                timer.daemon = True
                timer.start()
        self._live(note)
        return True

    def _fall_back(self, number: int, adapter: Adapter) -> None:
        """Give an engine the hosts that others did not reach."""
        with self._beginning:
            with self._lock:
                verb = self._verbs.get(number)
                waiting = verb.waiting.pop(adapter.name, []) if verb else []
            if verb and verb.call and waiting:
                targets = Targets(tuple(target for target, _ in waiting))
                self._run(number, adapter, replace(verb.call, targets=targets), verb)

    def _ended(self, number: int, event: Event) -> None:
        with self._lock:
            verb = self._verbs.get(number)
            if verb is None or event.host not in verb.open:
                return
            verb.open.discard(event.host)
            event = self._fallbacks.ended(event)
            step = self._steps.get(event.host)
            if step:
                step.running -= 1
                step.last, step.verb = event, verb.name
            over = not verb.open
        self._answer(number, event)
        if over:
            self._end(number)

    def _end(self, number: int) -> None:
        with self._lock:
            self._verbs.pop(number, None)
        self._answer(number, None)


def _cut_off(last: Event, status: Status, sentence: str) -> Event:
    """End a host whose last step the engine has cancelled: the engine's own word says what became of it.

    The exit status, and the shell's word for it, are those of our ending it: they would say nothing of the command.
    """
    proof = last.reason.removeprefix("Cancelled; ").replace(NOT_CONFIRMED, MAY_RUN)
    if status is Status.LOST:
        proof = proof.replace(GONE, "what ran on the server was ended")
    reason = f"{sentence.rstrip('.')}; {proof}" if proof else sentence
    output = last.output.removesuffix("Terminated\n")
    return replace(last, status=status, reason=reason, output=output, rc=None, data=None)
