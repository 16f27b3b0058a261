"""A host that its engine does not reach is run by its next one where that is safe, and its result says so."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rpcgate import calls
from rpcgate.engines import Call, Emit, Running
from rpcgate.engines.fake import Behaviour, Fake
from rpcgate.protocol import Cancel, HostSpec, Progress
from sdk import Event, Status
from tests.rpcgate.master import Master, running, source

SILENT = Behaviour(delay=0, spread=0, outcomes={Status.UNREACHABLE: 1.0})
UNTOUCHED = replace(SILENT, untouched=True)
SOUND = Behaviour(delay=0, spread=0)
SLOW = Behaviour(delay=90, spread=0)
IDEMPOTENT = ", idempotent=True"
WHY = "No route to host"
HOSTS = [HostSpec("a", engine="salt", fallbacks=["ssh"]), HostSpec("b", engine="ssh")]


class Counting(Fake):
    """An engine without real hosts that remembers its calls."""

    def __init__(self, behaviour: Behaviour, name: str, on_call: Callable[[Call], None] = lambda _: None) -> None:
        super().__init__(behaviour, name=name)
        self.calls: list[tuple[str, ...]] = []
        self._on_call = on_call

    def call(self, call: Call, emit: Emit) -> Running:
        self.calls.append(call.targets.names)
        self._on_call(call)
        return super().call(call, emit)


class Engines(dict[str, Counting]):
    """The engines of a master, by name."""

    def __init__(self, **behaviours: Behaviour) -> None:
        super().__init__({name: Counting(behaviour, name) for name, behaviour in behaviours.items()})


@contextmanager
def master_of(home: Path, engines: Engines) -> Iterator[Master]:
    try:
        with running(home, engines) as master:
            yield master
    finally:
        for engine in engines.values():
            engine.close()


def run(home: Path, engines: Engines, text: str, hosts: list[HostSpec] | None = None) -> dict[str, Progress]:
    with master_of(home, engines) as master:
        master.write("test", text)
        return master.finals(master.submit(hosts=hosts or HOSTS))


def test_a_silent_host_is_run_by_its_next_engine_when_repeating_is_safe(tmp_path: Path) -> None:
    engines = Engines(salt=SILENT, ssh=SOUND)
    finals = run(tmp_path, engines, source(declared=IDEMPOTENT))
    assert (finals["a"].status, finals["a"].engine) == (Status.OK, "ssh")
    assert finals["a"].reason == f"Run by ssh: salt was silent ({WHY})."
    assert (finals["b"].status, finals["b"].engine, finals["b"].reason) == (Status.OK, "ssh", "")
    assert (engines["salt"].calls, engines["ssh"].calls) == ([("a",)], [("b",), ("a",)])


def test_what_may_have_been_sent_is_not_sent_again(tmp_path: Path) -> None:
    engines = Engines(salt=SILENT, ssh=SOUND)
    finals = run(tmp_path, engines, source())
    assert (finals["a"].status, finals["a"].engine, finals["a"].reason) == (Status.UNREACHABLE, "salt", f"{WHY}.")
    assert engines["ssh"].calls == [("b",)]


def test_what_was_certainly_not_sent_goes_to_the_next_engine_whatever_the_module(tmp_path: Path) -> None:
    finals = run(tmp_path, Engines(salt=UNTOUCHED, ssh=SOUND), source())
    assert (finals["a"].status, finals["a"].engine) == (Status.OK, "ssh")
    assert finals["a"].reason == f"Run by ssh: salt did not reach it ({WHY})."


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMEOUT, Status.CHANGED])
def test_a_host_that_was_reached_stays_with_its_engine(tmp_path: Path, status: Status) -> None:
    answers = Behaviour(delay=0, spread=0, outcomes={status: 1.0})
    engines = Engines(salt=answers, ssh=SOUND)
    body = 'yield from ctx.engine.shell(targets, ["echo", "hello"], timeout=0.2)'
    finals = run(tmp_path, engines, source(body, declared=IDEMPOTENT), HOSTS[:1])
    assert (finals["a"].status, finals["a"].engine, engines["ssh"].calls) == (status, "salt", [])


def test_a_host_that_no_engine_reaches_says_why_of_each(tmp_path: Path) -> None:
    hosts = [HostSpec("a", engine="salt", fallbacks=["func", "ssh"])]
    finals = run(tmp_path, Engines(salt=SILENT, func=UNTOUCHED, ssh=SILENT), source(declared=IDEMPOTENT), hosts)
    assert (finals["a"].status, finals["a"].engine) == (Status.UNREACHABLE, "ssh")
    assert finals["a"].reason == (f"{WHY}. Before that, salt was silent ({WHY}), func did not reach it ({WHY}).")


def test_a_failure_by_the_next_engine_says_first_what_failed(tmp_path: Path) -> None:
    fails = Behaviour(delay=0, spread=0, outcomes={Status.FAILED: 1.0})
    finals = run(tmp_path, Engines(salt=UNTOUCHED, ssh=fails), source(), HOSTS[:1])
    assert (finals["a"].status, finals["a"].rc) == (Status.FAILED, 1)
    assert finals["a"].reason == (f"The program ended with exit status 1. Run by ssh: salt did not reach it ({WHY}).")


def test_many_hosts_go_to_the_next_engine_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "GATHER", 5.0)
    engines = Engines(salt=UNTOUCHED, ssh=SOUND)
    hosts = [HostSpec(f"h{n}", engine="salt", fallbacks=["ssh"]) for n in range(500)]
    finals = run(tmp_path, engines, source(), hosts)
    assert {event.engine for event in finals.values()} == {"ssh"}
    assert sorted(name for names in engines["ssh"].calls for name in names) == sorted(finals)
    assert len(engines["ssh"].calls) < 20


def test_the_live_log_says_by_which_engine_it_goes_on(tmp_path: Path) -> None:
    begun = threading.Event()
    engines = Engines(salt=UNTOUCHED)
    engines["ssh"] = Counting(SLOW, "ssh", lambda _: begun.set())
    with master_of(tmp_path, engines) as master:
        master.write("test", source())
        job = master.submit(hosts=HOSTS[:1])
        (note,) = master.events(job, until=lambda events, _: bool(events))
        assert begun.wait(60)  # the note comes before the call; what is cancelled between them has another reason
        assert (note.status, note.stream, note.engine) == (Status.RUNNING, "note", "ssh")
        assert note.text == f"salt did not reach it ({WHY}); now it is run by ssh.\n"
        master.ask(Cancel(job))
        final = master.finals(job)["a"]
    assert final.status is Status.CANCELLED
    assert final.reason == (f"Cancelled; the remote process is gone. Run by ssh: salt did not reach it ({WHY}).")


def test_cancel_between_two_engines_begins_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "GATHER", 300.0)
    engines = Engines(salt=UNTOUCHED, ssh=SOUND)
    with master_of(tmp_path, engines) as master:
        master.write("test", source())
        job = master.submit(hosts=HOSTS[:1])
        master.events(job, until=lambda events, _: bool(events))
        master.ask(Cancel(job))
        final = master.finals(job)["a"]
    assert (final.status, final.engine) == (Status.CANCELLED, "salt")
    assert final.reason == f"Cancelled. Its last step, shell, ended unreachable: {WHY}."
    assert engines["ssh"].calls == []


def test_an_engine_that_does_not_reach_a_host_is_not_asked_for_its_next_step(tmp_path: Path) -> None:
    engines = Engines(salt=UNTOUCHED, ssh=SOUND)
    body = """
        list(ctx.engine.shell(targets, ["first"]))
        yield from ctx.engine.shell(targets, ["second"])
    """
    finals = run(tmp_path, engines, source(body), HOSTS[:1])
    assert (finals["a"].text, finals["a"].reason) == ("second\n", f"Run by ssh: salt did not reach it ({WHY}).")
    assert (len(engines["salt"].calls), len(engines["ssh"].calls)) == (1, 2)


def test_a_module_that_makes_its_own_result_cannot_hide_the_other_engine(tmp_path: Path) -> None:
    body = 'yield from (Event(e.host, Status.OK, "mine") for e in ctx.engine.shell(targets, ["x"]))'
    finals = run(tmp_path, Engines(salt=UNTOUCHED, ssh=SOUND), source(body), HOSTS[:1])
    assert (finals["a"].text, finals["a"].engine) == ("mine", "ssh")
    assert finals["a"].reason == f"Run by ssh: salt did not reach it ({WHY})."


def test_the_second_try_has_its_own_time_and_the_total_holds(tmp_path: Path) -> None:
    timeouts: list[float] = []
    engines = Engines(salt=UNTOUCHED)
    engines["ssh"] = Counting(SLOW, "ssh", lambda call: timeouts.append(call.timeout))
    with master_of(tmp_path, engines) as master:
        master.warm()
        master.write("test", source())
        for total in (8, 40):  # where the machine stalls, the first time may be over before the second try begins
            final = master.finals(master.submit(hosts=HOSTS[:1], timeout=45.0, total=float(total)))["a"]
            if timeouts:
                break
    assert timeouts == [45.0]
    assert final.status is Status.TIMEOUT, final.reason
    assert final.reason.startswith(f"The job's {total} seconds were over")
    assert f"Run by ssh: salt did not reach it ({WHY})" in final.reason


def test_an_engine_says_a_hosts_end_once_whatever_it_says_after(tmp_path: Path) -> None:
    class Twice(Counting):
        def call(self, call: Call, emit: Emit) -> Running:
            def again(event: Event) -> None:
                emit(event)
                emit(event)
                emit(replace(event, status=Status.OK))

            return super().call(call, again)

    engines = Engines(ssh=SOUND)
    engines["salt"] = Twice(UNTOUCHED, "salt")
    finals = run(tmp_path, engines, source(), HOSTS[:1])
    assert (finals["a"].status, finals["a"].engine, engines["ssh"].calls) == (Status.OK, "ssh", [("a",)])


def test_an_engine_that_cannot_be_used_or_is_not_allowed_is_passed_over(tmp_path: Path) -> None:
    hosts = [HostSpec("a", engine="salt", fallbacks=["func", "local", "ssh"])]
    finals = run(tmp_path, Engines(salt=UNTOUCHED, ssh=SOUND), source(engine="Salt | Ssh"), hosts)
    assert (finals["a"].status, finals["a"].engine) == (Status.OK, "ssh")
    only_salt = run(tmp_path, Engines(salt=UNTOUCHED, ssh=SOUND), source(engine="Salt"), hosts)
    assert (only_salt["a"].status, only_salt["a"].engine) == (Status.UNREACHABLE, "salt")


def test_an_engines_own_verb_is_not_carried_to_another(tmp_path: Path) -> None:
    hosts = [HostSpec("a", engine="ansible", fallbacks=["salt"])]
    engines = Engines(ansible=UNTOUCHED, salt=SOUND)
    text = source('yield from ctx.engine.module(targets, "a.b.c")', engine="Ansible | Salt", declared=IDEMPOTENT)
    assert run(tmp_path, engines, text, hosts)["a"].engine == "ansible"
    assert engines["salt"].calls == []


def test_a_long_reason_and_a_secret_in_it_stay_whole_or_hidden(tmp_path: Path) -> None:
    fails = 'e.fail("x" * 480) if e.status.final else e'
    body = f'yield from ({fails} for e in ctx.engine.shell(targets, ["x"]))'
    final = run(tmp_path, Engines(salt=UNTOUCHED, ssh=SOUND), source(body), HOSTS[:1])["a"]
    assert final.reason.startswith(f"Run by ssh: salt did not reach it ({WHY}). xxx")
    assert json.dumps(final.reason).endswith('\\u2026"')


def test_a_secret_in_the_first_engines_reason_is_not_cut_in_two(tmp_path: Path) -> None:
    secret = "s3cret " * 40

    class Telling(Counting):
        def call(self, call: Call, emit: Emit) -> Running:
            return super().call(call, lambda event: emit(replace(event, reason=f"{'x' * 200} {secret} end")))

    engines = Engines(ssh=SOUND)
    engines["salt"] = Telling(UNTOUCHED, "salt")
    with running(tmp_path, engines, open_secrets=lambda sealed, task: {"token": secret}) as master:
        master.write("test", source(params="token: Annotated[str, Secret()]"))
        final = master.finals(master.submit(hosts=HOSTS[:1], sealed="x"))["a"]
    for engine in engines.values():
        engine.close()
    assert final.engine == "ssh"
    assert "s3cret" not in final.reason
    assert len(final.reason) < 300


def test_cancel_while_the_next_engine_begins_waits_for_it_and_cancels_it(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: Call) -> None:
        begun.set()
        assert go_on.wait(60)

    engines = Engines(salt=UNTOUCHED)
    engines["ssh"] = Counting(SLOW, "ssh", hold)
    with master_of(tmp_path, engines) as master:
        master.write("test", source())
        job = master.submit(hosts=HOSTS[:1])
        assert begun.wait(60)
        master.ask(Cancel(job))
        go_on.set()
        final = master.finals(job)["a"]
    assert final.status is Status.CANCELLED
    assert final.reason.startswith("Cancelled; the remote process is gone.")
