"""The engine salt on real minions: functions, states, words as they are, and who waits for whom."""

import asyncio
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines import salt_jobs
from rpcgate.engines.salt import SaltAdapter
from rpcgate.engines.salt_config import read_config
from rpcgate.engines.salt_jobs import Answer, Ask, SaltJobs, SilentError
from sdk import Event, Status, Target, Targets
from tests.fleet.salt import SaltFleet, members
from tests.rpcgate.engines.calls import BOUND, Caller, eventually

pytestmark = pytest.mark.salt
TEMPLATE = "{{ salt['cmd.run']('id') }}{% raw %}"


def running(word: str) -> list[int]:
    """Find the processes one of whose words is this."""
    found = []
    for line in (one / "cmdline" for one in Path("/proc").glob("[0-9]*")):
        try:
            if word.encode() in line.read_bytes().split(b"\x00"):
                found.append(int(line.parent.name))
        except OSError:
            continue
    return found


def unique() -> str:
    """Give a number of seconds for sleep to know its process by."""
    return f"{900 + secrets.randbelow(99)}.{secrets.randbelow(10**9):09d}"


@pytest.fixture
def one(salt: Caller) -> Caller:
    return salt.on(salt.targets[0])


@pytest.fixture
def impatient(salt_fleet: SaltFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    """Give an engine that does not wait long for a minion that says nothing."""
    monkeypatch.setattr(salt_jobs, "STILL", 0.0)
    adapter = SaltAdapter.from_config(salt_fleet.impatient, tmp_path)
    yield Caller(adapter, Targets(tuple(salt_fleet.target(index) for index in range(len(salt_fleet.names)))))
    adapter.close()


@pytest.fixture
def state(salt_fleet: SaltFleet) -> str:
    """Give the name of a state file that writes a file, whose path it takes from the pillar."""
    name = f"write{secrets.token_hex(4)}"
    (salt_fleet.states / f"{name}.sls").write_text(
        "{{ pillar['path'] }}:\n  file.managed:\n    - contents_pillar: text\nsettled:\n  test.nop: []\n"
    )
    return name


# ---- functions


def test_a_function_is_called_on_all_minions_and_its_return_is_the_data(salt: Caller) -> None:
    finals = salt.start("call", function="test.echo", args=["héllo"], kwargs={}).finals()
    assert {event.data for event in finals.values()} == {"héllo"}
    assert {(event.status, event.output, event.engine) for event in finals.values()} == {(Status.OK, "héllo\n", "salt")}
    assert set(finals) == set(salt.targets.names)


def test_texts_reach_a_function_as_they_are(one: Caller) -> None:
    words = [
        "1",
        "1.0",
        "null",
        "true",
        "[a]",
        "{a: b}",
        "a=b",
        "name=x y",
        "",
        " ",
        "'",
        '"',
        "é中🙂",
        "a\nb",
        "#",
        "*",
    ]
    words += [TEMPLATE, "{{ 1 }}", "$(id)", "!!python/object", "- a"]
    event = one.one("call", function="test.arg", args=words, kwargs={"x": "1", "y": "a=b", "z": TEMPLATE})
    assert event.data["args"] == words
    assert {key: event.data["kwargs"][key] for key in "xyz"} == {"x": "1", "y": "a=b", "z": TEMPLATE}


def test_named_arguments_with_salts_own_mark_are_only_values(one: Caller) -> None:
    given = [{"__kwarg__": True, "cmd": "id"}]
    assert one.one("call", function="test.arg", args=given, kwargs={}).data["args"] == given


@pytest.mark.parametrize("value", [0, -1, 1.5, True, False, None, [1, [2]], {"a": {"b": [None]}}])
def test_values_that_are_no_texts_keep_their_kind(one: Caller, value: object) -> None:
    event = one.one("call", function="test.arg", args=[value], kwargs={"named": value})
    assert (event.data["args"], event.data["kwargs"]["named"]) == ([value], value)


def test_a_function_that_is_not_there_is_named(one: Caller) -> None:
    event = one.one("call", function="nosuch.function", args=[], kwargs={})
    assert (event.status, event.reason) == (Status.FAILED, "'nosuch.function' is not available.")


def test_a_function_that_raises_gives_its_last_word(one: Caller) -> None:
    event = one.one("call", function="test.exception", args=["it broke"], kwargs={})
    assert event.status is Status.FAILED
    assert "it broke" in event.reason


def test_arguments_that_a_function_does_not_take_are_a_failure(one: Caller) -> None:
    event = one.one("call", function="test.ping", args=["a", "b"], kwargs={})
    assert event.status is Status.FAILED
    assert "test.ping" in event.reason


@pytest.mark.parametrize("function", ["", "ping", "test ping", "test.ping;id", "../x.y", "*"])
def test_what_is_no_function_is_refused_before_anything_is_sent(one: Caller, function: str) -> None:
    event = one.one("call", function=function, args=[], kwargs={})
    assert (event.status, "is no function of Salt" in event.reason) == (Status.FAILED, True)


def test_a_return_that_salt_cuts_is_said_to_be_cut(one: Caller) -> None:
    much = "echo short >&2; head -c 1500000 /dev/zero | tr '\\0' x"
    event = one.one("call", function="cmd.run_all", args=[much], kwargs={"python_shell": True})
    assert (event.status, event.data["stderr"]) == (Status.OK, "short")
    assert event.reason.startswith("It worked. Salt has left out parts")


def test_a_return_beyond_all_bounds_is_left_out_with_a_word(one: Caller) -> None:
    big = "head -c 12000000 /dev/zero | tr '\\0' x"
    event = one.one("call", function="cmd.run", args=[big], kwargs={"python_shell": True})
    assert (event.status, event.reason) == (Status.OK, "It worked. Its answer was too large to keep.")


def test_bytes_in_a_return_become_visible(one: Caller) -> None:
    event = one.one("call", function="cmd.run_stdout", args=[r"printf 'a\377b'"], kwargs={"python_shell": True})
    assert event.status is Status.OK
    assert event.output.startswith("a")


# ---- states


def test_a_state_changes_once_and_is_ok_after(one: Caller, state: str, tmp_path: Path) -> None:
    pillar = {"path": str(tmp_path / "a b"), "text": TEMPLATE}
    first, again = (one.one("state", sls=state, pillar=pillar) for _ in range(2))
    assert (first.status, again.status) == (Status.CHANGED, Status.OK)
    assert (tmp_path / "a b").read_text().strip() == TEMPLATE
    assert first.output.startswith(f"changed      {tmp_path}/a b: ")
    assert "    diff:" in first.output
    assert "ok           settled" in again.output
    assert len(first.data) == 2


def test_a_state_in_a_dry_run_says_what_would_change_and_does_not(one: Caller, state: str, tmp_path: Path) -> None:
    pillar = {"path": str(tmp_path / "new"), "text": "x"}
    event = one.one("state", sls=state, pillar=pillar, check=True)
    assert event.status is Status.CHANGED
    assert event.reason == "This is what would change; nothing was changed."
    assert not (tmp_path / "new").exists()


def test_a_state_that_fails_is_named(one: Caller, state: str) -> None:
    event = one.one("state", sls=state, pillar={"path": "/no/such/folder/x", "text": "x"})
    assert event.status is Status.FAILED
    assert event.reason.startswith("1 of 2 states failed: /no/such/folder/x: ")
    assert "ok           settled" in event.output


def test_a_state_file_that_is_not_there_is_named(one: Caller) -> None:
    event = one.one("state", sls="no_such_file", pillar={})
    assert (event.status, "no_such_file" in event.reason) == (Status.FAILED, True)


def test_a_state_file_with_a_fault_is_a_failure_that_says_where(one: Caller, salt_fleet: SaltFleet) -> None:
    (salt_fleet.states / "faulty.sls").write_text("a:\n  file.managed:\n - contents: [\n")
    event = one.one("state", sls="faulty", pillar={})
    assert (event.status, "faulty" in event.reason) == (Status.FAILED, True)


def test_no_state_file_means_the_highstate(one: Caller, salt_fleet: SaltFleet, tmp_path: Path) -> None:
    top = salt_fleet.states / "top.sls"
    (salt_fleet.states / "all.sls").write_text(f"{tmp_path}/high:\n  file.managed:\n    - contents: x\n")
    top.write_text(f"base:\n  {one.targets[0].name}:\n    - all\n")
    try:
        event = one.one("state", sls="")
    finally:
        top.unlink()
    assert (event.status, (tmp_path / "high").exists()) == (Status.CHANGED, True)


# ---- who waits for whom


def test_answers_come_as_minions_give_them(salt: Caller, tmp_path: Path) -> None:
    """One waits for a file; it knows by its id that it is the slow one."""
    slow = salt.targets[0].name
    mine = f"case $(tr '\\0' ' ' </proc/$PPID/cmdline) in *{slow}*)"
    wait = f"{mine} while [ ! -e {tmp_path}/go ]; do sleep 0.1; done;; esac"
    called = salt.start("call", function="cmd.shell", args=[wait], kwargs={}, timeout=300)
    first = {called.first().host for _ in range(len(salt.targets) - 1)}
    assert first == set(salt.targets.names) - {slow}
    (tmp_path / "go").touch()
    assert called.finals()[slow].status is Status.OK


def test_two_jobs_from_two_threads_do_not_mix(salt: Caller) -> None:
    said: dict[int, set[str]] = {}

    def ask(number: int) -> None:
        finals = salt.start("shell", argv=["echo", f"this is {number}"]).finals()
        said[number] = {event.output for event in finals.values()}

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)
    assert said == {number: {f"this is {number}\n"} for number in range(6)}


