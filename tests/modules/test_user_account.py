"""user_account by Ansible and by Salt, with real accounts of this machine."""

import grp
import os
import pwd
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rpcgate.engines.ansible import AnsibleAdapter
from sdk import Event, ParamError, Status, Targets, parse
from tests.fleet.sshd import Fleet
from tests.modules.conftest import EngineRunner, loaded

pytestmark = [pytest.mark.sshd, pytest.mark.ansible, pytest.mark.salt]
BOTH = pytest.mark.parametrize("engine", ["ansible", "salt"])


@pytest.fixture
def name() -> Iterator[str]:
    """Give a name that no account has."""
    name = f"omt{secrets.token_hex(4)}"
    yield name
    subprocess.run(["userdel", "-r", name], check=False, capture_output=True)


def one(run: EngineRunner, engine: str, **raw: Any) -> Event:
    (event,) = run.by(engine)("user_account", **raw).values()
    assert event.engine == engine
    return event


def expiry(name: str) -> str:
    said = subprocess.run(["getent", "shadow", name], capture_output=True, text=True, check=True).stdout
    return said.split(":")[7]


def there(name: str) -> bool:
    return subprocess.run(["id", name], capture_output=True, check=False).returncode == 0


@BOTH
def test_an_account_is_made_as_asked_and_once(run_by_both: EngineRunner, engine: str, name: str) -> None:
    asked: dict[str, Any] = {
        "name": name,
        "groups": ["users", "games"],
        "shell": "/bin/sh",
        "home": f"/home/{name}-home",
        "comment": 'Ann O\'Neil "{{ 1 + 1 }}" $(id) *',
    }
    dry = one(run_by_both, engine, check=True, **asked)
    assert (dry.status, dry.output) == (Status.CHANGED, f"{name} would be present.\n")
    assert not there(name)
    event = one(run_by_both, engine, **asked)
    assert (event.status, event.output) == (Status.CHANGED, f"{name} is now present.\n")
    made = pwd.getpwnam(name)
    assert (made.pw_shell, made.pw_dir, made.pw_gecos.rstrip(",")) == (
        asked["shell"],
        asked["home"],
        asked["comment"],
    )
    assert made.pw_uid >= 1000
    assert Path(made.pw_dir).is_dir()
    assert {group.gr_name for group in grp.getgrall() if name in group.gr_mem} == {"users", "games"}
    event = one(run_by_both, engine, **asked)
    assert (event.status, event.output) == (Status.OK, f"{name} is already present.\n")


@BOTH
def test_what_is_not_filled_in_stays(run_by_both: EngineRunner, engine: str, name: str) -> None:
    subprocess.run(["useradd", "-m", "-s", "/bin/sh", "-c", "Ann", "-G", "games", "-e", "2040-01-01", name], check=True)
    before = pwd.getpwnam(name), expiry(name)
    assert one(run_by_both, engine, name=name).status is Status.OK
    assert (pwd.getpwnam(name), expiry(name)) == before
    event = one(run_by_both, engine, name=name, groups=["users"], home="/home/elsewhere")
    assert event.status is Status.CHANGED
    assert {group.gr_name for group in grp.getgrall() if name in group.gr_mem} == {"users", "games"}
    assert (pwd.getpwnam(name), expiry(name)) == before


@BOTH
def test_locked_lets_nobody_in_and_unlocked_does_again(run_by_both: EngineRunner, engine: str, name: str) -> None:
    subprocess.run(["useradd", "-m", "-p", "*", name], check=True)
    dry = one(run_by_both, engine, check=True, name=name, state="locked")
    assert (dry.status, expiry(name)) == (Status.CHANGED, "")
    event = one(run_by_both, engine, name=name, state="locked")
    assert (event.status, event.output, expiry(name)) == (Status.CHANGED, f"{name} is now locked.\n", "1")
    assert one(run_by_both, engine, name=name, state="locked").status is Status.OK
    late = subprocess.run(["chage", "-l", name], capture_output=True, text=True, check=True, env={"LC_ALL": "C"})
    assert "Jan 02, 1970" in late.stdout
    assert one(run_by_both, engine, name=name, state="unlocked").status is Status.CHANGED
    assert expiry(name) in ("", "-1")
    assert one(run_by_both, engine, name=name, state="unlocked").status is Status.OK


