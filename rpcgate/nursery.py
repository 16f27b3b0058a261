"""Start the processes in which modules run: a warm Python that forks in a few milliseconds.

It is a process of its own, so that a fork never copies the master's threads, keys or open files; where the master is
root it runs in the account `run_as` from its first instruction on. `python -m rpcgate.nursery` is that process: it
obeys a socket on its standard input and ends, with all it has started, when that socket closes.
"""

import contextlib
import ctypes
import os
import pwd
import resource
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rpcgate.confine import PR_SET_NO_NEW_PRIVS, ROOT, confine

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
MEMORY = 2 << 30  # bytes of address space for one module
FILE = 64 << 20  # bytes of the largest file it may write on the master
FILES = 256  # that it may have open
JOB = 3  # the descriptor of a child's conversation; 0, 1 and 2 lead nowhere
ROOM = 64  # bytes of an order: a word and two numbers


def account(run_as: str | None) -> dict[str, object]:
    """Give subprocess.Popen's arguments for running in an account; none where it is the own one already."""
    if not run_as:
        return {}
    user = pwd.getpwnam(run_as)
    return {} if user.pw_uid == os.geteuid() else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def may_run(run_as: str | None) -> bool:
    """Say whether modules can run in an account: Python and the platform's files are open to it."""
    other = account(run_as)
    if not other:
        return True
    try:
        tried = subprocess.run(  # type: ignore[call-overload]  # account() gives some of its arguments
            [sys.executable, "-c", "import rpcgate.child"],
            env=environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
            **other,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(tried.returncode == 0)


def environment() -> dict[str, str]:
    """Give the environment of a process that runs modules: nothing of the master's but where Python's files are."""
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), *(path for path in sys.path if path)]), "LANG": "C.UTF-8"}


@dataclass(slots=True)
class Child:
    """A process that was started. status: a pipe that says "<exit status>" once it and its whole group are gone; it
    closes without a word when the nursery itself died."""

    number: int
    status: int
    nursery: "Nursery"

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; nothing where it has ended."""
        self.nursery.signal(self.number, number)


class Nursery:
    """The master's side; any thread may call it."""

    def __init__(self, run_as: str | None = None) -> None:
        self._run_as = run_as
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._number = 0

    def warm(self) -> None:
        """Begin now, so that the first job need not wait."""
        with self._lock:
            if self._process is None:
                self._begin()

    def start(self, conversation: socket.socket) -> Child:
        """Fork a child that talks over this socket. OSError when no process can be had."""
        with self._lock:
            self._number += 1
            told, tell = os.pipe()
            try:
                self._send(f"start {self._number}".encode(), [conversation.fileno(), tell])
            except OSError:
                os.close(told)
                raise
            finally:
                os.close(tell)
            return Child(self._number, told, self)

    def signal(self, number: int, signum: int) -> None:
        """Send a signal to a child's group."""
        with self._lock, contextlib.suppress(OSError):
            if self._control:
                self._control.send(f"kill {number} {signum}".encode())

    def close(self) -> None:
        """End the nursery and all that it has started."""
        with self._lock:
            self._end()

    def _send(self, order: bytes, descriptors: list[int]) -> None:
        """Give an order; a nursery that has died is replaced once."""
        if self._process is None or self._process.poll() is not None:
            self._begin()
        try:
            socket.send_fds(self._living(), [order], descriptors)
        except (BrokenPipeError, ConnectionError):
            self._begin()
            socket.send_fds(self._living(), [order], descriptors)

    def _living(self) -> socket.socket:
        if self._control is None:
            raise OSError("there is no process that starts modules")
        return self._control

    def _begin(self) -> None:
        self._end()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # type: ignore[call-overload]  # account() gives some of its arguments
                [sys.executable, "-m", "rpcgate.nursery"],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                env=environment(),
                cwd="/",
                start_new_session=True,
                **account(self._run_as),
            )

    def _end(self) -> None:
        if self._control:
            self._control.close()
            self._control = None
        if self._process:
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


class _Forks:
    """The nursery's own side: its children by number, each with the pipe that tells of its end."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pids: dict[int, int] = {}
        self._tells: dict[int, int] = {}
        self._libc = ctypes.CDLL(None)
        self._libc.prctl(PR_SET_CHILD_SUBREAPER, 1)  # what a module has sent into the background becomes ours
        self._libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

    def obey(self) -> None:
        """Follow orders until the master closes the socket."""
        awake, wake = socket.socketpair()
        awake.setblocking(False)
        wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as ready:
            ready.register(self._control, selectors.EVENT_READ)
            ready.register(awake, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is self._control and not self._order():
                        return
                    with contextlib.suppress(BlockingIOError):
                        awake.recv(4096)
                self._reap()

    def end(self) -> None:
        """Kill everything."""
        for pid in self._pids.values():
            _kill_group(pid)
        self._kill_orphans()

    def _order(self) -> bool:
        order, descriptors, _, _ = socket.recv_fds(self._control, ROOM, 2)
        match order.decode().split():
            case ["start", number]:
                self._fork(int(number), *descriptors)
            case ["kill", number, signum]:
                pid = self._pids.get(int(number))
                if pid:
                    _kill_group(pid, int(signum))
        return bool(order)

    def _fork(self, number: int, conversation: int, tell: int) -> None:
        nursery = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_child(nursery, conversation)
        os.close(conversation)
        self._pids[number], self._tells[number] = pid, tell

    def _become_child(self, nursery: int, conversation: int) -> NoReturn:
        """Leave everything of the nursery behind and run the module."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            self._libc.prctl(PR_SET_CHILD_SUBREAPER, 1)  # so that its orphans stay below it while it lives
            if os.getppid() != nursery:
                os._exit(1)
            _only(conversation)
            _limit()
            os.environ.clear()
            from rpcgate.child import main

            confine()

            main(socket.socket(fileno=JOB))
        finally:
            os._exit(1)

    def _reap(self) -> None:
        """Tell of the children that have ended, after their groups are gone."""
        for number, pid in list(self._pids.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            _kill_group(pid)  # before it is reaped: until then nobody else can have its number
            _, status = os.waitpid(pid, 0)
            del self._pids[number]
            self._kill_orphans()
            tell = self._tells.pop(number)
            with contextlib.suppress(OSError):
                os.write(tell, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(tell)

    def _kill_orphans(self) -> None:
        """Kill what was left behind by children that have ended, even in sessions of their own."""
        kill_children(set(self._pids.values()))


def kill_children(kept: Set[int] = frozenset()) -> None:
    """Kill all children of this process but those kept, and what they leave behind to a subreaper."""
    while orphans := _children() - kept:
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _kill_group(pid: int, signum: int = signal.SIGKILL) -> None:
    for kill in (os.killpg, os.kill):  # it may not have its group yet
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signum)


def _children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def _only(conversation: int) -> None:
    """Close every descriptor but the conversation's, which becomes number JOB."""
    quiet = os.open(os.devnull, os.O_RDWR)
    kept = os.dup2(conversation, 250)  # out of the way of 0 to 3
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    os.dup2(kept, JOB, inheritable=False)
    os.closerange(JOB + 1, 4096)


def _limit() -> None:
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, FILE),
        (resource.RLIMIT_NOFILE, FILES),
    ):
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def main() -> None:
    """Serve the socket on standard input."""
    import rpcgate.child  # noqa: F401  # warm, before the first fork

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the master's; it closes the socket
    forks = _Forks(socket.socket(fileno=0))
    try:
        forks.obey()
    finally:
        forks.end()


if __name__ == "__main__":
    main()
