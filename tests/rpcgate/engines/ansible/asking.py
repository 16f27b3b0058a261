"""The ansible engine, asked verb by verb."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rpcgate.engines import Call
from rpcgate.engines.ansible import AnsibleAdapter
from rpcgate.engines.ansible_job import AnsibleJob
from sdk import Event, Target, Targets
from tests.rpcgate.engines.calls import shown

BOUND = 100.0  # seconds for any job of these tests


class Run:
    """One adapter, asked verb by verb. Gives the final events by host."""

    def __init__(self, adapter: AnsibleAdapter) -> None:
        self.adapter = adapter
        self.live: list[Event] = []

    def start(self, verb: str, targets: list[Target], emit: Callable[[Event], None], **options: Any) -> AnsibleJob:
        fields = {key: options.pop(key) for key in ("timeout", "check", "output_limit") if key in options}
        return self.adapter.call(Call(verb, Targets(tuple(targets)), options, **fields), emit)

    def __call__(self, verb: str, targets: list[Target], **options: Any) -> dict[str, Event]:
        events: list[Event] = []
        assert self.start(verb, targets, events.append, **options).wait(BOUND)
        self.live = [event for event in events if not event.final]
        final = shown([event for event in events if event.final])
        assert sorted(event.host for event in final) == sorted(target.name for target in targets)
        assert {event.engine for event in events} == {"ansible"}
        return {event.host: event for event in final}


def running(word: str) -> list[str]:
    """Give the command lines of this machine's processes that hold a word."""
    found = []
    for path in (one / "cmdline" for one in Path("/proc").glob("[0-9]*")):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if word in line and int(path.parent.name) != os.getpid():
            found.append(line)
    return found
