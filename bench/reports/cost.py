"""What something costs: seconds on the clock, processor seconds of the program asked, and its peak memory."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

TICK = os.sysconf("SC_CLK_TCK")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """seconds: on the clock. cpu: processor seconds of the program asked, all its threads. own: of this program, which
    asks. mib: the largest resident memory of the program asked meanwhile, with what it held before.
    """

    seconds: float
    cpu: float
    own: float
    mib: int

    def as_dict(self) -> dict[str, float]:
        """Give JSON values."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def least(costs: list[Cost]) -> Cost:
    """Give the least of each: what others on the machine add is not ours."""
    return Cost(*(min(getattr(cost, name) for cost in costs) for name in ("seconds", "cpu", "own", "mib")))


def measured(act: Callable[[], T], pid: int) -> tuple[T, Cost]:
    """Do it, and give what it gave and cost. pid: of the program that does the work; it may be this one."""
    with suppress(OSError):  # a kernel without it: then the peak is that of the program's whole life
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    cpu, own, started = _cpu(pid), time.process_time(), time.perf_counter()
    found = act()
    seconds = time.perf_counter() - started
    return found, Cost(seconds, _cpu(pid) - cpu, time.process_time() - own, _peak(pid))


def engine_of(folder: Path) -> int:
    """Give the process that holds the engine of a home's embedded store."""
    wanted = str((folder / "analytics").resolve()).encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if b"analytics.store.engine" in words and wanted in words:
                return int(path.parent.name)
    raise LookupError(f"no engine runs for {folder}")


def _cpu(pid: int) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICK  # utime, stime: proc(5)


def _peak(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def say(text: str, *more: Any) -> None:
    """Tell how far it is, on stderr: stdout is the tables'."""
    print(text, *more, file=sys.stderr, flush=True)
