"""Take from a process the system calls by which foreign code could reach past the files that it may not open.

A socket with a path (Salt's, Docker's, an agent's) is no file to Landlock, and UDP no TCP: so no socket is made at all.
What is open already still works. Source: https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import os
import platform
from collections.abc import Iterator

PR_SET_SECCOMP, MODE_FILTER = 22, 2
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # of classic BPF
NUMBER, ARCHITECTURE = 0, 4  # offsets in what the filter is shown
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
X32 = 0x40000000  # x86_64's second numbering of the same calls begins here
# machine -> (the kernel's word for it, its numbers of the calls below)
MACHINES = {
    "x86_64": (0xC000003E, (41, 42, 49, 425, 101, 310, 311, 438, 321, 298, 323, 248, 249, 250, 165, 272, 308)),
    "aarch64": (0xC00000B7, (198, 203, 200, 425, 117, 270, 271, 438, 280, 241, 282, 217, 218, 219, 40, 97, 268)),
}
REFUSED = (
    "socket", "connect", "bind", "io_uring_setup", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd",
    "bpf", "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl", "mount", "unshare", "setns",
)  # fmt: skip
STARTS = {"x86_64": (56, 57, 58, 435), "aarch64": (220, 435)}  # clone, fork, vfork, clone3; newer machines lack two


class _Step(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("steps", ctypes.POINTER(_Step)))


def filterable() -> bool:
    """Say whether the calls of this machine are known here."""
    return platform.machine() in MACHINES


def refuse_connections() -> None:
    """Refuse the calls of REFUSED to this thread and all that it starts, for ever, with EPERM.

    OSError when the kernel does not take the filter. It needs no rights where no new ones can be gained
    (PR_SET_NO_NEW_PRIVS), which the caller has seen to.
    """
    _refuse(MACHINES[platform.machine()][1])


def refuse_starts() -> None:
    """Refuse new processes and threads, as `refuse_connections` refuses; root, too, is held by this."""
    _refuse(STARTS[platform.machine()])


def _refuse(numbers: tuple[int, ...]) -> None:
    steps = list(_steps(MACHINES[platform.machine()][0], numbers))
    array = (_Step * len(steps))(*steps)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(_Program(len(steps), array)), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"system calls could not be refused: {os.strerror(number)}")


def _steps(architecture: int, numbers: tuple[int, ...]) -> Iterator[_Step]:
    """Give the filter; a jump counts the steps to leave out."""
    yield _Step(LOAD, 0, 0, ARCHITECTURE)
    yield _Step(JUMP_EQUAL, 1, 0, architecture)
    yield _Step(RETURN, 0, 0, REFUSE)  # another machine's calls have other numbers
    yield _Step(LOAD, 0, 0, NUMBER)
    yield _Step(JUMP_AT_LEAST, len(numbers) + 1, 0, X32)
    for place, number in enumerate(numbers):
        yield _Step(JUMP_EQUAL, len(numbers) - place, 0, number)
    yield _Step(RETURN, 0, 0, ALLOW)
    yield _Step(RETURN, 0, 0, REFUSE)
