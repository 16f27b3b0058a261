"""Load module files where they can harm nobody, and say what each declares.

`python -m rpcgate.trial` reads JSON lists [name, source in base64] from its input and answers each with a line of JSON.
Each file is loaded in a fork of its own, in its own session, with a deadline: importing a module runs its code, and
that code may loop, crash, fork or print. The process that asked, which may hold credentials, never runs it.
"""

import base64
import ctypes
import json
import logging
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from rpcgate.confine import PR_SET_NO_NEW_PRIVS, confine
from rpcgate.loading import load_source
from rpcgate.nursery import PR_SET_CHILD_SUBREAPER, account, environment, kill_children
from rpcgate.seccomp import refuse_starts
from rpcgate.told import believable
from sdk.errors import ModuleError
from sdk.module import Module
from sdk.params import ParamError, parse

log = logging.getLogger(__name__)

SECONDS = 5  # of a processor, for one file; the longest import of a sound module is a few hundredths
PATIENCE = 30.0  # seconds by the clock, which goes on while a busy machine does other work
MEMORY = 1 << 30
MAX_ANSWER = 1 << 20
ANSWER = 3  # the descriptor of a file's own answer; 0 to 2 lead nowhere
ENDLESS = (
    f"loading it did not end within {SECONDS} seconds of a processor or {PATIENCE:g} by the clock;"
    " a module only defines things, the work belongs into run"
)


class TrialError(Exception):
    """No file can be tried on this machine; the text says why. It may be possible later: try again."""


def try_modules(sources: Mapping[str, bytes], run_as: str | None = None) -> dict[str, dict[str, Any]]:
    """Describe modules by name, each as `describe` does or {"error": sentence, "line": number}.

    run_as: the account in which they are loaded, where this process is root. One that is missing from the answer could
    not be tried; the log says why. TrialError when none could.
    """
    if not sources:
        return {}
    asked = [[name, base64.b64encode(source).decode()] for name, source in sources.items()]
    return _ask(json.dumps(asked).encode(), len(sources), run_as)


def describe(module: Module) -> dict[str, Any]:
    """Give what a module declares as JSON values."""
    said = module.declaration
    return {
        "number": said.number,
        "title": module.title,
        "help": module.help,
        "category": said.category,
        "risk": said.risk,
        "engines": list(module.engines),
        "idempotent": said.idempotent,
        "check": said.check,
        "timeout": said.timeout,
        "portable": module.portable,
        "params": [field.as_dict() for field in module.fields],
        "whole": hasattr(module.params, "__post_init__"),
    }


def try_params(name: str, source: bytes, raw: Mapping[str, Any], run_as: str | None = None) -> dict[str, str]:
    """Let a module's own Params judge values, its __post_init__ included; give the faults as ParamError has them.

    raw: JSON values. TrialError when the process cannot be started.
    """
    asked = [[name, base64.b64encode(source).decode(), dict(raw)]]
    said = _ask(json.dumps(asked).encode(), 1, run_as).get(name, {})
    faults: dict[str, str] = said.get(
        "faults", {"": "The module's own check of the values did not end; ask its author."}
    )
    return faults


def main() -> None:
    """Answer the files on standard input."""
    answers, quiet = os.dup(1), os.open(os.devnull, os.O_RDWR)
    asked = json.loads(sys.stdin.buffer.read())
    for descriptor in (0, 1, 2):  # what a module prints goes nowhere
        os.dup2(quiet, descriptor)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it defines things; it writes no file
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)  # what a file has sent into the background becomes ours
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for name, source, *raw in asked:
        line = json.dumps([name, _tried(name, base64.b64decode(source), *raw)]) + "\n"
        os.write(answers, line.encode())


def _ask(asked: bytes, files: int, run_as: str | None) -> dict[str, dict[str, Any]]:
    try:
        process = subprocess.Popen(  # type: ignore[call-overload]  # account() gives some of its arguments
            [sys.executable, "-m", "rpcgate.trial"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd="/",
            start_new_session=True,
            **account(run_as),
        )
    except (OSError, KeyError) as error:
        raise TrialError(f"the account {run_as or 'of the master'} cannot run {sys.executable}: {error}") from error
    try:
        said, complaint = process.communicate(asked, timeout=files * (PATIENCE + 1) + 30)
    except subprocess.TimeoutExpired:
        process.kill()
        said, complaint = process.communicate()
    if process.returncode:
        log.error("loading modules ended with %d: %s", process.returncode, complaint.decode(errors="replace")[-500:])
    whole = said[: said.rfind(b"\n") + 1]  # a process that was killed may have begun another line
    return {name: believable(plain) for name, plain in map(json.loads, whole.splitlines())}


def _tried(name: str, source: bytes, raw: dict[str, Any] | None = None) -> dict[str, Any]:
    """Load one file in a fork and give what it said of itself, or of the values `raw`."""
    inside, outside = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))  # it starts nothing; root is not held by this
        _only(outside)
        if confine():
            refuse_starts()
        _answer(name, source, raw)
    os.close(outside)
    said = _read(inside, time.monotonic() + PATIENCE)
    os.close(inside)
    for kill in (os.killpg, os.kill):  # the group as well: the file may have started others; it may not exist yet
        try:
            kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    _, status = os.waitpid(pid, 0)
    kill_children()
    try:
        plain: dict[str, Any] = json.loads(said)
    except ValueError:
        ended_by = status & 0x7F
        crash = f"loading it ended Python ({signal.Signals(ended_by).name if ended_by else 'exit'})"
        return {"error": ENDLESS if ended_by in (signal.SIGKILL, signal.SIGXCPU) else crash, "line": 0}
    return plain


def _only(answer: int) -> None:
    """Keep of all descriptors the one of this file's own answer: another's would let it speak for other files."""
    os.dup2(answer, ANSWER)
    os.closerange(ANSWER + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _answer(name: str, source: bytes, raw: dict[str, Any] | None) -> None:
    pid = os.getpid()
    try:
        module = load_source(name, source)
        said = describe(module) if raw is None else _judged(module, raw)
        text = json.dumps(said, allow_nan=False)
    except ModuleError as error:
        text = json.dumps({"error": str(error), "line": error.line})
    except (ValueError, TypeError, AttributeError) as error:
        text = json.dumps({"error": f"it declares something that is no plain value ({error})", "line": 0})
    if os.getpid() == pid:  # else the file has forked, and this is its copy
        with os.fdopen(ANSWER, "wb") as pipe:
            pipe.write(text.encode())
    os._exit(0)


def _judged(module: Module, raw: dict[str, Any]) -> dict[str, Any]:
    try:
        parse(module.params, raw)
    except ParamError as error:
        return {"faults": error.faults}
    return {"faults": {}}


def _read(descriptor: int, deadline: float) -> bytes:
    said = bytearray()
    while len(said) < MAX_ANSWER:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(descriptor, 65_536) if ready else b""
        if not piece:
            break
        said += piece
    return bytes(said)


if __name__ == "__main__":
    main()
