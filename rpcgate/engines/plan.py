"""Turn a verb into one line for a host's shell, and what the host said into the final event."""

import base64
import math
import secrets
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from rpcgate.engines import Call, remote_files, remote_shell
from rpcgate.output import Output
from sdk import Event, Status
from sdk.event import Stream

ENDED_BY_DEADLINE = (124, 137, 143)  # what timeout, its KILL and a TERM leave behind
GONE = "the server confirms that its processes are gone"
NOT_CONFIRMED = "whether its processes are gone could not be confirmed"
PROGRAM_UNUSABLE, PROGRAM_MISSING, SIGNALLED = 126, 127, 128  # a shell's exit statuses
SMALL = 1 << 16  # bytes of what put and get say beside the content: messages, and what a .bashrc prints


class Said(Protocol):
    """What a host said by the end: `raw` is standard output as it came, `both` the two streams together."""

    @property
    def rc(self) -> int | None:
        """Give the exit status; None where there was no exit."""

    @property
    def raw(self) -> bytes | bytearray:
        """Give the first bytes of standard output."""

    @property
    def streams(self) -> Mapping[Stream, Output]:
        """Give stdout and stderr, each for itself."""

    @property
    def both(self) -> Output:
        """Give them together."""


Read = Callable[[Event, Said], Event]


class VerbError(Exception):
    """The verb cannot be carried out on any host as it was asked for. The text is the reason for each of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one verb runs on one host.

    call: the mark of all its processes. seconds: until the host ends it. limit: bytes of output kept. raw: bytes of
    standard output kept as they are. live: output is passed on as it comes. read: makes the final event from a bare
    one, which has host, engine and seconds already. given: what its program reads. head: what the shell reads first.
    """

    call: str
    line: str
    seconds: int
    limit: int
    given: bytes | None
    live: bool
    read: Read
    raw: int = 0
    head: bytes = b""

    @property
    def pieces(self) -> tuple[bytes, ...] | None:
        """Give what is read, without a copy of it: a file of many MiB goes to many hosts; None for nothing at all."""
        pieces = tuple(piece for piece in (self.head, self.given) if piece)
        return pieces if pieces or self.given is not None else None

    @property
    def stdin(self) -> bytes | None:
        """Give what is read as one."""
        return None if self.pieces is None else b"".join(self.pieces)


def plan(call: Call, sudo: Sequence[str] = (), *, mark: str = "") -> Plan:
    """Plan a verb for one host; VerbError when what it was given can be sent to none. mark: a new one when empty."""
    if call.verb not in BUILDERS:
        raise VerbError(f"This engine has no verb {call.verb!r}.")
    mark = mark or secrets.token_hex(8)
    seconds = max(1, math.ceil(call.timeout))
    try:
        planned = BUILDERS[call.verb](call, mark, seconds, tuple(sudo))
    except KeyError as error:
        raise VerbError(f"The engine was not given what it needs for {call.verb}: {error} is missing.") from error
    except UnicodeEncodeError as error:
        raise VerbError("The script holds half of a character (a lone surrogate); remove it.") from error
    if "\x00" in planned.line:
        raise VerbError("A word holds a NUL character, which no program can be given; remove it.")
    try:
        size = len(planned.line.encode())
    except UnicodeEncodeError as error:
        raise VerbError("A word holds half of a character (a lone surrogate); remove it.") from error
    if size > remote_shell.LONGEST:
        raise VerbError(
            f"The command has {size} bytes; a server takes {remote_shell.LONGEST}. Put the text into a script or file."
        )
    line, head = remote_shell.carried(planned.line, None, sudo)
    return replace(planned, line=line, head=head or b"")


def outcome(planned: Plan, said: Said, event: Event) -> Event:
    """Make the final event of what has exited. event: bare, with host, engine and seconds."""
    if said.rc in ENDED_BY_DEADLINE and (event.seconds or 0) >= planned.seconds:
        reason = f"It did not end within {planned.seconds} s; the server has ended it."
        return replace(with_output(event, said), status=Status.TIMEOUT, reason=reason)
    return planned.read(event, said)


def ended(event: Event, *, cancelled: bool, seconds: float, gone: bool) -> Event:
    """Make the final event of what was ended from here. gone: the host itself has said so."""
    what = "Cancelled" if cancelled else f"It did not end within {seconds:g} s"
    proof = GONE if gone else NOT_CONFIRMED
    return replace(event, status=Status.CANCELLED if cancelled else Status.TIMEOUT, reason=f"{what}; {proof}.")


def with_output(event: Event, said: Said) -> Event:
    """Give the event what the process wrote, and its exit status."""
    return replace(
        event,
        output=said.both.text(),
        size=said.both.size if said.both.truncated else None,
        data={name: output.text() for name, output in said.streams.items()},
        rc=said.rc,
    )


def _shell(call: Call, mark: str, seconds: int, sudo: Sequence[str]) -> Plan:
    words = _words(call.args["argv"])
    if not words or not words[0]:
        raise VerbError("There is no command to run; the first word names a program.")
    line = remote_shell.command(words, call=mark, seconds=seconds)
    return Plan(mark, line, seconds, call.output_limit, None, True, _read_exit(words[0], sudo))


