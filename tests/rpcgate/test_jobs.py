"""Jobs run in processes of their own; whatever a module does, every host ends once and nobody else is harmed."""

import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines.fake import Behaviour, Fake
from rpcgate.jobs import Limits
from rpcgate.protocol import Cancel, HostSpec, JobState, Poll, Progress
from sdk import Status
from tests.rpcgate.master import SHELL, Master, running, source


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    with running(tmp_path) as master:
        yield master


def statuses(finals: dict[str, Progress]) -> Counter[str]:
    return Counter(event.status for event in finals.values())


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int], within: float = 5) -> bool:
    deadline = time.monotonic() + within
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        os.sched_yield()
    return not any(alive(pid) for pid in pids)


def pids_of(events: list[Progress]) -> list[int]:
    return [int(word) for event in events if event.stream == "note" for word in (event.text or "").split()]


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


def test_an_endless_loop_is_killed_at_the_deadline_with_all_it_started(master: Master) -> None:
    master.write(
        "test",
        source("""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stay = [sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(600)"]
        child, far = subprocess.Popen(stay), subprocess.Popen(stay, start_new_session=True)
        yield Event("h0", Status.RUNNING, f"{os.getpid()} {child.pid} {far.pid}", stream="note")
        while True:
            pass
        """),
    )
    job = master.submit(total=1.0)
    events = master.events(job, within=20)
    finals = [event for event in events if event.status.final]
    assert [event.status for event in finals] == [Status.TIMEOUT] * 3
    assert finals[0].reason == "The job's 1 seconds were over. Nothing was started on this server."
    pids = pids_of(events)
    assert len(pids) == 3
    assert gone(pids)


