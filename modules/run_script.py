"""Run a script.

The text is run by the interpreter that its first line names, for example #!/usr/bin/env python3; without such a line by
/bin/sh. Its file is removed afterwards. The script reads nothing: its standard input is empty.
"""

from dataclasses import dataclass, field
from typing import Annotated

from sdk import Between, Context, Engine, Events, Help, Targets, module


@dataclass(frozen=True)
class Params:
    text: Annotated[str, Between(1, 200_000), Help("The script.")]
    args: Annotated[list[str], Between(0, 1000), Help("Its arguments, one a line; each arrives as it is.")] = field(
        default_factory=list
    )


@module(risk="change", category="commands", timeout=300)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.script(targets, params.text, params.args)
