"""A master without its port: real spool, catalog, jobs, processes and gate, and an engine whose hosts do not exist."""

import textwrap
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rpcgate.bundle import WebPublic
from rpcgate.catalog import Catalog
from rpcgate.engines import Adapter
from rpcgate.engines.fake import Behaviour, Fake
from rpcgate.gate import Gate
from rpcgate.jobs import Jobs, Limits
from rpcgate.protocol import MAX_MESSAGE, HostSpec, JobState, Message, News, Poll, Progress, Submit, encode
from rpcgate.spool import Spool
from rpcgate.versions import Versions

Until = Callable[[list[Progress], JobState], bool]
HEAD = '''"""{title}.

Some help.
"""
import os, signal, subprocess, sys, threading, time
from dataclasses import dataclass
from typing import Annotated, Literal

from sdk import *

{before}
@dataclass(frozen=True)
class Params:
    {params}

@module(risk="read"{declared})
def run(ctx: Context[{engine}], targets: Targets, params: Params) -> Events:
{body}
'''
SHELL = 'yield from ctx.engine.shell(targets, ["echo", "hello"])'


def source(
    body: str = SHELL,
    *,
    params: str = "text: str = 'x'",
    engine: str = "Engine",
    title: str = "Test",
    declared: str = "",
    before: str = "",
) -> str:
    body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return HEAD.format(title=title, before=before, params=params, declared=declared, engine=engine, body=body)


class Master:
    """What a test asks of one: write a module, submit it, read the results."""

    def __init__(
        self,
        home: Path,
        adapters: Mapping[str, Adapter],
        limits: Limits,
        open_secrets: Any,
        web: Callable[[], WebPublic] = lambda: WebPublic((), b""),
    ) -> None:
        self.home = home
        self.modules = home / "modules"
        self.modules.mkdir(exist_ok=True)
        self.spool = Spool(home / "spool.db")
        self.versions = Versions(home / "kept", web)
        self.catalog = Catalog(self.modules, None, self.versions)
        self.jobs = Jobs(self.spool, self.catalog, adapters, open_secrets=open_secrets, limits=limits)
        self.gate = Gate(self.spool, self.catalog, self.jobs, name="m1", version="1", versions=self.versions)

    def write(self, name: str, text: str) -> None:
        (self.modules / f"{name}.py").write_text(text)

    def submission(self, module: str = "test", hosts: int | list[HostSpec] = 3, **given: Any) -> Submit:
        specs = [HostSpec(f"h{n}", engine="fake") for n in range(hosts)] if isinstance(hosts, int) else hosts
        entry = self.catalog.get(module)
        digest = entry.digest if entry else ""
        usual = {"job": str(uuid.uuid4()), "task": "7", "wave": 0, "digest": digest}
        return Submit(**usual | {"module": module, "hosts": specs} | given)

    def warm(self) -> None:
        """Run a job, so that the next one's time begins with Python up."""
        self.write("warm", source("for target in targets: yield Event(target.name, Status.OK)"))
        self.finals(self.submit("warm", hosts=1))

    def ask(self, message: Message) -> Any:
        return self.gate.answer(message, time.time())

    def submit(self, module: str = "test", hosts: int | list[HostSpec] = 3, **given: Any) -> str:
        submit = self.submission(module, hosts, **given)
        answer = self.ask(submit)
        assert type(answer).__name__ == "Accepted", answer
        return submit.job

    def events(
        self, job: str, until: Callable[[list[Progress], JobState], bool] | None = None, within: float = 200
    ) -> list[Progress]:
        """Poll as the dispatcher does, until the job is complete or `until` says so."""
        events: list[Progress] = []
        deadline = time.monotonic() + within
        while True:
            assert time.monotonic() < deadline, f"not within {within} s; {len(events)} events"
            poll = Poll({job: len(events)})
            self.gate.wait(poll, 1)
            news = self.ask(poll)
            assert isinstance(news, News)
            assert len(encode(news)) <= MAX_MESSAGE
            events += news.jobs[0].events
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            if until and until(events, news.jobs[0].state):
                return events
            if news.jobs[0].state in (JobState.ENDED, JobState.UNKNOWN) and not news.jobs[0].more:
                return events

    def finals(self, job: str, within: float = 200) -> dict[str, Progress]:
        """Wait for the end; each host has exactly one final event."""
        finals = [event for event in self.events(job, within=within) if event.status.final]
        for event in finals[:20]:
            print(event.host, event.status, event.reason)  # noqa: T201  # pytest shows it where a test fails
        assert max(Counter(event.host for event in finals).values(), default=0) <= 1
        return {event.host: event for event in finals}


def statuses(finals: dict[str, Progress]) -> Counter[str]:
    return Counter(event.status for event in finals.values())


@contextmanager
def running(
    home: Path,
    adapters: Mapping[str, Adapter] | None = None,
    *,
    limits: Limits | None = None,
    behaviour: Behaviour | None = None,
    open_secrets: Any = lambda sealed, task: {},
    web: Callable[[], WebPublic] = lambda: WebPublic((), b""),
) -> Iterator[Master]:
    """Bring a master up and down again."""
    fake = Fake(behaviour or Behaviour(delay=0.0, spread=0.0))
    master = Master(home, adapters or {"fake": fake}, limits or Limits(), open_secrets, web)
    try:
        master.jobs.start()
        yield master
    finally:
        master.jobs.stop()
        master.spool.close()
        fake.close()