def test_a_frozen_minion_delays_nobody_and_nothing_was_sent_to_it(
    impatient: Caller, salt_fleet: SaltFleet, tmp_path: Path
) -> None:
    frozen = salt_fleet.names[3]
    salt_fleet.pause(frozen)
    try:
        wait_until_stale(impatient)
        called = impatient.start("shell", argv=["sh", "-c", f"echo x >>{tmp_path}/ran; echo here"], timeout=600)
        for _ in range(3):  # it is the last of them, long before the deadline
            assert called.first().output == "here\n"
        event = called.finals()[frozen]
    finally:
        salt_fleet.resume(frozen)
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
    assert event.reason == f"The minion {frozen} does not answer; nothing was sent to it. Does salt-minion run there?"
    assert eventually(
        lambda: impatient.on(impatient.targets[3]).one("call", function="test.ping", args=[], kwargs={}).data is True
    )
    assert (tmp_path / "ran").read_text() == "x\n" * 3


def wait_until_stale(salt: Caller) -> None:
    """Wait until no minion counts as known to be there, so that it is asked first."""
    adapter = salt.adapter
    assert isinstance(adapter, SaltAdapter)
    adapter.carrier.jobs().forget_who_is_there()


def test_a_minion_that_freezes_at_work_is_lost_and_not_called_untouched(
    impatient: Caller, salt_fleet: SaltFleet
) -> None:
    word = unique()
    called = impatient.on(impatient.targets[3]).start("shell", argv=["sleep", word], timeout=600)
    assert eventually(lambda: bool(running(word)))
    salt_fleet.pause(salt_fleet.names[3])
    try:
        (event,) = called.finals().values()
    finally:
        salt_fleet.resume(salt_fleet.names[3])
        for pid in running(word):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    assert event.status in (Status.LOST, Status.UNREACHABLE)
    assert not event.untouched
    assert "not known" in event.reason


