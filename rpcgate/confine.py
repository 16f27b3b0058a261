"""Shut a process that runs foreign code away from the machine's files, its network and its other processes.

By Landlock (Linux 5.13 and later) and a filter of system calls, which need no rights and hold for root as well. What is
left: reading Python and its libraries, the sdk and this package; and the descriptors that are open already.
Source: https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from rpcgate.seccomp import filterable, refuse_connections

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same on every architecture
ASK_VERSION, PATH_BENEATH = 1, 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3  # never the right to execute: it starts no program, not even Python
HANDLED_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # all rights, from version on
TCP, TCP_SINCE = 0b11, 4  # bind and connect
SCOPES, SCOPES_SINCE = 0b11, 6  # abstract sockets and signals
PR_SET_NO_NEW_PRIVS = 38
ROOT = Path(__file__).resolve().parents[1]  # where sdk and rpcgate are
OURS = (ROOT / "sdk", ROOT / "rpcgate")
SYSTEM = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/localtime", "/etc/ld.so.cache",
          "/dev/null", "/dev/urandom")  # fmt: skip  # what Python opens when it imports or tells the time


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def confinable() -> bool:
    """Say whether this kernel can confine."""
    return _version() > 0 and filterable()


def confine() -> bool:
    """Confine this thread and all that it starts, for ever; False, and nothing happened, where the kernel cannot.

    OSError when it can and does not: go no further then. Call it before there are other threads.
    """
    version = _version()
    if version < 1 or not filterable():
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    ruleset = _ruleset(libc, version)
    try:
        for path in readable():
            _allow(libc, ruleset, path)
        _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(libc.syscall(RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    refuse_connections()
    return True


def readable() -> Iterator[Path]:
    """Give the files and folders that a confined process may read.

    Never the project's own folder as a whole: an installation's keys may lie in it.
    """
    libraries = (Path(entry).resolve() for entry in (sys.prefix, sys.base_prefix, *sys.path) if entry)
    for path in {*libraries, *OURS, *map(Path, SYSTEM)}:
        if path.exists() and path not in (ROOT, *ROOT.parents):
            yield path


def _version() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    found: int = libc.syscall(CREATE_RULESET, None, 0, ASK_VERSION)
    return found


def _ruleset(libc: ctypes.CDLL, version: int) -> int:
    files = next(rights for since, rights in sorted(HANDLED_FILES.items(), reverse=True) if version >= since)
    rules = _Ruleset(files, TCP if version >= TCP_SINCE else 0, SCOPES if version >= SCOPES_SINCE else 0)
    known = 24 if version >= SCOPES_SINCE else 16 if version >= TCP_SINCE else 8  # bytes that this kernel knows of it
    return _checked(libc.syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(known), 0))


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        folder = stat.S_ISDIR(os.fstat(parent).st_mode)
        rule = _Beneath(READ_FILE | (READ_DIR if folder else 0), parent)
        _checked(libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(parent)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the process could not be confined: {os.strerror(number)}")
    return result
