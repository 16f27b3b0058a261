"""Run a command.

One program runs with its arguments on each server. No shell reads it: words such as *, |, > or $HOME reach the program
as they are. For pipes and variables use run_script.
"""

import shlex
from dataclasses import dataclass, field
from typing import Annotated

from sdk import Between, Context, Engine, Events, Help, Matches, Targets, module


@dataclass(frozen=True)
class Params:
    command: Annotated[
        str,
        Matches(r"[^\n]{0,8000}", "write one line of at most 8000 characters"),
        Help(
            "One line, for example: df -h /var. "
            "No shell reads it: | > && $HOME arrive as plain text; for those use Run a script."
        ),
    ] = ""
    argv: Annotated[list[str], Between(0, 1000), Help("Or the words, one a line, where quotes would be a burden.")] = (
        field(default_factory=list)
    )

    def __post_init__(self) -> None:
        if bool(self.command.strip()) == bool(self.argv):
            raise ValueError("Give either a command or its words (argv), and only one of them.")
        if not self.words()[:1] or not self.words()[0]:
            raise ValueError("There is no program to run; the first word names it.")

    def words(self) -> list[str]:
        """Give the program and its arguments; ValueError when the line cannot be split."""
        if self.argv:
            return self.argv
        try:
            return shlex.split(self.command)
        except ValueError as error:
            raise ValueError(f"The command cannot be split into words ({error}); close every quote.") from error


@module(risk="change", category="commands", timeout=300)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.shell(targets, params.words())
