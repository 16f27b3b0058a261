"""Show the loaded kernel modules.

One line each: name, size in KiB, and the modules that use it; sorted by name, so that equal servers answer equally.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from sdk import Between, Context, Engine, Event, Events, Help, Status, Targets, each, module

SCRIPT = "[ -e /proc/modules ] || { echo 'this kernel has no loadable modules' >&2; exit 1; }\ncat /proc/modules\n"
ROW = re.compile(r"\S+ [0-9]{1,18} \S+ \S+")  # name, bytes, how many use it, which


@dataclass(frozen=True)
class Params:
    filter: Annotated[str, Between(0, 100), Help("Only modules whose name holds this text.")] = ""


@module(risk="read", category="system", timeout=30, number=1004, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    def judged(event: Event) -> Event:
        text = listed(event.stdout, params.filter) or "No such module is loaded.\n"
        return event.say(text) if event.status is Status.OK else event

    yield from each(ctx.engine.script(targets, SCRIPT), judged, live=False)


def listed(proc_modules: str, text: str) -> str:
    """Turn the text of /proc/modules (name, bytes, count, users, ...) into one line a module."""
    rows = sorted(line.split() for line in proc_modules.splitlines() if ROW.match(line))
    kept = [row for row in rows if text in row[0]]
    return "".join(
        f"{name:<28} {int(size) // 1024:>7}  {users.rstrip(',-')}".rstrip() + "\n"
        for name, size, _, users in (row[:4] for row in kept)
    )
