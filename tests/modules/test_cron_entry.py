"""cron_entry on real hosts, with their real crontab."""

import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sdk import ParamError, Status, parse
from tests.modules.conftest import Runner, loaded

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.skipif(os.geteuid() != 0, reason="an account is made for these tests, which takes root"),
]
EVERY = {"schedule": "*/5 2 * jan,Mar mon-fri", "command": "date +%F >> '/tmp/a b' && echo \"$HOME\" # *"}
LINE = "*/5 2 * jan,Mar mon-fri {}date +\\%F >> '/tmp/a b' && echo \"$HOME\" # *"
has_crontab = pytest.mark.skipif(not shutil.which("crontab"), reason="there is no crontab; install cron")


@pytest.fixture
def account() -> Iterator[str]:
    """Make an account."""
    name = f"omt{secrets.token_hex(4)}"
    subprocess.run(["useradd", "-m", name], check=True)
    yield name
    subprocess.run(["crontab", "-u", name, "-r"], check=False, capture_output=True)
    subprocess.run(["userdel", "-r", name], check=False, capture_output=True)


@pytest.fixture
def entry() -> Iterator[str]:
    """Give a name that no entry has."""
    name = f"test-{secrets.token_hex(4)}"
    yield name
    Path(f"/etc/cron.d/omserver-{name}").unlink(missing_ok=True)


def crontab(account: str, text: str | None = None) -> str:
    if text is not None:
        subprocess.run(["crontab", "-u", account, "-"], input=text, text=True, check=True)
    return subprocess.run(["crontab", "-u", account, "-l"], capture_output=True, text=True, check=False).stdout


@has_crontab
def test_an_entry_comes_into_cron_d_once(run_as_root: Runner, entry: str) -> None:
    event = run_as_root("cron_entry", name=entry, **EVERY)["host0"]
    line = LINE.format("root ")
    assert (event.status, event.output) == (Status.CHANGED, f"It is now: {line}\n")
    path = Path(f"/etc/cron.d/omserver-{entry}")
    assert path.read_text() == f"# OMServer begin {entry}\n{line}\n# OMServer end {entry}\n"
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o644, 0)
    event = run_as_root("cron_entry", name=entry, **EVERY)["host0"]
    assert (event.status, event.output) == (Status.OK, f"As it should be already: {line}\n")
    assert [found.name for found in Path("/etc/cron.d").iterdir() if entry in found.name] == [path.name]


@has_crontab
def test_an_entry_of_cron_d_goes_away(run_as_root: Runner, entry: str) -> None:
    run_as_root("cron_entry", name=entry, **EVERY)
    event = run_as_root("cron_entry", name=entry, state="absent")["host0"]
    assert (event.status, event.output) == (Status.CHANGED, f"It is now: {entry} is absent\n")
    assert not Path(f"/etc/cron.d/omserver-{entry}").exists()
    assert run_as_root("cron_entry", name=entry, state="absent")["host0"].status is Status.OK


@has_crontab
def test_an_accounts_crontab_keeps_what_others_wrote(run_as_root: Runner, account: str, entry: str) -> None:
    others = "# mine\nMAILTO=\"\"\n1 1 * * * echo 'mine' %x\n"
    crontab(account, others)
    at: dict[str, Any] = {"name": entry, "place": "crontab", "account": account}
    assert run_as_root("cron_entry", **at, **EVERY)["host0"].status is Status.CHANGED
    ours = f"# OMServer begin {entry}\n{LINE.format('')}\n# OMServer end {entry}\n"
    assert crontab(account) == others + ours
    crontab(account, crontab(account) + "2 2 * * * later\n")
    changed = run_as_root("cron_entry", **at, schedule="@daily", command="true")["host0"]
    assert changed.status is Status.CHANGED
    assert crontab(account) == others + ours.replace(LINE.format(""), "@daily true") + "2 2 * * * later\n"
    assert run_as_root("cron_entry", **at, schedule="@daily", command="true")["host0"].status is Status.OK
    assert run_as_root("cron_entry", **at, state="absent")["host0"].status is Status.CHANGED
    assert crontab(account) == others + "2 2 * * * later\n"


@has_crontab
def test_an_account_may_change_its_own_crontab(run: Runner, entry: str) -> None:
    at: dict[str, Any] = {"name": entry, "place": "crontab", "account": run.targets[0].user}
    event = run("cron_entry", check=True, **at, **EVERY)["host0"]
    assert (event.status, event.output) == (Status.CHANGED, f"It would be: {LINE.format('')}\n")
    assert entry not in crontab(str(run.targets[0].user))
    event = run("cron_entry", name=entry, place="crontab", **EVERY)["host0"]
    assert event.status is Status.FAILED
    assert entry not in crontab("root")


