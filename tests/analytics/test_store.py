"""The embedded store: who may ask, what one may take, and what becomes of it when things go wrong."""

import fcntl
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from analytics.store.client import Store
from analytics.store.embedded import USERS, lockable
from analytics.store.errors import StoreAwayError, StoreError, StoreLimitError, shortened
from analytics.store.names import quoted
from analytics.store.reach import reached
from analytics.store.turns import GoneError, Turns
from tests.fleet.store import engine_of
from tests.fleet.waiting import until

ROOT = Path(__file__).parents[2]
ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Give a home whose store may be ill-treated."""
    with reached(tmp_path) as store:
        assert store.ask("SELECT 1 AS one").one() == {"one": 1}
        yield tmp_path


def raw(home: Path, sql: str, *, token: str | None = None, **headers: str) -> http.client.HTTPConnection:
    """Send a statement and give the connection, whose answer is not read yet."""
    import base64

    address = urlsplit((home / "analytics/address").read_text())
    password = (home / "analytics/token").read_text() if token is None else token
    known = base64.b64encode(f"default:{password}".encode()).decode()
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("POST", "/?quota_key=raw", sql, {"Authorization": f"Basic {known}", **headers})
    return connection


def running(store: Store) -> int:
    return store.ask(
        "SELECT count() AS n FROM system.processes WHERE query LIKE 'SELECT count() FROM numbers(1%'"
    ).one()["n"]


def test_only_who_has_the_token_is_answered(home: Path) -> None:
    for token in ("", "wrong", "x" * 5000):
        assert raw(home, "SELECT 1", token=token).getresponse().status == 401
    assert raw(home, "SELECT 1").getresponse().read() == b"1\n"
    for name in ("token", "address"):
        assert (home / "analytics" / name).stat().st_mode & 0o077 == 0
    with pytest.raises(StoreAwayError, match="refuses the account"):
        Store((home / "analytics/address").read_text(), password="wrong")


def test_what_is_too_large_or_not_of_the_protocol_is_refused(home: Path) -> None:
    assert raw(home, "SELECT 1", **{"Content-Encoding": "gzip"}).getresponse().status == 415
    assert raw(home, "SELECT '" + "x" * (1 << 20) + "'").getresponse().status == 400
    with reached(home) as store, pytest.raises(StoreError, match="a statement has at most") as caught:
        store.ask("SELECT {text:String} AS text", {"text": "x" * (5 << 20)})
    assert not isinstance(caught.value, StoreAwayError), "it answers, and would refuse the same again"
    address = urlsplit((home / "analytics/address").read_text())
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("GET", "/?query=" + quote("SELECT 1"))
    assert connection.getresponse().status == 405


def test_a_query_ends_at_its_limits_of_time_and_memory(tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "analytics.store.embedded",
        "--home",
        str(tmp_path),
        "--seconds",
        "1",
        "--memory",
        "50000000",
    ]
    process = subprocess.Popen(words, cwd=ROOT)
    try:
        assert until((tmp_path / "analytics/address").exists)
        with reached(tmp_path) as store:
            with pytest.raises(StoreLimitError, match="longer"):
                store.ask(ENDLESS)
            with pytest.raises(StoreLimitError, match="memory"):
                store.ask("SELECT uniqExact(number) FROM numbers(30000000)")
            assert store.ask("SELECT 1 AS one").one() == {"one": 1}
    finally:
        process.terminate()
        assert process.wait(30) == 0
    assert not (tmp_path / "analytics/address").exists()


def test_a_query_whose_client_left_is_ended(home: Path) -> None:
    with reached(home) as store:
        connection = raw(home, ENDLESS)
        assert until(lambda: running(store) == 1)
        connection.close()
        assert until(lambda: running(store) == 0)


def test_a_crash_is_said_and_the_store_goes_on(home: Path) -> None:
    with reached(home) as store:
        store.run("CREATE TABLE kept (n UInt8) ENGINE = MergeTree ORDER BY n")
        store.insert("kept", ["n"], b"7\n", "TabSeparated")
        connection = raw(home, ENDLESS)
        assert until(lambda: running(store) == 1)
        pid = int(store.ask("SELECT value FROM system.build_options LIMIT 0") and engine_of(home))
        os.kill(pid, signal.SIGKILL)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            connection.getresponse()
        assert until((home / "analytics/crash.json").exists)
        assert until(lambda: _answers(home))
        assert "SIGKILL" in (home / "analytics/crash.json").read_text()
        assert "numbers(1000000000000)" in (home / "analytics/crash.json").read_text()
        with reached(home) as again:
            assert again.ask("SELECT n FROM kept").rows == [(7,)]


def _answers(home: Path) -> bool:
    try:
        with reached(home) as store:
            return store.ask("SELECT 1 AS one").one() == {"one": 1}
    except StoreError:
        return False


def test_a_second_store_of_one_home_is_refused(home: Path) -> None:
    words = [sys.executable, "-m", "analytics.store.embedded", "--home", str(home)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == f"{home / 'analytics'} is in use by another store; end that one first\n"


def test_a_store_begun_by_a_command_serves_others_to_their_end(tmp_path: Path) -> None:
    begun, going = threading.Event(), threading.Event()

    def first() -> None:
        with reached(tmp_path):
            begun.set()
            assert going.wait(60)

    other = threading.Thread(target=first)
    other.start()
    assert begun.wait(60)
    with reached(tmp_path) as store:
        going.set()
        other.join(60)
        assert not other.is_alive()  # it does not wait for us
        assert store.ask("SELECT 1 AS one").one() == {"one": 1}
        assert (tmp_path / "analytics/address").exists()
    until(lambda: not (tmp_path / "analytics/address").exists())
    with reached(tmp_path) as store:
        assert store.ask("SELECT 1 AS one").one() == {"one": 1}


def test_commands_that_begin_at_the_same_instant_share_one_store(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    together = threading.Barrier(3)

    def one(_: int) -> object:
        together.wait(60)
        with reached(tmp_path) as store:
            asked = store.ask("SELECT 1 AS one").one(), (tmp_path / "analytics/address").read_text()
            together.wait(60)
            return asked

    with ThreadPoolExecutor(3) as commands:
        found = list(commands.map(one, range(3)))
    assert found == [({"one": 1}, found[0][1])] * 3
    assert "in use by another store" not in capfd.readouterr().err


def test_who_reads_a_commands_output_does_not_wait_for_others_that_use_its_store(tmp_path: Path) -> None:
    words = "import sys, pathlib, analytics.store.reach as r\nwith r.reached(pathlib.Path(sys.argv[1])): print(input())"
    with subprocess.Popen(
        [sys.executable, "-c", words, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as first:
        until((tmp_path / "analytics/address").exists)
        with reached(tmp_path) as store:
            assert first.communicate("told", timeout=60)[0] == "told\n"
            assert store.ask("SELECT 1 AS one").one() == {"one": 1}


def test_a_store_that_is_told_to_end_waits_for_no_lock_of_who_tells_it(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "analytics.store.embedded", "--home", str(tmp_path), "--until-eof"]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE) as process:
        until((tmp_path / "analytics/address").exists)
        with lockable(tmp_path / "analytics", USERS) as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            process.communicate(b"\n", timeout=60)
        assert process.returncode == 0


def test_a_store_in_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "analytics").write_text("a file")
    with pytest.raises(StoreAwayError, match=r"cannot be used \(File exists\)"), reached(tmp_path):
        pass


def test_rows_behind_an_insert_are_taken_in_address_and_body_and_never_dropped(home: Path) -> None:
    with reached(home) as store:
        store.run("CREATE TABLE t (n UInt32) ENGINE = Memory")
        assert raw(home, "INSERT INTO t (n) FORMAT TabSeparated\n1\n2\n").getresponse().status == 200
        store.insert("t", ["n"], b"3\n", "TabSeparated")
        assert store.ask("SELECT sum(n) AS s FROM t").one() == {"s": 6}
        with pytest.raises(StoreError, match="refused the query"):
            store.insert("t", ["n"], b"4\nfour\n", "TabSeparated")


HOSTILE = [
    "it's",
    'a"b',
    "a`b",
    "a\\b",
    "x'; DROP TABLE t; --",
    "{x:String}",
    "$event",
    "\t\n\r",
    "中文 🦜",
    "\\'",
    "%s",
    "\\N",
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_bound_value_comes_back_as_it_was(store: Store, text: str) -> None:
    row = store.ask("SELECT {a:String} AS a, {b:Array(String)} AS b", {"a": text, "b": [text, text]}).one()
    assert row == {"a": text, "b": [text, text]}


@pytest.mark.parametrize("name", [text for text in HOSTILE if text])
def test_a_quoted_name_is_one_name(store: Store, name: str) -> None:
    assert store.ask(f"SELECT 1 AS {quoted(name)}").columns == (name,)


def test_what_is_no_name_is_not_quoted() -> None:
    for name in ("", "a\x00b", "x" * 201):
        with pytest.raises(ValueError, match="is no name"):
            quoted(name)


def test_clients_take_turns_however_many_questions_one_has() -> None:
    turns, order, stay = Turns(["place"]), [], threading.Event()

    def ask(client: str) -> None:
        with turns.take(client, lambda: False):
            order.append(client)

    threads = []
    with turns.take("first", lambda: False):
        for client in ("busy", "busy", "busy", "quiet"):
            threads.append(threading.Thread(target=ask, args=(client,)))
            threads[-1].start()
            assert until(lambda: sum(map(len, turns._waiting.values())) == len(threads))
    for thread in threads:
        thread.join(10)
    assert order == ["busy", "quiet", "busy", "busy"]
    with turns.take("one", stay.is_set), pytest.raises(GoneError), turns.take("gone", lambda: True):
        pass


def test_one_client_never_has_all_places() -> None:
    turns, done = Turns(["a", "b"]), threading.Event()

    def stay() -> None:
        with turns.take("busy", lambda: False):
            done.wait(30)

    threads = [threading.Thread(target=stay) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert until(lambda: len(turns._waiting.get("busy", ())) == 2)
    end = time.monotonic() + 10
    with turns.take("quiet", lambda: time.monotonic() > end) as place:
        assert place in {"a", "b"}
    done.set()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert sorted(turns._free) == ["a", "b"]


def test_a_servers_own_words_do_not_hold_up_the_sentence_and_hide_no_password() -> None:
    begun = time.process_time()
    quotes = "''" * 40
    assert shortened(f"Code: 1. DB::Exception: mysql({quotes}").startswith("mysql(")
    assert shortened("no mysql('h:1', 'b', 't', 'it''s', 'p\\'w)d')!") == "no mysql(...)!"
    assert time.process_time() - begun < 5


def test_nobody_answers_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreAwayError, match="does not answer"):
        Store("http://127.0.0.1:9/")
