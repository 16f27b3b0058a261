"""What the spool has said is kept, in order and without gaps, whoever is killed."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rpcgate.protocol import HostSpec, JobState, Progress, Submit
from rpcgate.spool import Spool, SpoolError
from rpcgate.spool_writer import BATCH
from sdk import Status


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool.db")
    yield spool
    spool.close()


def submit(job: str = "j") -> Submit:
    return Submit(job, "1", 0, "ping", "0" * 64, [HostSpec("a"), HostSpec("b")], sealed="c2VhbGVk")


def event(host: str = "a", status: Status = Status.OK, text: str = "x") -> Progress:
    return Progress(0, 1.0, host, status, text=text)


def test_a_request_is_seen_first_by_exactly_one_of_many(spool: Spool) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: spool.first_seen("id", 100.0, 1.0), range(64)))
    assert answers.count(True) == 1


def test_a_request_id_is_forgotten_when_it_has_expired(spool: Spool) -> None:
    assert spool.first_seen("id", 100.0, 1.0)
    assert not spool.first_seen("id", 100.0, 100.0)
    spool.prune(101.0)
    assert spool.first_seen("id", 200.0, 101.0)


def test_a_job_is_kept_once_as_it_was_sent(spool: Spool) -> None:
    assert spool.add(submit(), 1.0)
    assert not spool.add(submit(), 2.0)
    kept = spool.job("j")
    assert kept
    assert (kept.submit, kept.state) == (submit(), JobState.QUEUED)
    assert spool.job("other") is None
    assert spool.state("other") is JobState.UNKNOWN


def test_numbers_have_no_gaps_however_many_threads_write(spool: Spool) -> None:
    spool.add(submit(), 1.0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: spool.append("j", [event(f"h{n}"), event(f"i{n}")]), range(500)))
    spool.flush()
    events, _ = spool.events("j", 0, 10_000)
    assert [one.seq for one in events] == list(range(1, 1001))
    hosts = [one.host for one in events]
    assert all(hosts.index(f"i{n}") == hosts.index(f"h{n}") + 1 for n in range(500))
    assert spool.last("j") == 1000


def test_reading_goes_on_where_it_stopped_and_keeps_to_its_room(spool: Spool) -> None:
    spool.add(submit(), 1.0)
    spool.append("j", [event(text="x" * 1000) for _ in range(10)])
    spool.flush()
    assert [one.seq for one in spool.events("j", 3, 4)[0]] == [4, 5, 6, 7]
    events, size = spool.events("j", 0, 100, 3500)
    assert [one.seq for one in events] == [1, 2, 3]
    assert 3000 < size <= 3500
    assert spool.events("j", 0, 100, 10) == ([], 0)


def test_ten_thousand_events_take_few_transactions(spool: Spool) -> None:
    spool.add(submit(), 1.0)
    ran: list[str] = []
    spool._writer.connection.set_trace_callback(ran.append)
    gate = threading.Event()
    spool._writer.tell(lambda _: gate.wait(60))  # what comes meanwhile is what a busy writer finds
    for n in range(10_000):
        spool.append("j", [event(f"h{n}")])
    gate.set()
    spool.flush()
    assert 10_000 / BATCH <= ran.count("COMMIT") < 50
    assert len(spool.ended_hosts("j")) == 10_000


def test_only_ended_jobs_are_forgotten(spool: Spool) -> None:
    for job in ("j", "k"):
        spool.add(submit(job), 1.0)
        spool.append(job, [event()])
    spool.move("j", JobState.ENDED, 2.0)
    spool.forget(["j", "k", "unknown"])
    assert spool.state("j") is JobState.UNKNOWN
    assert spool.events("j", 0, 10) == ([], 0)
    assert spool.state("k") is JobState.QUEUED
    assert spool.last("k") == 1


def test_an_ended_job_stays_ended_and_is_pruned_later(spool: Spool) -> None:
    spool.add(submit(), 1.0)
    spool.move("j", JobState.ENDED, 2.0)
    spool.move("j", JobState.CANCELLING, 3.0)
    spool.flush()
    assert spool.state("j") is JobState.ENDED
    spool.prune(50.0, keep=100.0)
    assert spool.state("j") is JobState.ENDED
    spool.prune(103.0, keep=100.0)
    assert spool.state("j") is JobState.UNKNOWN


def test_waiting_ends_with_the_news(spool: Spool) -> None:
    spool.add(submit(), 1.0)
    assert not spool.wait({"j": 0}, 0.05)
    timer = threading.Timer(0.1, spool.append, ("j", [event()]))
    timer.start()
    began = time.monotonic()
    assert spool.wait({"j": 0}, 200)
    assert time.monotonic() - began < 150
    assert spool.wait({"j": 0}, 20)
    assert not spool.wait({"j": 1}, 0.05)
    assert spool.wait({"j": 1, "unknown": 0}, 20)
    timer.join()


def test_counters_add_up_over_restarts(tmp_path: Path) -> None:
    for _ in range(2):
        spool = Spool(tmp_path / "spool.db")
        spool.count("replay")
        spool.count("replay", 2)
        spool.close()
    spool = Spool(tmp_path / "spool.db")
    assert spool.counters() == {"replay": 6}
    spool.close()


KILLED = """
import os, sys
from pathlib import Path
from rpcgate.protocol import *
from rpcgate.spool import Spool
from sdk import Status
spool = Spool(Path(sys.argv[1]))
n = 0
while True:
    job = f"job{n}"
    spool.add(Submit(job, "1", 0, "ping", "d", [HostSpec("a")]), 1.0)
    spool.first_seen(job, 1e12, 1.0)
    spool.append(job, [Progress(0, 1.0, "a", Status.RUNNING, text="x")] * 5)
    os.write(1, f"{job}\\n".encode())
    n += 1