@has_crontab
def test_an_entry_whose_end_is_missing_is_left_to_a_person(run_as_root: Runner, account: str, entry: str) -> None:
    broken = f"# OMServer begin {entry}\n1 1 * * * mine\n"
    crontab(account, broken)
    event = run_as_root("cron_entry", name=entry, place="crontab", account=account, **EVERY)["host0"]
    assert (event.status, "without its end" in event.reason) == (Status.FAILED, True)
    assert crontab(account) == broken


def test_a_crontab_that_cannot_be_read_is_not_taken_for_an_empty_one(run: Runner) -> None:
    script = "crontab() { case $* in *-l) echo 'disk on fire' >&2; return 1;; *) echo WRITTEN;; esac; }\n"
    script += loaded("cron_entry").SCRIPT
    event = run("run_script", text=script, args=["crontab", "x", str(run.targets[0].user), "@daily true", ""])["host0"]
    assert (event.status, event.output) == (Status.FAILED, "disk on fire\n")


def test_busyboxes_awk_and_crontab_do_the_same(run_on_busybox: Runner, entry: str) -> None:
    user = str(run_on_busybox.targets[0].user)
    event = run_on_busybox("cron_entry", check=True, name=entry, place="crontab", account=user, **EVERY)["host0"]
    # Debian's busybox has no crontab
    assert event.reason == "this server has no crontab; is cron installed?" or event.status is Status.CHANGED


def test_an_entry_of_an_account_that_is_gone_can_be_taken_out(run_as_root: Runner, entry: str) -> None:
    path = Path(f"/etc/cron.d/omserver-{entry}")
    path.write_text("@yearly gone true\n")
    run_as_root("cron_entry", name=entry, account="gone", state="absent")
    assert not path.exists()


def test_an_account_that_is_not_there_is_named(run_as_root: Runner, entry: str) -> None:
    event = run_as_root("cron_entry", name=entry, account="no-such", **EVERY)["host0"]
    assert event.reason == "there is no account no-such"


@pytest.mark.parametrize(
    "schedule",
    ["* * * * *", "0,30 0-23/2 1 dec sun", "*/15 * * * 7", "@reboot", "@daily", "1-5,7 4 31 12 6", "5 4 * * SAT"],
)
@has_crontab
def test_schedules_that_cron_takes_are_taken(account: str, schedule: str) -> None:
    assert loaded("cron_entry").schedule_fault(schedule) == ""
    assert f"{schedule} true" in crontab(account, f"{schedule} true\n")


@has_crontab
@pytest.mark.parametrize(
    "schedule",
    [
        *("60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "* * * *", "*/0 * * * *"),
        *("@sometimes", "a * * * *", "1, * * * *", "* * * * mo", "-1 * * * *"),
    ],
)
def test_schedules_that_cron_refuses_are_refused(account: str, schedule: str) -> None:
    assert loaded("cron_entry").schedule_fault(schedule)
    command = ["crontab", "-u", account, "-"]
    real = subprocess.run(command, input=f"{schedule} true\n", text=True, check=False, capture_output=True)
    assert real.returncode != 0


@pytest.mark.parametrize("schedule", ["5-1 * * * *", "1-2-3 * * * *", "* * * * * *", "5/10 * * * *", "", "٣ * * * *"])
def test_what_cron_takes_for_something_else_is_refused(schedule: str) -> None:
    assert loaded("cron_entry").schedule_fault(schedule)


@pytest.mark.parametrize(
    "raw",
    [
        {"name": "../x"},
        {"name": "a b"},
        {"name": "-x"},
        {"name": "a\nb"},
        {"name": "a.b"},
        {"account": "a;id"},
        {"account": "-u"},
        {"schedule": "* * * * *\n* * * * * root id"},
        {"schedule": "$(id) * * * *"},
        {"command": "a\nb"},
        {"command": " "},
        {"command": "a\tb\x7f"},
        {"schedule": ""},
    ],
)
def test_what_would_break_the_line_is_refused(raw: dict[str, str]) -> None:
    with pytest.raises(ParamError):
        parse(loaded("cron_entry").Params, {"name": "x", **EVERY, **raw})


def test_a_percent_that_is_escaped_already_stays(run: Runner) -> None:
    params = parse(loaded("cron_entry").Params, {"name": "x", "schedule": "@daily", "command": r"date +\%F %a"})
    assert params.line() == r"@daily root date +\%F \%a"


@pytest.mark.parametrize("check", [True, False])
def test_a_plain_account_is_told_what_it_may_not_change_in_a_dry_run_too(
    run: Runner, account: str, entry: str, check: bool
) -> None:
    event = run("cron_entry", check=check, name=entry, **EVERY)["host0"]
    assert event.status is Status.FAILED
    assert event.reason.startswith("/etc/cron.d may not be written by ")
    event = run("cron_entry", check=check, name=entry, place="crontab", account=account, **EVERY)["host0"]
    assert (event.status, "another account's takes root" in event.reason) == (Status.FAILED, True)
