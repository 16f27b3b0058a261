"""What a module may do while it runs, and that every host of its job ends once."""

import json
from collections import Counter
from pathlib import Path

import pytest

from rpcgate.engines.fake import Behaviour, Fake
from rpcgate.protocol import HostSpec
from sdk import Status
from tests.rpcgate.master import Master, running, source, statuses


def test_a_module_runs_on_its_hosts_and_each_output_is_said_once(master: Master) -> None:
    master.write("test", source())
    finals = master.finals(master.submit())
    assert statuses(finals) == {Status.OK: 3}
    assert [event.text for event in finals.values()] == ["echo hello\n", None, None]
    assert len({event.digest for event in finals.values()}) == 1
    assert {event.engine for event in finals.values()} == {"fake"}


def test_five_thousand_hosts_end_once_each(tmp_path: Path) -> None:
    behaviour = Behaviour(delay=0.0, spread=0.1, differ=0.01, outcomes={Status.FAILED: 0.02, Status.UNREACHABLE: 0.01})
    with running(tmp_path, behaviour=behaviour) as master:
        master.write("test", source())
        finals = master.finals(master.submit(hosts=5000))
        assert len(finals) == 5000
        expected = Counter(Fake(behaviour).status(f"h{n}") for n in range(5000))
        assert statuses(finals) == expected


def test_a_module_sees_neither_environment_nor_descriptors_nor_terminal(master: Master) -> None:
    body = """
        held = []
        for descriptor in range(4096):
            try:
                os.fstat(descriptor)
            except OSError:
                continue
            held.append(descriptor)
        yield Event("h0", Status.OK, repr([dict(os.environ), held, os.getsid(0) == os.getpid(), os.getcwd()]))
    """
    master.write("test", source(body))
    assert master.finals(master.submit(hosts=1))["h0"].text == "[{}, [0, 1, 2, 3], True, '/']"


def test_several_verbs_run_at_once_and_generators_may_be_left_half_way(tmp_path: Path) -> None:
    body = """
        first = ctx.engine.shell(targets, ["a"])
        second = ctx.engine.script(targets, "b")
        next(first)
        third = ctx.engine.shell(targets, ["slow"])
        next(third)
        del third
        mixed = list(zip(second, ctx.engine.get(targets, "/etc/x")))
        for event in ctx.engine.shell(targets, ["last"]):
            yield event.say(f"{len(mixed)} {event.stdout}")
    """
    with running(tmp_path, behaviour=Behaviour(delay=0.0, spread=0.2)) as master:
        master.write("test", source(body))
        finals = master.finals(master.submit(hosts=20))
        assert statuses(finals) == {Status.OK: 20}
        assert finals["h0"].text in ("20 last\n", None)


@pytest.mark.parametrize(("calls", "cut"), [(10, False), (60, True)])
def test_a_module_that_reads_late_locks_nothing_up_and_too_much_is_cut_visibly(
    master: Master, calls: int, cut: bool
) -> None:
    body = f"""
        calls = [ctx.engine.shell(targets, ["x" * 50_000, str(n)]) for n in range({calls})]
        time.sleep(0.5)
        outputs = [event.output for call in calls for event in call]
        marked = sum("left out ...]" in output for output in outputs)
        yield from (Event(target.name, Status.OK, f"{{len(outputs)}} {{marked > 0}}") for target in targets)
    """
    master.write("test", source(body))
    finals = master.finals(master.submit(hosts=50))
    assert {event.text for event in finals.values()} == {f"{50 * calls} {cut}", None}


def test_a_call_on_foreign_hosts_or_by_a_foreign_verb_is_refused(master: Master) -> None:
    body = """
        said = [e.reason for e in ctx.engine.shell(Targets((Target("h0"), Target("elsewhere"))), ["id"]) if e.reason]
        said += [e.reason for e in ctx.engine.module(targets, "ansible.builtin.ping")]
        said += [e.reason for e in ctx.engine.shell(targets, ["a\\0b"])]
        yield Event("h0", Status.OK, "|".join(said))
    """
    master.write("test", source(body))
    assert master.finals(master.submit(hosts=1))["h0"].text == (
        "This server is not among those of the task.|The module is not declared for an engine that has module."
        "|An argument holds a NUL or half a character, which no program can be given."
    )


def test_parameters_are_checked_once_more_by_the_module_itself(master: Master) -> None:
    before = "def never(self):\n    raise ValueError('low is above high')\n"
    params = "low: int = 5\n    __post_init__ = never"
    master.write("test", source(params=params, before=before))
    finals = master.finals(master.submit())
    assert finals["h0"].reason == "The parameters are refused: low is above high"


def test_choices_are_computed_on_the_master(master: Master) -> None:
    before = """
def logs(ctx, targets):
    return [event.stdout.strip() for event in ctx.engine.shell(targets, ["/var/log/a"])]
def broken(ctx, targets):
    raise OSError("no such folder")
def crash(ctx, targets):
    os._exit(1)
"""
    params = 'a: Annotated[str, Choices(logs)] = ""\n    b: Annotated[str, Choices(broken)] = ""\n'
    params += '    c: Annotated[str, Choices(crash)] = ""'
    master.write("test", source(params=params, before=before))
    (a,), (b,), (c,) = (master.events(master.submit(choices=name, hosts=2)) for name in "abc")
    assert (a.stream, json.loads(a.text or "")) == ("choices", ["/var/log/a", "/var/log/a"])
    assert (b.text, b.reason) == ("[]", "OSError: no such folder")
    assert (c.text, c.reason) == ("[]", "The module's process ended with exit status 1 before its module did.")


def test_hosts_without_a_usable_engine_are_unreachable_and_told_why(master: Master) -> None:
    master.write("test", source())
    hosts = [HostSpec("a", engine="ssh"), HostSpec("b", engine="ssh", fallbacks=["salt", "fake"])]
    finals = master.finals(master.submit(hosts=hosts))
    assert finals["a"].status is Status.UNREACHABLE
    assert finals["a"].reason == "No engine of this server can be used here: ssh (not set up on this master)."
    assert (finals["b"].status, finals["b"].engine) == (Status.OK, "fake")


def test_a_module_for_one_engine_uses_that_one(tmp_path: Path) -> None:
    adapters = {name: Fake(Behaviour(delay=0, spread=0), name=name) for name in ("ssh", "ansible")}
    with running(tmp_path, adapters) as master:
        master.write("test", source('yield from ctx.engine.module(targets, "x.y.z")', engine="Ansible"))
        hosts = [HostSpec("a", engine="ssh"), HostSpec("b", engine="salt"), HostSpec("c", engine="ansible")]
        finals = master.finals(master.submit(hosts=hosts))
        assert {host: event.engine for host, event in finals.items()} == {"a": "ansible", "b": "", "c": "ansible"}
        assert finals["b"].reason == "The module works by ansible; this server has salt."
    for adapter in adapters.values():
        adapter.close()