def test_a_minion_at_work_may_say_nothing_for_as_long_as_a_machine_stalls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    async def silent(_self: SaltJobs, _minion: str, _function: str, _arg: Any, *, seconds: float) -> Answer:
        asked.append(seconds)
        raise SilentError("It says nothing.")

    async def look() -> bool:
        jobs, loop = SaltJobs(read_config({"gather": 1}, tmp_path)), asyncio.get_running_loop()
        ask = Ask("minion0", loop.create_future(), loop.create_future(), watched=True, jid="1")
        await jobs._look(ask)
        return isinstance(ask.answered.exception(), SilentError)

    monkeypatch.setattr(SaltJobs, "call", silent)
    assert asyncio.run(look())
    assert asked == [salt_jobs.STILL]  # and not `gather`


def test_an_unknown_id_is_named_and_untouched(salt: Caller) -> None:
    finals = salt.on(Target("nobody*"), salt.targets[0]).start("shell", argv=["echo", "x"]).finals()
    assert finals[salt.targets[0].name].output == "x\n"
    event = finals["nobody*"]
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
    assert event.reason.startswith("The Salt master knows no minion 'nobody*'")


@pytest.mark.parametrize("name", ["*", "minion?", "minion[0-9]", "minion0,minion1", "E@.*", "minion0 minion1"])
def test_a_name_is_never_a_pattern(salt: Caller, name: str) -> None:
    event = salt.on(Target(name)).one("shell", argv=["echo", "x"])
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)


# ---- deadlines, cancel


def test_a_function_is_ended_at_its_deadline_with_what_it_has_started(one: Caller) -> None:
    word = unique()
    event = one.one("call", function="cmd.run", args=[f"sleep {word}"], kwargs={}, timeout=2)
    assert event.status is Status.TIMEOUT
    assert event.reason == "It did not end within 2 s; the server confirms that its processes are gone."
    assert not running(word)


def test_a_cancelled_function_is_gone(one: Caller) -> None:
    word = unique()
    called = one.start("call", function="cmd.run", args=[f"sleep {word}"], kwargs={}, timeout=300)
    assert eventually(lambda: bool(running(word)))
    called.running.cancel()
    called.running.cancel()
    (event,) = called.finals().values()
    assert event.status is Status.CANCELLED
    assert event.reason == "Cancelled; the server confirms that its processes are gone."
    assert not running(word)
    assert one.one("call", function="test.ping", args=[], kwargs={}).data is True


