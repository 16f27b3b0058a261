"""Run one module in a process of its own; the engines are asked for over a socket.

The first message says what to run. Then this side says {"say": "event"}, {"say": "call"}, {"say": "drop"}, where the
module raised {"say": "crash"}, and at last {"say": "end"}; the master answers calls with {"call": number, "event": ...}
and {"call": number, "end": true}.
"""

import base64
import os
import queue
import signal
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from rpcgate.loading import load_source
from rpcgate.output import clean, fit
from rpcgate.pipe import HEAD, MAX_FRAME, Unpacker, pack, read_event, read_target, small_data
from sdk import Context, Event, Events, File, ModuleError, ParamError, Status, Target, Targets, parse, settle
from sdk.module import Module
from sdk.params import choices_of

CHOICES, CHOICE_BYTES = 1000, 64 << 10
LONGEST = 2000  # characters of a reason; the master masks secrets in it first, then makes it shorter
FROM_MASTER = 1 << 30  # bytes of a message; the master is trusted


def main(conversation: socket.socket) -> NoReturn:
    """Do what the first message says, then end the process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    master = Master(conversation)
    order = master.order()
    if "choices" in order:
        master.say(_choices(master, order))
    else:
        limit = order["output"]
        hosts = [plain["name"] for plain in order["targets"]]
        for event in settle(hosts, _events(master, order), crashed=lambda why: master.say(_crash(why))):
            master.say({"say": "event", "event": _sendable(event, limit)})
    master.say({"say": "end"})
    os._exit(0)  # threads that the module has left do not hold us up


class Master:
    """The other side of the socket; any thread may use it."""

    def __init__(self, conversation: socket.socket) -> None:
        self._socket = conversation
        self._unpacker = Unpacker(FROM_MASTER)
        self._sending = threading.RLock()  # letting go of an Answers may say something from anywhere
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._calls = 0
        self._pid = os.getpid()

    def order(self) -> dict[str, Any]:
        """Wait for the first message; from then on answers are taken in by a thread."""
        while not (messages := self._unpacker.feed(self._received())):
            continue
        threading.Thread(target=self._listen, daemon=True).start()
        return messages[0]

    def say(self, plain: dict[str, Any]) -> None:
        """Send a message. In a process that the module has forked off, end that process instead."""
        if os.getpid() != self._pid:
            os._exit(0)
        frame = pack(plain)
        if len(frame) > MAX_FRAME + HEAD.size:
            raise ValueError(f"the call has {len(frame):,} bytes; at most {MAX_FRAME:,} are taken")
        with self._sending:
            self._socket.sendall(frame)

    def call(self, verb: str, targets: Iterable[Target], args: dict[str, Any], timeout: float | None) -> "Answers":
        """Start a verb; its events come with the iterator."""
        hosts = [target.name for target in targets]
        with self._sending:
            self._calls += 1
            number = self._calls
        answers = self._answers[number] = queue.SimpleQueue()
        self.say({"say": "call", "call": number, "verb": verb, "hosts": hosts, "args": args, "timeout": timeout})
        return Answers(self, number, answers)

    def drop(self, number: int) -> None:
        """Give up a call: what of it still runs is cancelled."""
        if self._answers.pop(number, None) is not None and os.getpid() == self._pid:
            self.say({"say": "drop", "call": number})

    def forget(self, number: int) -> None:
        """Let go of a call that has ended."""
        self._answers.pop(number, None)

    def _listen(self) -> None:
        while True:
            for message in self._unpacker.feed(self._received()):
                answers = self._answers.get(message["call"])
                if answers:
                    answers.put(message)

    def _received(self) -> bytes:
        data = self._socket.recv(1 << 16)
        if not data:
            os._exit(1)  # the master is gone
        return data


class Answers(Iterator[Event]):
    """The events of one verb. Closing it, or letting go of it, before its end cancels the rest."""

    def __init__(self, master: Master, number: int, answers: "queue.SimpleQueue[dict[str, Any]]") -> None:
        self._master = master
        self._number = number
        self._answers = answers
        self._ended = False

    def __next__(self) -> Event:
        """Wait for the next event."""
        if self._ended:
            raise StopIteration
        message = self._answers.get()
        if "event" in message:
            return read_event(message["event"])
        self._ended = True
        self._master.forget(self._number)
        raise StopIteration

    def close(self) -> None:
        """Want no more events."""
        if not self._ended:
            self._ended = True
            self._master.drop(self._number)

    def __del__(self) -> None:
        self.close()


class Engines:
    """Every engine's verbs; which of them a module may use is checked by the master."""

    def __init__(self, master: Master, engines: Sequence[str]) -> None:
        self._master = master
        self._by_function = "salt" in engines

    def shell(self, targets: Targets, argv: Sequence[str], *, timeout: float | None = None) -> Events:
        """See sdk.Engine."""
        return self._master.call("shell", targets, {"argv": _texts("argv", argv)}, timeout)

    def script(self, targets: Targets, text: str, args: Sequence[str] = (), *, timeout: float | None = None) -> Events:
        """See sdk.Engine."""
        return self._master.call("script", targets, {"text": text, "args": _texts("args", args)}, timeout)

    def put(  # noqa: PLR0913  # each is a property of the file
        self,
        targets: Targets,
        path: str,
        content: bytes | File,
        *,
        mode: int | None = None,
        owner: str = "",
        group: str = "",
        backup: bool = False,
        timeout: float | None = None,
    ) -> Events:
        """See sdk.Engine."""
        how = {"path": path, "mode": mode, "owner": owner, "group": group, "backup": backup}
        if isinstance(content, File):
            what: dict[str, Any] = {"file": content.as_dict()}
        else:
            what = {"content": base64.b64encode(content).decode()}
        return self._master.call("put", targets, how | what, timeout)

    def get(
        self,
        targets: Targets,
        path: str,
        *,
        limit: int = 1 << 20,
        keep: bool = False,
        timeout: float | None = None,
    ) -> Events:
        """See sdk.Engine."""
        return self._master.call("get", targets, {"path": path, "limit": limit, "keep": keep}, timeout)

    def module(self, targets: Targets, name: str, /, *, timeout: float | None = None, **args: Any) -> Events:
        """See sdk.Ansible."""
        return self._master.call("module", targets, {"name": name, "args": args}, timeout)

    def playbook(
        self,
        targets: Targets,
        path: str,
        variables: dict[str, Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Events:
        """See sdk.Ansible."""
        return self._master.call("playbook", targets, {"path": path, "variables": variables or {}}, timeout)

    def playbooks(self) -> list[str]:
        """See sdk.Ansible; LookupError says why there are none."""
        answer = next(self._master.call("playbooks", (), {}, None))
        if not answer.status.good:
            raise LookupError(answer.reason)
        return list(answer.data)

    def call(
        self,
        targets: Targets,
        function: str,
        /,
        *args: Any,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> Events:
        """See sdk.Salt, and sdk.Func, whose second argument is the method."""
        if self._by_function:
            salt = {"function": function, "args": list(args), "kwargs": kwargs}
            return self._master.call("call", targets, salt, timeout)
        method, *rest = args
        return self._master.call("call", targets, {"module": function, "method": method, "args": rest}, timeout)

    def state(
        self,
        targets: Targets,
        sls: str,
        *,
        pillar: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Events:
        """See sdk.Salt."""
        return self._master.call("state", targets, {"sls": sls, "pillar": pillar or {}}, timeout)


def _events(master: Master, order: dict[str, Any]) -> Events:
    """Run the module; what it raises, settle turns into results."""
    targets = Targets(tuple(read_target(plain) for plain in order["targets"]))
    try:
        module = load_source(order["name"], base64.b64decode(order["source"]))
        params: object = parse(module.params, order["params"])
    except (ModuleError, ParamError) as error:
        what = "The module does not load" if isinstance(error, ModuleError) else "The parameters are refused"
        yield from (Event(target.name, Status.FAILED, reason=f"{what}: {error}") for target in targets)
        return
    yield from module.run(_context(master, module, order), targets, params)


def _context(master: Master, module: Module, order: dict[str, Any]) -> Context[Engines]:
    return Context(Engines(master, module.engines), order["check"], order["timeout"], order["task"])


def _choices(master: Master, order: dict[str, Any]) -> dict[str, Any]:
    """Compute what a field offers."""
    targets = Targets(tuple(read_target(plain) for plain in order["targets"]))
    try:
        module = load_source(order["name"], base64.b64decode(order["source"]))
        compute = choices_of(module.params, order["choices"]).compute
        values = [clean(str(value)) for value in compute(_context(master, module, order), targets)][:CHOICES]
        while len(str(values)) > CHOICE_BYTES:
            values = values[: len(values) // 2]
    except BaseException as error:  # noqa: BLE001  # a module is foreign code: whatever it raises becomes the answer
        return {"say": "choices", "values": [], "reason": f"{type(error).__name__}: {error}"[:500]}
    return {"say": "choices", "values": values, "reason": ""}


def _crash(why: str) -> dict[str, Any]:
    return {"say": "crash", "reason": clean(why)[:LONGEST]}


def _sendable(event: Event, limit: int) -> Event:
    """Make an event fit a message, and JSON."""
    output, cut = fit(clean(str(event.output)), limit, event.size)
    size = event.size if event.size is not None or not cut else len(event.output.encode("utf-8", "replace"))
    rc = event.rc if type(event.rc) is int else None
    return replace(
        event, output=output, size=size, rc=rc, reason=clean(str(event.reason))[:LONGEST], data=small_data(event.data)
    )


def _texts(name: str, values: Sequence[str]) -> list[str]:
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{name} is to be a list of texts, each a word of its own")
    return list(values)
