"""A job is cancelled: while it waits, while it runs, and when it has nothing more to say."""

import threading
from pathlib import Path

from rpcgate.engines import Call, Emit, Running
from rpcgate.engines.fake import Behaviour, Fake
from rpcgate.jobs import Limits
from rpcgate.protocol import Cancel, Poll
from sdk import Status
from tests.rpcgate.master import SHELL, Master, running, source, statuses
from tests.rpcgate.processes import gone, pids_of


def test_a_job_that_runs_is_cancelled_and_the_engine_confirms(tmp_path: Path) -> None:
    with running(tmp_path, behaviour=Behaviour(delay=30, spread=0, pieces=300)) as master:
        master.write("test", source('yield from ctx.engine.shell(targets.only({"h0", "h1"}), ["sleep", "60"])'))
        job = master.submit()
        master.events(job, until=lambda events, _: bool(events))
        master.ask(Cancel(job))
        master.ask(Cancel(job))
        finals = master.finals(job)
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
        assert statuses(master.finals(job)) == {Status.CANCELLED: 3}


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
    assert statuses(master.finals(job)) == {Status.CANCELLED: 3}
    assert gone(pids)


class Marking(Fake):
    """The engine without real hosts; `begun` is set by a second step, so that all before it has been said."""

    def __init__(self) -> None:
        super().__init__(Behaviour(delay=0, spread=0))
        self.begun = threading.Event()

    def call(self, call: Call, emit: Emit) -> Running:
        if call.args["argv"] == ["second"]:
            self.begun.set()
        return super().call(call, emit)


def test_a_module_that_is_cancelled_after_all_results_keeps_them(tmp_path: Path) -> None:
    engine = Marking()
    with running(tmp_path, {"fake": engine}) as master:
        master.write("test", source(SHELL + '\nlist(ctx.engine.shell(targets, ["second"]))\ntime.sleep(60)'))
        job = master.submit()
        assert engine.begun.wait(100)
        master.ask(Cancel(job))
        assert [(event.status, event.reason) for event in master.finals(job).values()] == [(Status.OK, "")] * 3
    engine.close()


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
