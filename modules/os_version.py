"""Show the operating system and its kernel."""

from dataclasses import dataclass

from sdk import Context, Engine, Events, Targets, module

SCRIPT = """\
if [ -r /etc/os-release ]; then (. /etc/os-release && echo "${PRETTY_NAME:-$NAME $VERSION}"); else uname -o; fi
uname -srm
"""


@dataclass(frozen=True)
class Params:
    pass


@module(risk="read", category="system", timeout=30, number=1003, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:  # noqa: ARG001  # it has none
    yield from ctx.engine.script(targets, SCRIPT)
