"""Say which program works on something, and whether it still lives."""

import os
import socket
from pathlib import Path


def own() -> str:
    """Give this program's claim: host, process and when that began, so that a number used again is not taken for it."""
    return f"{socket.gethostname()} {os.getpid()} {_began(os.getpid())}"


def lives(claim: str) -> bool | None:
    """Say whether the claim's program runs; None when it is on another host."""
    host, pid, began = claim.split(" ")
    if host != socket.gethostname():
        return None
    return _began(int(pid)) == began


def _began(pid: int) -> str:
    """Give when a process began, in ticks since the machine did; "" where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
