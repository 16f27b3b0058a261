"""What a module says: how it is seen, and that too much of it is cut with a mark."""

from pathlib import Path

import pytest

from rpcgate import record
from rpcgate.engines.fake import Behaviour
from sdk import Status
from tests.rpcgate.master import SHELL, Master, running, source, statuses


def test_a_host_that_takes_its_time_is_seen_live_and_a_quick_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for gather, delay, seen in ((60.0, 0.0, False), (0.1, 5.0, True)):
        monkeypatch.setattr(record, "GATHER", gather)
        with running(tmp_path, behaviour=Behaviour(delay=delay, spread=0, pieces=2)) as master:
            master.write("test", source())
            for _ in range(3 if seen else 1):  # a machine that stalls makes all hosts quick
                events = master.events(master.submit(hosts=1))
                live = [event for event in events if event.status is Status.RUNNING]
                if live:
                    break
            assert bool(live) is seen
            assert events[-1].text == "echo hello\n"


def test_what_a_module_prints_disturbs_nothing(master: Master) -> None:
    master.write("test", source('print("noise" * 100_000)\nsys.stderr.write("x")\nos.system("echo y")\n' + SHELL))
    assert statuses(master.finals(master.submit())) == {Status.OK: 3}


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
    for _ in range(3):  # where the machine stalls, the end may overtake what is gathered before it
        events = master.events(master.submit(hosts=1))
        live = "".join(event.text or "" for event in events if not event.status.final)
        if live:
            break
    assert len(live) < 300_000
    assert live.endswith("the whole output comes with the result ...]\n")


def test_a_reason_that_is_too_long_is_cut_with_a_mark(master: Master) -> None:
    master.write("test", source('for t in targets: yield Event(t.name, Status.FAILED, reason="word " * 200)'))
    assert all(
        len(event.reason) < 500 and event.reason.endswith("…") for event in master.finals(master.submit()).values()
    )
