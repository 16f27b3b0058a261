"""Reach the servers.

A program that does nothing (true) runs on each, so that an answer means: name, network, login and shell all work. The
seconds of a server are its round trip.
"""

from dataclasses import dataclass

from sdk import Context, Engine, Events, Status, Targets, each, module


@dataclass(frozen=True)
class Params:
    pass


@module(risk="read", category="system", timeout=30, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:  # noqa: ARG001  # it has none
    answers = ctx.engine.shell(targets, ["true"])
    yield from each(answers, lambda event: event.say("It answers.\n") if event.status is Status.OK else event)