@BOTH
def test_a_removed_accounts_home_stays_unless_asked_for(run_by_both: EngineRunner, engine: str, name: str) -> None:
    for remove in (False, True):
        subprocess.run(["useradd", "-m", name], check=True, capture_output=True)
        home = Path(f"/home/{name}")
        dry = one(run_by_both, engine, check=True, name=name, state="absent", remove_home=remove)
        assert (dry.status, there(name)) == (Status.CHANGED, True)
        event = one(run_by_both, engine, name=name, state="absent", remove_home=remove)
        assert (event.status, event.output) == (Status.CHANGED, f"{name} is now absent.\n")
        assert (there(name), home.exists()) == (False, not remove)
    again = one(run_by_both, engine, name=name, state="absent")
    assert (again.status, again.output) == (Status.OK, f"There is no account {name}.\n")


@BOTH
@pytest.mark.parametrize("state", ["locked", "unlocked"])
def test_what_is_not_there_is_neither_locked_nor_made(
    run_by_both: EngineRunner, engine: str, name: str, state: str
) -> None:
    event = one(run_by_both, engine, name=name, state=state)
    assert (event.status, event.reason, there(name)) == (Status.FAILED, f"There is no account {name}.", False)


@BOTH
def test_a_group_that_is_not_there_is_a_failure_that_names_it(
    run_by_both: EngineRunner, engine: str, name: str
) -> None:
    event = one(run_by_both, engine, name=name, groups=["no-such-group"])
    assert (event.status, "no-such-group" in event.reason) == (Status.FAILED, True)


@BOTH
@pytest.mark.parametrize("state", ["present", "locked", "absent"])
def test_root_and_the_systems_accounts_are_not_touched(run_by_both: EngineRunner, engine: str, state: str) -> None:
    before = Path("/etc/passwd").read_text(), Path("/etc/shadow").read_text()
    for name, words in (("root", "has the uid 0"), ("daemon", "belongs to the system"), ("nobody", "belongs")):
        for meant in {False, name == "root"}:
            event = one(run_by_both, engine, name=name, state=state, system_account=meant)
            assert (event.status, words in event.reason) == (Status.FAILED, True)
    assert (Path("/etc/passwd").read_text(), Path("/etc/shadow").read_text()) == before


@BOTH
def test_an_account_of_the_system_is_touched_when_that_is_meant(
    run_by_both: EngineRunner, engine: str, name: str
) -> None:
    subprocess.run(["useradd", "-r", name], check=True)
    assert one(run_by_both, engine, name=name, state="absent").status is Status.FAILED
    assert one(run_by_both, engine, name=name, state="absent", system_account=True).status is Status.CHANGED


def test_the_account_that_a_task_logs_in_with_is_neither_locked_nor_removed() -> None:
    own = pwd.getpwuid(os.getuid()).pw_name
    guard = ["sh", "-c", loaded("user_account").GUARD.replace("-eq 0", "-eq -7"), "-", own, "absent", "yes"]
    said = subprocess.run(guard, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (
        1,
        f"this task runs as {own}; without it the server could not be reached\n",
    )
    by_sudo = {**os.environ, "SUDO_USER": "games"}
    guard[-3:] = ["games", "locked", "yes"]
    assert subprocess.run(guard, capture_output=True, env=by_sudo, check=False).returncode == 1


def test_both_engines_at_once_give_each_server_its_result(run_by_both: EngineRunner, name: str) -> None:
    events = run_by_both("user_account", name=name, state="absent")
    assert {event.status for event in events.values()} == {Status.OK}
    assert len(events) == 2


@pytest.mark.parametrize(
    "raw",
    [
        *({"name": name} for name in ("Root", "-r", "a b", "a;id", "$(id)", "a\nb", "a:b", "../x", "", "a'b", "*")),
        *({"groups": [group]} for group in ("a,b", "-G", "a b", "$(id)")),
        *({"shell": shell} for shell in ("bash", "/bin/sh;id", "/bin/a b", "/bin/sh\n", "/")),
        *({"home": home} for home in ("home", "/home/../etc", "/a b", "/home/x:y", "/..", "/home/./x")),
        *({"comment": comment} for comment in ("a:b", "a,b", "a\nroot::0:0::/:/bin/sh")),
        {"state": "deleted"},
    ],
)
def test_what_would_break_the_accounts_line_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(ParamError):
        parse(loaded("user_account").Params, {"name": "ann", **raw})


@pytest.mark.parametrize("check", [True, False])
def test_a_plain_account_is_told_that_it_takes_root_in_a_dry_run_too(
    fleet: Fleet, tmp_path: Path, name: str, check: bool
) -> None:
    adapter = AnsibleAdapter.from_config(fleet.table, tmp_path)
    target = replace(fleet.target(0), by="ansible")
    event = one(EngineRunner({"ansible": adapter}, Targets((target,))), "ansible", check=check, name=name)
    adapter.close()
    assert event.status is Status.FAILED
    assert event.reason == f"Changing accounts takes root; {target.user} is not."
    assert not there(name)
