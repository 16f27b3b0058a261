"""Apply a Salt state, or the highstate.

The state files are the Salt master's. Each server's result lists its states with what they changed. A dry run is Salt's
own test=True: it shows what would change and changes nothing.
"""

from dataclasses import dataclass, field
from typing import Annotated

from sdk import Between, Context, Events, Help, Matches, Salt, Targets, module
from sdk.variables import variables

NAME = r"[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*"


@dataclass(frozen=True)
class Params:
    state: Annotated[
        str,
        Between(0, 500),
        Matches(rf"({NAME}(,{NAME})*)?", "names of state files, for example web.nginx, joined by commas"),
        Help("Empty applies the highstate: all that the Salt master's top file gives a server."),
    ] = ""
    pillar: Annotated[
        list[str],
        Between(0, 5000),
        Help("Values for the state, one a line: name=text, or name:=json for numbers, true and false, and lists."),
    ] = field(default_factory=list)

    def __post_init__(self) -> None:
        variables(self.pillar)


@module(risk="change", category="automation", timeout=1800, number=1042, idempotent=True, check=True)
def run(ctx: Context[Salt], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.state(targets, params.state, pillar=variables(params.pillar))
