"""Whatever way a module ends, every host ends once and nobody else is harmed."""

import os
import re
import signal

import pytest

from sdk import Status
from tests.rpcgate.master import SHELL, Master, source, statuses
from tests.rpcgate.processes import gone, pids_of


def test_an_endless_loop_is_killed_at_the_deadline_with_all_it_started(master: Master) -> None:
    master.write(
        "test",
        source("""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        left = []
        for far in (False, True):
            pid = os.fork()
            if pid == 0:
                if far:
                    os.setsid()
                time.sleep(600)
                os._exit(0)
            left.append(pid)
        yield Event("h0", Status.RUNNING, f"{os.getpid()} {left[0]} {left[1]}", stream="note")
        while True:
            pass
        """),
    )
    master.warm()
    for total in (8, 40):  # where the machine stalls, the first time may be over before the module has begun
        events = master.events(master.submit(total=float(total)))
        if pids := pids_of(events):
            break
    finals = [event for event in events if event.status.final]
    assert [event.status for event in finals] == [Status.TIMEOUT] * 3
    assert finals[0].reason == f"The job's {total} seconds were over. Nothing was started on this server."
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
    "the deadline": ("time.sleep(60)", r"The job's (8|40) seconds were over\."),
}


@pytest.mark.parametrize("what", LATE)
def test_what_goes_wrong_after_all_results_is_said_of_the_job_before_it_ends(
    master: Master, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    body, reason = LATE[what]
    master.warm()
    master.write("test", source(SHELL + "\n" + body))
    for total in (8.0, 40.0):  # where the machine stalls, the first time may be over before there are results
        events = [event for event in master.events(master.submit(total=total)) if event.status.final or not event.host]
        if all(event.status is Status.OK for event in events if event.host):
            break
    assert [(event.status, event.reason) for event in events if event.host] == [(Status.OK, "")] * 3
    assert [event.host for event in events] == ["h0", "h1", "", "h2"]
    assert re.fullmatch(reason, events[2].reason)
    assert ("KeyError" in caplog.text) == (what == "an exception")


def test_a_module_that_forks_is_heard_once(master: Master) -> None:
    master.write("test", source("for _ in range(3):\n    os.fork()\n" + SHELL))
    assert statuses(master.finals(master.submit())) == {Status.OK: 3}


def test_threads_that_a_module_leaves_do_not_hold_its_end_up(master: Master) -> None:
    master.write("test", source("threading.Thread(target=time.sleep, args=(600,)).start()\n" + SHELL))
    assert statuses(master.finals(master.submit())) == {Status.OK: 3}  # long before they end


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
