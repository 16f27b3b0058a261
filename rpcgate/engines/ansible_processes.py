"""Find and end the processes below one, as Linux's /proc shows them."""

import ctypes
import os
import signal
import time
from pathlib import Path

from rpcgate.engines.remote_shell import MARK

SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
PATIENCE = 5.0  # seconds until a killed process must be gone; longer means that the kernel holds it
_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Let processes whose parent dies become this process's children instead of init's."""
    _libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent ends, however that happens."""
    _libc.prctl(SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def descendants(root: int, besides: frozenset[int] = frozenset()) -> list[int]:
    """Give the processes below `root`, without `besides` and what is below them."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found, todo = [], [root]
    while todo:
        below = [pid for pid in children.get(todo.pop(), []) if pid not in besides]
        found += below
        todo += below
    return found


def kill_below(root: int, *, spare_connections: bool, besides: frozenset[int] = frozenset()) -> bool:
    """Kill everything below `root`; say whether it is all gone.

    What runs on a server is not Ansible's own, even where the server is this machine: a service that was restarted
    lives on. spare_connections: leave ssh's idle shared connections, which other jobs may be using.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        doomed = [
            pid
            for pid in descendants(root, besides)
            if alive(pid) and not _is_marked(pid) and not (spare_connections and _is_connection(pid))
        ]
        if not doomed:
            return True
        for pid in doomed:
            _kill(pid)
        reap(besides)
        time.sleep(0.005)  # a killed process needs a moment; new ones may have been forked meanwhile
    return False


def alive(pid: int) -> bool:
    """Say whether a process runs: a zombie has ended."""
    return (stat := _stat(pid)) is not None and stat[0] not in "ZX"


def reap(besides: frozenset[int] = frozenset()) -> None:
    """Take the exit status of ended children, adopted ones included, except those that somebody waits for."""
    for pid, parent in _parents():
        if parent == os.getpid() and pid not in besides:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue


def _parents() -> list[tuple[int, int]]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [(pid, stat[1]) for pid in pids if (stat := _stat(pid)) is not None]


def _stat(pid: int) -> tuple[str, int] | None:
    """Give state and parent; None when there is no such process (any more)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    state, parent = text[text.rindex(b")") + 2 :].split(maxsplit=2)[:2]  # a name may hold spaces and brackets
    return state.decode(), int(parent)


def _is_connection(pid: int) -> bool:
    """Say whether a process is ssh's shared connection in the background, by the title that ssh gives it."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes().strip(b"\0 ")
    except OSError:
        return False
    return title.startswith(b"ssh: ") and title.endswith(b"[mux]")


def _is_marked(pid: int) -> bool:
    try:
        return f"{MARK}=".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