"""


def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
    assert process.stdout
    promised = [process.stdout.readline().decode().strip() for _ in range(50)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    process.stdout.close()
    spool = Spool(path)
    for job in promised:
        assert spool.state(job) is JobState.QUEUED
        assert not spool.first_seen(job, 1e12, 2.0)
        spool.append(job, [event("b")])
    spool.flush()
    for job in promised:
        events, _ = spool.events(job, 0, 100)
        assert [one.seq for one in events] == list(range(1, len(events) + 1))
    spool.close()


def test_the_file_is_its_owners_alone(spool: Spool) -> None:
    assert spool.path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_spool_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(SpoolError, match=r"spool.db cannot be opened as a spool: file is not a database; move it away"):
        Spool(path)


def test_a_spool_that_cannot_be_written_refuses_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpcgate.spool_writer.RETRY", 0.01)
    spool = Spool(tmp_path / "spool.db")
    spool.add(submit(), 1.0)
    pages = spool._writer.connection.execute("PRAGMA page_count").fetchone()[0]
    spool._writer.connection.execute(f"PRAGMA max_page_count = {pages}")  # what a full disk does
    spool.append("j", [event(text="x" * 100_000)])
    with pytest.raises(SpoolError, match="full"):
        spool.add(submit("k" * 100_000), 1.0)
    spool._writer.connection.execute("PRAGMA max_page_count = 1000000")
    spool.flush()
    events, _ = spool.events("j", 0, 10)
    assert [(one.seq, len(one.text or "")) for one in events] == [(1, 100_000)]
    spool.close()


def test_a_closed_spool_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.close()
    spool.close()
    with pytest.raises(SpoolError, match="closed"):
        spool.add(submit(), 1.0)
    with pytest.raises(SpoolError):
        spool.state("j")


def test_the_journal_lets_readers_go_on_while_it_is_written(spool: Spool) -> None:
    connection = sqlite3.connect(spool.path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
