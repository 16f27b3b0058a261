"""ssh_key on a real host: sshd itself says whether a key opens an account."""

import os
import pwd
import secrets
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdk import ParamError, Status
from tests.modules.conftest import Runner

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.skipif(os.geteuid() != 0, reason="an account is made for these tests, which takes root"),
]


@pytest.fixture
def account() -> Iterator[str]:
    """Make an account with a home."""
    name = f"omt{secrets.token_hex(4)}"
    subprocess.run(["useradd", "-m", "-s", "/usr/sbin/nologin", name], check=True)
    yield name
    subprocess.run(["userdel", "-r", name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make a key; give the line of its .pub file."""
    path = tmp_path_factory.mktemp("key") / "id"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", 'ann\'s "key" $(id) *', "-f", str(path)]
    subprocess.run(command, check=True)
    return path.with_suffix(".pub").read_text().strip()


def keys_of(account: str) -> Path:
    return Path(pwd.getpwnam(account).pw_dir) / ".ssh" / "authorized_keys"


def test_a_key_is_added_with_the_accounts_owner_and_modes(run_as_root: Runner, account: str, key: str) -> None:
    event = run_as_root("ssh_key", account=account, key=key)["host0"]
    assert (event.status, event.output) == (Status.CHANGED, f"{account}: the key is now present.\n")
    path = keys_of(account)
    assert path.read_text() == key + "\n"
    for at, mode in ((path, 0o600), (path.parent, 0o700)):
        assert (stat.S_IMODE(at.stat().st_mode), at.stat().st_uid) == (mode, pwd.getpwnam(account).pw_uid)
    assert [entry.name for entry in path.parent.iterdir()] == ["authorized_keys"]


def test_repeating_it_changes_nothing(run_as_root: Runner, account: str, key: str) -> None:
    run_as_root("ssh_key", account=account, key=key)
    event = run_as_root("ssh_key", account=account, key=" ".join(key.split()[:2]))["host0"]
    assert (event.status, event.output) == (Status.OK, f"{account}: the key is present already.\n")
    assert keys_of(account).read_text() == key + "\n"


def test_other_lines_stay_as_they_are(run_as_root: Runner, account: str, key: str) -> None:
    others = '# a comment\n\nfrom="10.0.0.0/8",command="echo hi" ssh-rsa AAAAother bob\n  odd   spaces\nno end'
    run_as_root("ssh_key", account=account, key=key)
    keys_of(account).write_text(others)
    assert run_as_root("ssh_key", account=account, key=key)["host0"].status is Status.CHANGED
    assert keys_of(account).read_text() == f"{others}\n{key}\n"
    event = run_as_root("ssh_key", account=account, key=key, state="absent")["host0"]
    assert (event.status, event.output) == (Status.CHANGED, f"{account}: the key is now absent.\n")
    assert keys_of(account).read_text() == f"{others}\n"


def test_a_key_behind_options_is_found_and_taken_out(run_as_root: Runner, account: str, key: str) -> None:
    run_as_root("ssh_key", account=account, key=key)
    keys_of(account).write_text(f'command="a b" {key}\n')
    assert run_as_root("ssh_key", account=account, key=key)["host0"].status is Status.OK
    run_as_root("ssh_key", account=account, key=key, state="absent")
    assert keys_of(account).read_text() == ""
    assert run_as_root("ssh_key", account=account, key=key, state="absent")["host0"].status is Status.OK


def test_modes_that_sshd_would_refuse_are_put_right(run_as_root: Runner, account: str, key: str) -> None:
    run_as_root("ssh_key", account=account, key=key)
    keys_of(account).chmod(0o666)
    assert run_as_root("ssh_key", account=account, key=key)["host0"].status is Status.CHANGED
    assert stat.S_IMODE(keys_of(account).stat().st_mode) == 0o600


def test_a_dry_run_says_what_would_change_and_changes_nothing(run_as_root: Runner, account: str, key: str) -> None:
    event = run_as_root("ssh_key", check=True, account=account, key=key)["host0"]
    assert (event.status, event.output) == (Status.CHANGED, f"{account}: the key would be present.\n")
    assert not keys_of(account).parent.exists()


def test_a_link_laid_by_the_account_leads_nowhere(run_as_root: Runner, account: str, key: str, tmp_path: Path) -> None:
    victim = tmp_path / "shadow"
    victim.write_text("root:x\n")
    home = keys_of(account).parent.parent
    (home / ".ssh").symlink_to(tmp_path)
    event = run_as_root("ssh_key", account=account, key=key)["host0"]
    assert (event.status, "is a link" in event.reason) == (Status.FAILED, True)
    (home / ".ssh").unlink()
    (home / ".ssh").mkdir(mode=0o777)
    (home / ".ssh" / "authorized_keys").symlink_to(victim)
    assert run_as_root("ssh_key", account=account, key=key)["host0"].status is Status.FAILED
    assert victim.read_text() == "root:x\n"


def test_a_file_that_root_keeps_there_is_left_to_a_person(run_as_root: Runner, account: str, key: str) -> None:
    run_as_root("ssh_key", account=account, key=key)
    os.chown(keys_of(account), 0, 0)
    keys_of(account).chmod(0o644)
    event = run_as_root("ssh_key", account=account, key=key, state="absent")["host0"]
    assert (event.status, "no plain file" in event.reason) == (Status.FAILED, True)
    assert keys_of(account).read_text() == key + "\n"


def test_another_accounts_keys_are_refused_to_a_plain_one(run: Runner, account: str, key: str) -> None:
    event = run("ssh_key", account=account, key=key)["host0"]
    assert (event.status, f"may not change the keys of {account}" in event.reason) == (Status.FAILED, True)


def test_an_account_that_is_not_there_is_named(run_as_root: Runner, key: str) -> None:
    assert run_as_root("ssh_key", account="no-such", key=key)["host0"].reason == "there is no account no-such"


def test_an_account_without_a_home_is_named(run_as_root: Runner, account: str, key: str) -> None:
    keys_of(account).parent.parent.rename(f"/tmp/{account}")
    assert run_as_root("ssh_key", account=account, key=key)["host0"].reason == f"{account} has no home folder"
    Path(f"/tmp/{account}").rename(keys_of(account).parent.parent)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 !!!!",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        'command="id" ssh-ed25519 AAAA',
        "ssh-dss AAAAB3NzaC1kc3MAAACBA",
        "-n AAAA",
    ],
)
def test_a_text_that_is_no_public_key_is_refused(run_as_root: Runner, wrong: str) -> None:
    with pytest.raises(ParamError):
        run_as_root("ssh_key", account="root", key=wrong)


def test_a_key_of_another_kind_than_it_says_is_refused(run_as_root: Runner, key: str) -> None:
    with pytest.raises(ParamError, match="another kind"):
        run_as_root("ssh_key", account="root", key=key.replace("ssh-ed25519", "ssh-rsa", 1))
    with pytest.raises(ParamError, match="one line"):
        run_as_root("ssh_key", account="root", key=f"{key}\nssh-rsa AAAA")


@pytest.mark.parametrize("name", ["-r", "a b", "a;id", "$(id)", "../x", "a\nb", "~root", "a'b", "*"])
def test_a_name_that_is_no_accounts_is_refused(run_as_root: Runner, key: str, name: str) -> None:
    with pytest.raises(ParamError, match="account"):
        run_as_root("ssh_key", account=name, key=key)
