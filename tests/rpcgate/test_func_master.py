"""A real master drives Func's minions: a module of its own for Func, a portable one, and the hosts that it knows."""

import hashlib
import json
import uuid
from pathlib import Path

import pytest

from rpcgate.protocol import Accepted, Hosts, HostSpec, ListHosts, Submit
from sdk import Status
from tests.fleet.func import FuncFleet
from tests.rpcgate.daemon import Daemon
from tests.rpcgate.test_master import ended

OF_FUNC = '''
"""Say a word by Func.

Help.
"""
from dataclasses import dataclass

from sdk import Context, Events, Func, Targets, module

@dataclass(frozen=True)
class Params:
    word: str

@module(risk="read", category="tests", timeout=60, number=1, idempotent=True)
def run(ctx: Context[Func], targets: Targets, params: Params) -> Events:
    for event in ctx.engine.call(targets, "test", "echo", [params.word, 1]):
        yield event.say(f"{event.data[0]} and {event.data[1]}\\n") if event.data else event
'''
PORTABLE = OF_FUNC.replace("Context[Func]", "Context[Engine]").replace("Func, Targets", "Engine, Targets")
PORTABLE = PORTABLE[: PORTABLE.index("    for event")] + (
    '    yield from ctx.engine.shell(targets, ["printf", "%s", params.word])\n'
)


@pytest.mark.parametrize(("source", "output"), [(OF_FUNC, "$(id) 'ä' and 1\n"), (PORTABLE, "$(id) 'ä'")])
def test_a_module_runs_on_minions_through_a_real_master(
    func_fleet: FuncFleet, tmp_path: Path, source: str, output: str
) -> None:
    daemon = Daemon(tmp_path)
    (tmp_path / "modules" / "say.py").write_text(source)
    table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in func_fleet.table().items())
    with daemon.config.open("a") as file:
        file.write(f"\n[engines.func]\n{table}")
    daemon.start()
    try:
        with daemon.client() as client:
            specs = [HostSpec(host.name, host.address, host.port, engine="func") for host in func_fleet.hosts[:3]]
            digest = hashlib.sha256(source.encode()).hexdigest()
            job = Submit(str(uuid.uuid4()), "1", 0, "say", digest, specs, {"word": "$(id) 'ä'"})
            assert isinstance(client.ask(job), Accepted)
            events, _ = ended(client, job.job)
            known = client.ask(ListHosts("func"))
    finally:
        daemon.stop()
    finals = [event for event in events if event.status.final]
    assert {(event.host, event.status, event.engine) for event in finals} == {
        (spec.name, Status.OK, "func") for spec in specs
    }
    assert {event.text for event in finals if event.text is not None} == {output}
    assert isinstance(known, Hosts)
    assert {spec.name for spec in specs} <= {host.name for host in known.hosts}
