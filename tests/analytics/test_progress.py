"""How far a query is, who waits beside it, and what becomes of it when the engine dies: asked of a real store."""

import os
import pty
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from analytics import far
from analytics.store.client import Askable, Store
from analytics.store.errors import StoreAwayError, StoreError
from analytics.store.lines import GoneError, Line
from analytics.store.marks import Progress
from analytics.store.names import quoted
from analytics.store.reach import reached
from tests.fleet.store import engine_of
from tests.fleet.waiting import until

ALL = 1_000_000_000_000
ENDLESS = f"SELECT count() AS endless FROM numbers({ALL}) WHERE NOT ignore(sipHash64(number))"
SECONDS = 60


@contextmanager
def asking(store: Store, client: str, count: int = 1) -> Iterator[list[Line]]:
    """Give lines of one client, each with an endless query; at the end all of them are ended."""
    lines = [Line(client, lambda: store) for _ in range(count)]
    threads = [threading.Thread(target=_quietly, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    try:
        yield lines
    finally:
        for line in lines:
            line.end()
        for thread in threads:
            thread.join(SECONDS)
        assert not any(thread.is_alive() for thread in threads)


def _quietly(line: Askable) -> None:
    with suppress(GoneError, StoreError):
        line.ask(ENDLESS)


def running(store: Store, lines: list[Line]) -> list[Line]:
    told = {line: store.progress(line.name) for line in lines}
    return [line for line, found in told.items() if found and not found.waits and found.read]


def waiting(store: Store, lines: list[Line]) -> list[Line]:
    told = {line: store.progress(line.name) for line in lines}
    return [line for line, found in told.items() if found and found.waits]


def test_a_running_query_says_how_far_it_is_under_the_name_of_its_line_alone(store: Store) -> None:
    with asking(store, "somebody") as (line,):
        first = until(lambda: (found := store.progress(line.name)) and found.read and found)
        later = until(lambda: (found := store.progress(line.name)) and found.read > first.read and found)
        assert 0 < first.read < later.read < later.total
        assert (later.number, later.waits) == (1, False)
        assert later.total == ALL
        assert store.progress("0" * 20) is None
    assert until(lambda: store.progress(line.name) is None)


def test_the_second_query_of_a_line_says_that_it_is_the_second(store: Store) -> None:
    line = Line("somebody", lambda: store)
    line.ask("SELECT 1")
    thread = threading.Thread(target=_quietly, args=(line,))
    thread.start()
    try:
        assert until(lambda: store.progress(line.name)).number == 2
    finally:
        line.end()
        thread.join(SECONDS)


def test_two_people_with_heavy_questions_share_the_places_and_are_told_that_they_wait(store: Store) -> None:
    with asking(store, "one", 6) as ones:
        until(lambda: len(running(store, ones)) == 3 and len(waiting(store, ones)) == 3)
        with asking(store, "other", 6) as others:
            until(lambda: len(running(store, others)) == 1)  # the place that is kept from who holds all the others
            began = time.monotonic()
            assert len(waiting(store, others)) == 5
            assert time.monotonic() - began < SECONDS / 4  # it is said although no place is free
            running(store, ones)[0].end()
            until(lambda: len(running(store, others)) == 2 and len(running(store, ones)) == 2)


def test_a_query_that_ends_the_engine_says_so_once_and_the_next_one_is_answered(tmp_path: Path) -> None:
    told: list[StoreError] = []

    def ask(store: Store) -> None:
        try:
            Line("somebody", lambda: store).ask(ENDLESS)
        except StoreError as error:
            told.append(error)

    with reached(tmp_path) as store:
        store.ask("SELECT 1")
        thread = threading.Thread(target=ask, args=(store,))
        thread.start()
        until(lambda: [path for path in (tmp_path / "analytics/running").iterdir() if path.stat().st_size])
        os.kill(first := engine_of(tmp_path), signal.SIGKILL)
        thread.join(SECONDS)
        assert [type(error) for error in told] == [StoreAwayError]
        assert "ended while it computed this" in str(told[0])
        assert store.ask("SELECT 1 AS one").one() == {"one": 1}
        assert engine_of(tmp_path) != first
        assert list((tmp_path / "analytics/running").iterdir()) == []  # it was not begun again


def test_a_cluster_is_asked_on_every_node(store: Store) -> None:
    said: list[str] = []

    class Cluster(Store):
        def __init__(self) -> None:
            self.cluster, self.prefix = "prod", "om_"
            self._brief: Any = None

        def _asked(self, to: Any, sql: str, *more: Any, **named: Any) -> Any:
            said.append(sql)
            return store.ask("SELECT 1 WHERE 0")

    assert Cluster().progress("0" * 20) is None
    assert f"clusterAllReplicas({quoted('prod')}, system.processes)" in said[0]
    read = store.ask("SELECT formatQuery({sql:String}) AS read", {"sql": said[0].replace("{name:String}", "'x'")})
    assert "clusterAllReplicas" in read.one()["read"]


def test_a_terminal_shows_how_far_a_query_is_and_ctrl_c_ends_it_in_the_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(far, "QUIET_SECONDS", 0)
    monkeypatch.setattr(far, "EVERY_SECONDS", 0.1)
    master, slave = pty.openpty()
    shown, names = bytearray(), []

    def read_and_interrupt() -> None:
        while f" of {ALL:,} rows read" not in shown.decode(errors="replace"):  # it may not know the sum at first
            shown.extend(os.read(master, 4096))
        os.kill(os.getpid(), signal.SIGINT)

    with os.fdopen(slave, "w", encoding="utf-8") as terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        reader = threading.Thread(target=read_and_interrupt, daemon=True)
        reader.start()
        with pytest.raises(KeyboardInterrupt), far.followed(store) as line:  # noqa: PT012  # one act
            names.append(line.name)
            line.ask(ENDLESS)
        terminal.flush()
        reader.join(SECONDS)
        while not shown.endswith(far.BEGIN_ANEW.encode()):  # nothing of it stays
            shown.extend(os.read(master, 4096))
    os.close(master)
    assert f" of {ALL:,} rows read · " in shown.decode()
    until(lambda: store.progress(names[0]) is None)


def test_what_is_no_terminal_is_told_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(far, "QUIET_SECONDS", 0)
    with far.followed(store) as line:
        assert line.ask("SELECT sleep(1) AS slept").one() == {"slept": 0}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Progress(41_093_120, 100_095_182, 1), "41,093,120 of 100,095,182 rows read"),
        (Progress(41_093_120, 0, 1), "41,093,120 rows read"),
        (Progress(5, 9, 3), "query 3: 5 of 9 rows read"),
        (Progress(0, 0, 1, waits=True), "waiting for its turn"),
    ],
)
def test_the_command_line_says_numbers_in_full(found: Progress, words: str) -> None:
    assert far.words(found) == words