def _script(call: Call, mark: str, seconds: int, sudo: Sequence[str]) -> Plan:
    text = str(call.args["text"])
    line = remote_shell.script(text, _words(call.args.get("args", ())), call=mark, seconds=seconds)
    read = _read_exit(remote_shell.interpreter(text)[0], sudo)
    return Plan(mark, line, seconds, call.output_limit, remote_shell.script_bytes(text), True, read)


def _put(call: Call, mark: str, seconds: int, _: Sequence[str]) -> Plan:
    path, content = _path(call), call.args["content"]
    try:
        words = remote_files.put_words(path, call.args, mark, check=call.check)
    except ValueError as error:
        raise VerbError(str(error)) from error
    line = remote_shell.command(words, call=mark, seconds=seconds, stdin=not call.check)
    read = _read_put(path, mark, check=call.check)
    return Plan(mark, line, seconds, SMALL, None if call.check else content, False, read)


def _get(call: Call, mark: str, seconds: int, _: Sequence[str]) -> Plan:
    limit = int(call.args.get("limit", 1 << 20))
    words = remote_files.get_words(_path(call), limit, mark)
    line = remote_shell.command(words, call=mark, seconds=seconds)
    return Plan(mark, line, seconds, SMALL, None, False, _read_get(_path(call), limit, mark), raw=limit + SMALL)


BUILDERS: dict[str, Callable[[Call, str, int, Sequence[str]], Plan]] = {
    "shell": _shell,
    "script": _script,
    "put": _put,
    "get": _get,
}


def _words(words: Any) -> list[str]:  # noqa: ANN401  # what a module gave
    if isinstance(words, str) or not all(isinstance(word, str) for word in words):
        raise VerbError("The words of a command are not a list of texts.")
    return list(words)


def _path(call: Call) -> str:
    path = str(call.args["path"])
    if not path.startswith("/") or path.endswith("/"):
        raise VerbError(f"{path!r} is not the full path of a file; begin with / and name a file.")
    return path


def _read_exit(program: str, sudo: Sequence[str]) -> Read:
    def read(event: Event, said: Said) -> Event:
        event = with_output(event, said)
        if said.rc == 0:
            return replace(event, status=Status.OK)
        return replace(event, status=Status.FAILED, reason=_why(said, program, sudo))

    return read


def _read_put(path: str, mark: str, *, check: bool) -> Read:
    def read(event: Event, said: Said) -> Event:
        written = remote_files.read_written(said.streams["stdout"].text(), mark)
        if said.rc != 0 or written is None:
            return _refused(event, said, path, "written")
        data = {"backup": written.backup}
        if not written.changed:
            return replace(event, rc=0, status=Status.OK, output=f"{path} is as wanted already.\n", data=data)
        lines = [f"{path} {'would change' if check else 'was written'}.", *written.differences]
        if written.backup:
            lines.append(f"The file before is {written.backup}")
        return replace(event, rc=0, status=Status.CHANGED, output="\n".join(lines) + "\n", data=data)

    return read


def _read_get(path: str, limit: int, mark: str) -> Read:
    def read(event: Event, said: Said) -> Event:
        _, found, content = bytes(said.raw).partition(mark.encode())
        if said.rc != 0 or not found:
            return _refused(event, said, path, "read")
        if len(content) > limit:
            most = f"{limit >> 20} MiB" if limit % (1 << 20) == 0 else f"{limit} bytes"
            return replace(event, status=Status.FAILED, reason=f"{path} has more than the {most} that may be read.")
        data = {"content": base64.b64encode(content).decode()}
        return replace(event, rc=0, status=Status.OK, output=f"{path}: {len(content)} bytes.\n", data=data)

    return read


def _refused(event: Event, said: Said, path: str, verb: str) -> Event:
    lines = said.streams["stderr"].text().strip().splitlines() or [f"exit status {said.rc}"]
    why = f"it {lines[-1].removeprefix(f'{path} ')}" if lines[-1].startswith(f"{path} ") else lines[-1]
    reason = f"{path} was not {verb}: {why}"
    return replace(event, rc=said.rc, status=Status.FAILED, reason=reason, output="\n".join(lines))


def _why(said: Said, program: str, sudo: Sequence[str]) -> str:
    rc = said.rc or 0
    complaint = said.streams["stderr"].text().strip()
    if sudo and rc == PROGRAM_MISSING and "sudo: not found" in complaint:
        return "Exit status 127: the server has no sudo, which the configuration of its master asks for."
    if sudo and complaint.startswith("sudo:"):
        return f"sudo refused: {complaint.splitlines()[0].removeprefix('sudo:').strip()}."
    if rc == PROGRAM_MISSING:
        return f"Exit status 127: the server has no program {program!r}."
    if rc == PROGRAM_UNUSABLE:
        return f"Exit status 126: {program!r} cannot be run there."
    if rc > SIGNALLED and rc - SIGNALLED in set(signal.Signals):
        return f"Exit status {rc}: ended by {signal.Signals(rc - SIGNALLED).name}."
    return f"Exit status {rc}."