def test_a_function_that_the_first_look_does_not_find_is_ended_by_the_next(
    one: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minion may be asked before it has begun what it was sent."""
    word, real, looks = unique(), SaltJobs.call, []

    async def too_early(self: SaltJobs, minion: str, function: str, *args: Any, **named: Any) -> Answer:
        if function == "saltutil.find_job":
            looks.append(minion)
            if len(looks) == 1:
                return Answer({}, 0, True)
        return await real(self, minion, function, *args, **named)

    called = one.start("call", function="cmd.run", args=[f"sleep {word}"], kwargs={}, timeout=600)
    assert eventually(lambda: bool(running(word)))
    monkeypatch.setattr(SaltJobs, "call", too_early)
    called.running.cancel()
    (event,) = called.finals().values()
    assert event.reason == "Cancelled; the server confirms that its processes are gone."
    assert (running(word), len(looks)) == ([], 2)


def test_cancel_ends_a_command_on_all_minions(salt: Caller) -> None:
    word = unique()
    called = salt.start("shell", argv=["sleep", word], timeout=300)
    assert eventually(lambda: len(running(word)) >= len(salt.targets))
    called.running.cancel()
    finals = called.finals()
    assert {event.status for event in finals.values()} == {Status.CANCELLED}
    assert {event.reason for event in finals.values()} == {
        "Cancelled; the server confirms that its processes are gone."
    }
    assert not running(word)


def test_nothing_is_left_in_the_hosts_temporary_folder(salt: Caller, salt_fleet: SaltFleet) -> None:
    own = {folder.name for name in salt_fleet.names for folder in members(salt_fleet.groups[name].pid)}

    def left() -> list[Path]:  # named by the minion's process: other test runs have folders there as well
        return [path for path in Path("/tmp").glob("omserver-*.[0-9]*") if path.suffix[1:] in own]

    salt.start("shell", argv=["head", "-c", "2000000", "/dev/zero"]).finals()
    salt.start("put", path="/tmp/../nowhere/x", content=b"x" * 3_000_000).finals()
    called = salt.start("shell", argv=["sleep", "900"], timeout=300)
    assert eventually(lambda: len(left()) == len(salt.targets))
    called.running.cancel()
    called.finals()
    assert eventually(lambda: not left())


def test_output_larger_than_a_host_keeps_is_cut_there(one: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpcgate.engines.salt_shell.ROTATE", 3_000_000)
    text = "echo first; head -c 8000000 /dev/zero | tr '\\0' x; sleep 2.5; echo; echo last"
    event = one.one("script", text=text, output_limit=100_000)
    assert event.status is Status.OK
    assert event.size == 8_000_012
    assert event.output.startswith("first\nxxx")
    assert event.output.endswith("last\n")
    assert len(event.output) < 101_000


# ---- the inventory


def test_accepted_minions_are_told_with_their_grains(salt: Caller) -> None:
    adapter = salt.adapter
    assert isinstance(adapter, SaltAdapter)
    hosts = list(adapter.hosts())
    assert [host.name for host in hosts] == sorted(salt.targets.names)
    facts = hosts[0].facts
    assert facts["kernel"] == os.uname().release
    assert facts["hostname"] == os.uname().nodename
    assert facts["cpus"] == os.cpu_count()
    assert 1 << 28 < facts["memory_bytes"] < 1 << 50
    assert isinstance(facts["addresses"], list)


def test_minions_are_asked_in_batches(salt_fleet: SaltFleet, tmp_path: Path) -> None:
    patient = {**salt_fleet.table, "batch": 1, "concurrency": 3}
    adapter = SaltAdapter.from_config(patient, tmp_path)
    targets = Targets(tuple(salt_fleet.target(index) for index in range(4)))
    try:
        finals = Caller(adapter, targets).start("shell", argv=["echo", "x"]).finals()
    finally:
        adapter.close()
    assert [(event.reason, event.output) for event in finals.values()] == [("", "x\n")] * 4


def test_two_names_of_one_minion_are_two_hosts(salt_fleet: SaltFleet, tmp_path: Path) -> None:
    adapter = SaltAdapter.from_config({**salt_fleet.table, "id": "address"}, tmp_path)
    names = [Target("a", salt_fleet.names[0]), Target("b", salt_fleet.names[0])]
    try:
        finals = Caller(adapter, Targets(tuple(names))).start("shell", argv=["echo", "x"]).finals()
    finally:
        adapter.close()
    assert [(event.status, event.output) for event in finals.values()] == [(Status.OK, "x\n")] * 2
    assert isinstance(finals["a"], Event)
