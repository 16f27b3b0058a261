"""Show how full the disks are.

One line for each file system on a disk of the server's own. A server with one above the limit is marked as failed.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from sdk import Between, Context, Engine, Event, Events, Help, Status, Targets, each, module

NOT_DISKS = ("tmpfs", "devtmpfs", "udev", "none", "shm", "efivarfs")
# df ends with 1 when it may not look at one file system; what it did see still counts
SCRIPT = 'out=$(df -Pkl 2>/dev/null); [ -n "$out" ] || out=$(df -Pk 2>/dev/null); [ -n "$out" ] && echo "$out"\n'


@dataclass(frozen=True)
class Params:
    warn_at: Annotated[int, Between(1, 100), Help("Fuller than this is a failure.", "%")] = 90


@module(risk="read", category="system", timeout=60, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from each(ctx.engine.script(targets, SCRIPT), lambda event: judged(event, params.warn_at), live=False)


def judged(event: Event, limit: int) -> Event:
    """Turn df's table into lines, and fail where a file system is above the limit."""
    if event.status is not Status.OK:
        return event
    disks = {mount: (kib, used) for mount, kib, used in rows(event.stdout)}
    lines = [f"{used:>3} % of {kib / (1 << 20):>8.1f} GiB  {mount}\n" for mount, (kib, used) in sorted(disks.items())]
    full = [f"{mount} is {used} % full" for mount, (_, used) in sorted(disks.items()) if used > limit]
    event = event.say("".join(lines) or "There is no disk.\n")
    return event.fail(f"{'; '.join(full)} (limit {limit} %).") if full else event


def rows(table: str) -> list[tuple[str, int, int]]:
    """Read (mount point, KiB, percent) from df -P: device, blocks, used, free, percent, mount point."""
    split = (line.split(None, 5) for line in table.splitlines()[1:])
    return [
        (row[5], int(row[1]), int(row[4][:-1]))
        for row in split
        if len(row) == 6
        and re.fullmatch("[0-9]{1,18} [0-9]{1,3}%", f"{row[1]} {row[4]}")
        and row[0] not in NOT_DISKS
        and not row[0].startswith("/dev/loop")
    ]
