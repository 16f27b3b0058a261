"""The processes that a module tells of, and whether they are gone."""

import os
import time
from pathlib import Path

from rpcgate.protocol import Progress


def pids_of(events: list[Progress]) -> list[int]:
    return [int(word) for event in events if event.stream == "note" for word in (event.text or "").split()]


def gone(pids: list[int], within: float = 60) -> bool:
    deadline = time.monotonic() + within
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        os.sched_yield()
    return not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