CRASHES = {
    "an exit": ("os._exit(0)", Status.FAILED, "ended with exit status 0 before its module did"),
    "an exit with a status": ("os._exit(7)", Status.FAILED, "ended with exit status 7"),
    "a segmentation fault": ("os.kill(os.getpid(), signal.SIGSEGV)", Status.FAILED, "killed by SIGSEGV"),
    "an exception": (
        "raise ValueError('disk full')",
        Status.FAILED,
        "The module stopped (test.py, line 18): ValueError: disk full",
    ),
    "sys.exit": ("sys.exit(3)", Status.FAILED, "SystemExit: 3"),
    "too much memory": ("x = bytearray(8 << 30)", Status.FAILED, "MemoryError"),
    "endless recursion": (
        "sys.setrecursionlimit(100)\nrun(ctx, targets, params).__next__()",
        Status.FAILED,
        "Recursion",
    ),
    "nothing at all": ("return iter(())", Status.LOST, "ended without a result"),
    "foreign hosts": ("yield Event('other', Status.OK)", Status.LOST, "ended without a result"),
    "garbage on every descriptor": (
        "[os.write(n, b'x' * 99999) for n in range(9) if os.path.exists(f'/proc/self/fd/{n}')]\ntime.sleep(60)\nyield",
        Status.FAILED,
        "broke its conversation",
    ),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_a_module_that_ends_badly_harms_nobody_else(master: Master, crash: str) -> None:
    body, status, reason = CRASHES[crash]
    master.write("test", source(body + ("\nyield" if "yield" not in body and "return" not in body else "")))
    master.write("sound", source("time.sleep(0.2)\n" + 'yield from ctx.engine.shell(targets, ["true"])'))
    other = master.submit("sound")
    finals = master.finals(master.submit())
    assert statuses(finals) == {status: 3}
    assert all(reason in event.reason for event in finals.values()), finals["h0"].reason
    assert statuses(master.finals(other)) == {Status.OK: 3}


def test_hosts_that_ended_before_a_crash_keep_their_result(master: Master) -> None:
    master.write("test", source('yield Event("h0", Status.OK, "fine")\nos._exit(1)'))
    finals = master.finals(master.submit())
    assert (finals["h0"].status, finals["h0"].text) == (Status.OK, "fine")
    assert statuses(finals) == {Status.OK: 1, Status.FAILED: 2}


LATE = {
    "an exception": (
        "raise KeyError('kaputt')",
        r"The module stopped after its results \(test\.py, line 19\): .*'kaputt'",
    ),
    "its process": ("os._exit(3)", r"The module's process ended with exit status 3 before its module did\."),
    "the deadline": ("time.sleep(60)", r"The job's 1 seconds were over\."),
}


@pytest.mark.parametrize("what", LATE)
def test_what_goes_wrong_after_all_results_is_said_of_the_job_before_it_ends(
    master: Master, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    body, reason = LATE[what]
    master.write("test", source(SHELL + "\n" + body))
    events = [event for event in master.events(master.submit(total=1.0)) if event.status.final or not event.host]
    assert [(event.status, event.reason) for event in events if event.host] == [(Status.OK, "")] * 3
    assert [event.host for event in events] == ["h0", "h1", "", "h2"]
    assert re.fullmatch(reason, events[2].reason)
    assert ("KeyError" in caplog.text) == (what == "an exception")


def test_a_module_that_is_cancelled_after_all_results_keeps_them(master: Master) -> None:
    master.write("test", source(SHELL + "\ntime.sleep(60)"))
    job = master.submit()
    master.events(job, until=lambda events, _: sum(event.status.final for event in events) == 2)
    master.ask(Cancel(job))
    assert [(event.status, event.reason) for event in master.finals(job).values()] == [(Status.OK, "")] * 3


def test_a_reason_that_is_too_long_is_cut_with_a_mark(master: Master) -> None:
    master.write("test", source('for t in targets: yield Event(t.name, Status.FAILED, reason="word " * 200)'))
    assert all(
        len(event.reason) < 500 and event.reason.endswith("…") for event in master.finals(master.submit()).values()
    )


def test_what_a_module_prints_disturbs_nothing(master: Master) -> None:
    master.write("test", source('print("noise" * 100_000)\nsys.stderr.write("x")\nos.system("echo y")\n' + SHELL))
    assert statuses(master.finals(master.submit())) == {Status.OK: 3}


def test_a_module_that_forks_is_heard_once(master: Master) -> None:
    master.write("test", source("for _ in range(3):\n    os.fork()\n" + SHELL))
    assert statuses(master.finals(master.submit())) == {Status.OK: 3}


def test_threads_that_a_module_leaves_do_not_hold_its_end_up(master: Master) -> None:
    master.write("test", source("threading.Thread(target=time.sleep, args=(600,)).start()\n" + SHELL))
    began = time.monotonic()
    assert statuses(master.finals(master.submit())) == {Status.OK: 3}
    assert time.monotonic() - began < 10


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


def test_a_job_that_runs_is_cancelled_and_the_engine_confirms(tmp_path: Path) -> None:
    with running(tmp_path, behaviour=Behaviour(delay=30, spread=0, pieces=300)) as master:
        master.write("test", source('yield from ctx.engine.shell(targets.only({"h0", "h1"}), ["sleep", "60"])'))
        job = master.submit()
        master.events(job, until=lambda events, _: bool(events))
        master.ask(Cancel(job))
        master.ask(Cancel(job))
        finals = master.finals(job, within=10)
        assert statuses(finals) == {Status.CANCELLED: 3}
        assert "the remote process is gone" in finals["h0"].reason
        assert finals["h2"].reason == "Cancelled. Nothing was started on this server."


def test_a_cancelled_module_cannot_call_its_hosts_lost_or_failed(tmp_path: Path) -> None:
    body = """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        yield from ctx.engine.shell(targets.only({"h0", "h1"}), ["sleep", "60"])
    """
    with running(tmp_path, behaviour=Behaviour(delay=30, spread=0, pieces=300)) as master:
        master.write("test", source(body))
        job = master.submit()
        master.events(job, until=lambda events, _: bool(events))
        master.ask(Cancel(job))
        assert statuses(master.finals(job, within=20)) == {Status.CANCELLED: 3}


def test_a_cancelled_module_that_ignores_it_is_killed(master: Master) -> None:
    body = """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        yield Event("h0", Status.RUNNING, f"{os.getpid()}", stream="note")
        time.sleep(600)
    """
    master.write("test", source(body))
    job = master.submit()
    pids = pids_of(master.events(job, until=lambda events, _: bool(events)))
    master.ask(Cancel(job))
    assert statuses(master.finals(job, within=10)) == {Status.CANCELLED: 3}
    assert gone(pids)


def test_jobs_wait_in_order_and_a_waiting_one_can_be_cancelled(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(jobs=1), behaviour=Behaviour(delay=30, spread=0)) as master:
        master.write("test", source())
        first, second, third = (master.submit(task=name) for name in ("one", "two", "three"))
        news = {one.job: one for one in master.ask(Poll({first: 0, second: 0, third: 0})).jobs}
        assert (news[second].position, news[second].behind) == (1, "one")
        assert (news[third].position, news[third].behind) == (2, "two")
        master.ask(Cancel(second))
        assert {event.reason for event in master.finals(second).values()} == {
            "Cancelled before anything was started on this server."
        }
        assert master.ask(Poll({third: 0})).jobs[0].position == 1
        master.ask(Cancel(first))
        assert statuses(master.finals(first)) == {Status.CANCELLED: 3}


def test_after_a_restart_running_jobs_are_lost_and_waiting_ones_run(tmp_path: Path) -> None:
    slow = Behaviour(delay=30, spread=0)
    with running(tmp_path, limits=Limits(jobs=1), behaviour=slow) as master:
        master.write("test", source())
        ran, waited = master.submit(), master.submit()
        master.events(ran, until=lambda _, state: state is JobState.RUNNING)
    with running(tmp_path) as master:
        lost = master.finals(ran)
        assert statuses(lost) == {Status.LOST: 3}
        assert "The master was stopped while this ran" in lost["h0"].reason
        assert statuses(master.finals(waited)) == {Status.OK: 3}


def test_a_spool_left_by_a_killed_master_makes_open_hosts_lost(tmp_path: Path) -> None:
    with running(tmp_path) as master:
        master.write("test", source())
        submit = master.submission()
        master.jobs.stop()
        master.spool.add(submit, 1.0)
        master.spool.move(submit.job, JobState.RUNNING, 2.0)
        master.spool.append(submit.job, [Progress(0, 3.0, "h1", Status.OK, text="done")])
        master.spool.flush()
    with running(tmp_path) as master:
        finals = master.finals(submit.job)
        assert statuses(finals) == {Status.OK: 1, Status.LOST: 2}
        assert finals["h0"].reason == (
            "The master ended while this ran; the outcome is unknown, and it may still run on the server."
        )


def test_a_module_that_changes_while_its_job_waits_over_a_restart_is_not_run(tmp_path: Path) -> None:
    with running(tmp_path) as master:
        master.write("test", source())
        submit = master.submission()
        master.jobs.stop()
        master.spool.add(submit, 1.0)
    (tmp_path / "modules" / "test.py").write_text(source("yield from ()"))
    with running(tmp_path) as master:
        finals = master.finals(submit.job)
        assert statuses(finals) == {Status.FAILED: 3}
        assert "was changed or removed while this task waited" in finals["h0"].reason


def test_a_killed_nursery_fails_what_ran_and_is_replaced(master: Master) -> None:
    body = 'yield Event("h0", Status.RUNNING, f"{os.getppid()} {os.getpid()}", stream="note")\ntime.sleep(600)'
    master.write("test", source(body))
    master.write("sound", source())
    job = master.submit()
    nursery, child = pids_of(master.events(job, until=lambda events, _: bool(events)))
    os.kill(nursery, signal.SIGKILL)
    finals = master.finals(job)
    assert {event.reason for event in finals.values()} == {
        "The module's process was lost. Nothing was started on this server."
    }
    assert gone([child])
    assert statuses(master.finals(master.submit("sound"))) == {Status.OK: 3}


SECRET = "correct horse battery staple"


def test_a_secret_is_in_no_file_log_or_result(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    params = "token: Annotated[str, Secret()]"
    body = """
        yield Event("h0", Status.RUNNING, "half " + params.token[:9])
        time.sleep(0.3)
        yield Event("h0", Status.RUNNING, params.token[9:] + " whole " + params.token)
        time.sleep(0.3)
        yield from ctx.engine.shell(targets.only({"h0"}), ["login", params.token])
        yield Event("h1", Status.OK, params.token, data={"said": [params.token]}, reason=params.token)
        raise ValueError(params.token)
    """
    caplog.set_level("DEBUG")
    with running(tmp_path, open_secrets=lambda sealed, task: {"token": SECRET}) as master:
        master.write("test", source(body, params=params))
        events = master.events(master.submit(sealed="c2VhbGVk"))
        assert [event.text for event in events if event.stream == "stdout" and not event.status.final]
        finals = {event.host: event for event in events if event.status.final}
        assert finals["h0"].text == "login ••••••\n"
        assert re.fullmatch(r"The module stopped \(test\.py, line \d+\): ValueError: ••••••", finals["h2"].reason)
        assert SECRET not in json.dumps([event.text for event in events])
        assert all("horse battery" not in (event.text or "") for event in events)
        files = [file.read_bytes() for file in tmp_path.iterdir() if file.is_file()]
        assert files
        assert not any(b"horse battery" in content for content in files)
    assert "horse" not in caplog.text
    assert "test: The module stopped (test.py, line " in caplog.text


def test_secrets_that_cannot_be_opened_fail_the_job(tmp_path: Path) -> None:
    def refuse(sealed: str, task: str) -> Any:
        raise RuntimeError(SECRET)

    with running(tmp_path, open_secrets=refuse) as master:
        master.write("test", source(params="token: Annotated[str, Secret()]"))
        finals = master.finals(master.submit(sealed="x"))
        assert finals["h0"].reason == "The master cannot open the task's secret parameters."


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


def test_a_host_that_takes_its_time_is_seen_live_and_a_quick_one_is_not(tmp_path: Path) -> None:
    for delay, seen in ((0.0, False), (0.9, True)):
        with running(tmp_path, behaviour=Behaviour(delay=delay, spread=0, pieces=2)) as master:
            master.write("test", source())
            events = master.events(master.submit(hosts=1))
            assert bool([event for event in events if event.status is Status.RUNNING]) is seen
            assert events[-1].text == "echo hello\n"


def test_output_of_many_megabytes_is_cut_with_a_mark_and_still_travels(master: Master) -> None:
    master.write("test", source('yield Event("h0", Status.OK, "first\\n" + "\\x1b" * 30_000_000 + "\\nlast")'))
    final = master.finals(master.submit(hosts=1))["h0"]
    assert final.truncated
    assert final.size == 30_000_011
    assert final.text
    assert final.text.startswith("first\n")
    assert final.text.endswith("\nlast")
    assert "MiB left out ...]" in final.text


def test_a_live_log_is_bounded_with_a_mark(master: Master) -> None:
    body = """
        for n in range(400):
            yield Event("h0", Status.RUNNING, "x" * 10_000)
        time.sleep(0.5)
        yield Event("h0", Status.OK, "end")
    """
    master.write("test", source(body))
    events = master.events(master.submit(hosts=1))
    live = "".join(event.text or "" for event in events if not event.status.final)
    assert len(live) < 300_000
    assert live.endswith("the whole output comes with the result ...]\n")


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
