"""What breaks around the engine salt: keys, the Salt master, the process that speaks to it, a configuration."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpcgate.config import ConfigError
from rpcgate.engines.salt import SaltAdapter
from sdk import Status, Target, Targets
from tests.fleet.salt import SaltFleet, make_key, start_salt
from tests.rpcgate.engines.calls import Caller, eventually

pytestmark = pytest.mark.salt


@pytest.fixture(scope="module")
def own() -> Iterator[SaltFleet]:
    """Give a fleet whose master may be stopped."""
    with start_salt(2) as started:
        yield started


@pytest.fixture
def caller(own: SaltFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    monkeypatch.setattr("rpcgate.engines.salt_jobs.STILL", 0.0)
    adapter = SaltAdapter.from_config(own.impatient, tmp_path)
    yield Caller(adapter, Targets((own.target(0), own.target(1))))
    adapter.close()


def salt_process(caller: Caller) -> int:
    """Give the pid of the process that speaks to Salt."""
    adapter = caller.adapter
    assert isinstance(adapter, SaltAdapter)
    pid = adapter.carrier.jobs().link.pid
    assert pid
    return pid


def test_a_minion_whose_key_is_not_accepted_is_named_with_what_to_do(own: SaltFleet, caller: Caller) -> None:
    make_key(own.folder / "stranger" / "pki")
    own.start_minion("stranger")
    try:
        waiting = own.config / "pki" / "minions_pre" / "stranger"
        assert eventually(waiting.exists, 60)
        finals = caller.on(Target("stranger"), own.target(0)).start("shell", argv=["echo", "x"]).finals()
    finally:
        own.kill("stranger")
    assert finals["minion0"].output == "x\n"
    event = finals["stranger"]
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
    assert event.reason == (
        "The Salt master has not accepted the key of stranger; compare it (salt-key -f stranger), then accept it"
        " (salt-key -a stranger)."
    )


def test_the_process_that_speaks_to_salt_may_die_and_nobody_notices(
    own: SaltFleet, caller: Caller, tmp_path: Path
) -> None:
    text = f"echo >>{tmp_path}/begun; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done; echo survived"
    called = caller.start("script", text=text, timeout=300)
    assert eventually(lambda: lines(tmp_path / "begun") == 2)
    before = salt_process(caller)
    os.kill(before, signal.SIGKILL)
    (tmp_path / "go").touch()
    assert {event.output for event in called.finals().values()} == {"survived\n"}
    assert lines(tmp_path / "begun") == 2
    assert caller.one("shell", argv=["echo", "again"]).output == "again\n"
    assert salt_process(caller) != before


def lines(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


def test_the_process_ends_with_the_engine(caller: Caller) -> None:
    caller.one("shell", argv=["true"])
    pid = salt_process(caller)
    caller.adapter.close()
    assert not Path(f"/proc/{pid}").exists()


def test_a_salt_master_that_is_down_is_told_at_once_and_one_that_is_back_is_used(
    own: SaltFleet, caller: Caller
) -> None:
    assert caller.one("shell", argv=["echo", "x"]).output == "x\n"
    own.kill("master")
    try:
        finals = caller.start("shell", argv=["echo", "x"], timeout=600).finals()  # long before that
        adapter = caller.adapter
        assert isinstance(adapter, SaltAdapter)
        adapter.carrier.jobs().forget_who_is_there()
        pinged = caller.one("shell", argv=["echo", "x"], timeout=60)
    finally:
        own.start_master()
    for event in [*finals.values(), pinged]:
        assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
        assert event.reason.startswith("No Salt master answers on 127.0.0.1 port ")
        assert "systemctl start salt-master" in event.reason
    own.wait_for(*own.names)
    assert {event.output for event in caller.start("shell", argv=["echo", "y"]).finals().values()} == {"y\n"}


def test_a_command_outlives_a_salt_master_that_is_started_anew(own: SaltFleet, caller: Caller, tmp_path: Path) -> None:
    text = f"echo >>{tmp_path}/begun; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done; echo survived"
    called = caller.start("script", text=text, timeout=300)
    assert eventually(lambda: lines(tmp_path / "begun") == 2)
    own.kill("master")
    own.start_master()
    own.wait_for(*own.names)
    (tmp_path / "go").touch()
    assert called.running.wait(90)
    assert {event.output for event in called.finals().values()} == {"survived\n"}
    assert lines(tmp_path / "begun") == 2


def test_a_frozen_salt_master_holds_nobody_for_ever(own: SaltFleet, caller: Caller) -> None:
    assert caller.one("shell", argv=["echo", "x"]).output == "x\n"
    adapter = caller.adapter
    assert isinstance(adapter, SaltAdapter)
    adapter.carrier.jobs().forget_who_is_there()
    own.pause("master")
    try:
        event = caller.one("shell", argv=["echo", "x"], timeout=60)
    finally:
        own.resume("master")
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
    assert event.reason.startswith("The Salt master ")
    own.wait_for(*own.names)


def test_a_dead_minion_is_unreachable_and_delays_nobody(own: SaltFleet, caller: Caller) -> None:
    assert caller.start("shell", argv=["true"]).finals()
    own.kill("minion1")
    try:
        called = caller.start("shell", argv=["echo", "x"], timeout=600)
        assert called.first().host == "minion0"
        at_work = called.finals()["minion1"]  # long before the deadline
        event = caller.on(own.target(1)).one("shell", argv=["echo", "x"])
    finally:
        own.start_minion("minion1")
        own.wait_for("minion1")
    assert at_work.status is Status.UNREACHABLE
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)


def test_without_its_folder_the_engine_says_what_to_do(tmp_path: Path) -> None:
    adapter = SaltAdapter.from_config({"config": str(tmp_path / "none")}, tmp_path)
    assert adapter.usable() == (
        f"{tmp_path}/none/master is not there; this master must run on the machine of the Salt master, and"
        " engines.salt.config must name the folder of its configuration."
    )
    event = Caller(adapter, Targets((Target("a"),))).one("shell", argv=["true"])
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
    assert "is not there" in event.reason
    adapter.close()


def test_a_configuration_that_salt_cannot_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "master").write_text("a: [\n")
    adapter = SaltAdapter.from_config({"config": str(tmp_path)}, tmp_path)
    event = Caller(adapter, Targets((Target("a"),))).one("shell", argv=["true"])
    adapter.close()
    assert (event.status, event.untouched) == (Status.UNREACHABLE, True)
    assert str(tmp_path) in event.reason


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"conf": "/etc/salt"}, "engines.salt.conf is no key"),
        ({"config": 1}, "engines.salt.config"),
        ({"id": "ip"}, 'write "name" or "address"'),
        ({"gather": 0}, "engines.salt.gather"),
        ({"batch": "many"}, "engines.salt.batch"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, table: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        SaltAdapter.from_config(table, tmp_path)


def test_the_engine_imports_nothing_of_salt() -> None:
    code = "import sys, rpcgate.engines.salt; sys.exit(any(name.split('.')[0] == 'salt' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
