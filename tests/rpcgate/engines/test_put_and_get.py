"""What put promises beside the content: owner, mode, backup, checksum, dry run; with each kind of shell and tools."""

import grp
import hashlib
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcgate.engines import remote_files
from rpcgate.engines.remote_files import Sums
from sdk import Status
from tests.fleet.sshd import plain_account
from tests.rpcgate.engines.calls import Caller

BACKUP = re.compile(r"x\.\d{8}-\d{6}\.bak")
TOOLS = (
    "sh cat cmp cp mv ln rm rmdir ls awk cut head tail tr wc date id mktemp readlink chmod chown chgrp grep sleep"
    " getent"
)
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
real_host = pytest.mark.sshd


def names(folder: Path) -> list[str]:
    """Give what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


# ---- on real hosts, by each engine with a shell


@real_host
def test_without_a_mode_a_new_file_gets_0644_and_an_old_one_keeps_its_own(engine: Caller, folder: Path) -> None:
    file = folder / "x"
    engine.one("put", path=str(file), content=b"one")
    assert file.stat().st_mode & 0o7777 == 0o644
    file.chmod(0o4750)
    engine.one("put", path=str(file), content=b"two")
    assert (file.read_bytes(), file.stat().st_mode & 0o7777) == (b"two", 0o4750)


@real_host
def test_a_backup_is_the_old_file_with_its_mode(engine: Caller, folder: Path) -> None:
    file = folder / "x"
    first = engine.one("put", path=str(file), content=b"old", mode=0o640, backup=True)
    assert first.data == {"backup": ""}
    event = engine.one("put", path=str(file), content=b"new", mode=0o600, backup=True)
    kept = Path(event.data["backup"])
    assert (event.status, kept.parent, bool(BACKUP.fullmatch(kept.name))) == (Status.CHANGED, folder, True)
    assert (kept.read_bytes(), kept.stat().st_mode & 0o7777) == (b"old", 0o640)
    assert (file.read_bytes(), file.stat().st_mode & 0o7777) == (b"new", 0o600)
    assert str(kept) in event.output


@real_host
def test_an_equal_file_needs_no_backup(engine: Caller, folder: Path) -> None:
    file = folder / "x"
    engine.one("put", path=str(file), content=b"same", mode=0o640)
    event = engine.one("put", path=str(file), content=b"same", mode=0o600, backup=True)
    assert (event.status, event.data, names(folder)) == (Status.CHANGED, {"backup": ""}, ["x"])


@real_host
def test_backups_are_never_overwritten(engine: Caller, folder: Path) -> None:
    file = folder / "x"
    kept = []
    for number in range(4):
        event = engine.one("put", path=str(file), content=b"%d" % number, backup=True)
        kept.append(event.data["backup"])
    assert [Path(path).read_bytes() for path in kept[1:]] == [b"0", b"1", b"2"]


@real_host
def test_a_dry_run_says_mode_and_owner_and_changes_nothing(engine: Caller, folder: Path) -> None:
    file = folder / "x"
    engine.one("put", path=str(file), content=b"old", mode=0o640)
    before = file.stat()
    event = engine.one("put", path=str(file), content=b"new", mode=0o600, backup=True, check=True)
    assert (event.status, event.output) == (Status.CHANGED, f"{file} would change.\nmode 0640 -> 0600\n")
    after = file.stat()
    assert (names(folder), file.read_bytes()) == (["x"], b"old")
    assert (after.st_mode, after.st_mtime_ns, after.st_ino) == (before.st_mode, before.st_mtime_ns, before.st_ino)


@real_host
def test_a_mode_alone_differs_in_a_dry_run(engine: Caller, folder: Path) -> None:
    file = folder / "x"
    engine.one("put", path=str(file), content=b"same", mode=0o640)
    event = engine.one("put", path=str(file), content=b"same", mode=0o600, check=True)
    assert (event.status, event.output) == (Status.CHANGED, f"{file} would change.\nmode 0640 -> 0600\n")


@real_host
@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"owner": "no-such-one"}, "there is no account no-such-one"),
        ({"group": "no-such-group"}, "there is no group no-such-group"),
        ({"owner": "-R"}, "no name of an account"),
        ({"owner": "root:root"}, "no name of an account"),
        ({"group": "a\nb"}, "no name of an account"),
    ],
)
def test_an_unknown_owner_is_a_failure_that_says_so(
    engine: Caller, folder: Path, how: dict[str, str], word: str, *, check: bool
) -> None:
    event = engine.one("put", path=str(folder / "x"), content=b"x", check=check, **how)
    assert (event.status, word in event.reason, names(folder)) == (Status.FAILED, True, [])


@real_host
@only_root
@pytest.mark.parametrize("check", [False, True])
def test_who_may_not_give_a_file_away_is_told(ssh: Caller, folder: Path, *, check: bool) -> None:
    event = ssh.one("put", path=str(folder / "x"), content=b"x", owner="root", check=check)
    assert (event.status, "to root" in event.reason, names(folder)) == (Status.FAILED, True, [])


@only_root
def test_root_gives_a_file_to_an_owner_and_a_group(local: Caller, folder: Path) -> None:
    file, account = folder / "x", plain_account()
    uid, gid = pwd.getpwnam(account).pw_uid, grp.getgrnam("daemon").gr_gid
    event = local.one("put", path=str(file), content=b"x", owner=account, group="daemon", mode=0o4755)
    assert event.status is Status.CHANGED
    assert (file.stat().st_uid, file.stat().st_gid, file.stat().st_mode & 0o7777) == (uid, gid, 0o4755)
    again = local.one("put", path=str(file), content=b"x", owner=account, group=str(gid), mode=0o4755)
    assert again.status is Status.OK
    event = local.one("put", path=str(file), content=b"x", owner="root", check=True)
    assert event.output == f"{file} would change.\nmode 4755 -> 0755\nowner {uid} -> 0\n"
    assert local.one("put", path=str(file), content=b"x", owner="root").status is Status.CHANGED
    assert (file.stat().st_uid, file.stat().st_gid, file.stat().st_mode & 0o7777) == (0, gid, 0o755)


@only_root
@pytest.mark.parametrize("check", [True, False])
def test_an_owner_that_cannot_be_kept_is_said(ssh: Caller, folder: Path, *, check: bool) -> None:
    (folder / "x").write_bytes(b"roots")
    event = ssh.one("put", path=str(folder / "x"), content=b"new", check=check)
    mine = pwd.getpwnam(plain_account()).pw_uid
    assert (event.status, f"owner 0 -> {mine}" in event.output) == (Status.CHANGED, True)


@real_host
def test_what_is_no_plain_file_stays(engine: Caller, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    for name, word in (("pipe", "no plain file"), ("loop", "leads nowhere")):
        event = engine.one("put", path=str(folder / name), content=b"x")
        assert (event.status, word in event.reason) == (Status.FAILED, True)
    assert names(folder) == ["loop", "pipe"]


@real_host
def test_a_link_to_nothing_yet_makes_the_file_it_names(engine: Caller, folder: Path) -> None:
    (folder / "link").symlink_to("real")
    assert engine.one("put", path=str(folder / "link"), content=b"x").status is Status.CHANGED
    assert ((folder / "link").is_symlink(), (folder / "real").read_bytes()) == (True, b"x")


@real_host
@pytest.mark.parametrize("name", ["a\nb", "end\n", "-rf", "$(id)`id`'\"", "*", "ä 中"])
def test_any_name_has_its_backup(engine: Caller, folder: Path, name: str) -> None:
    file = folder / name
    engine.one("put", path=str(file), content=b"old")
    event = engine.one("put", path=str(file), content=b"new", backup=True)
    assert (event.status, file.read_bytes(), Path(event.data["backup"]).read_bytes()) == (
        Status.CHANGED,
        b"new",
        b"old",
    )
    assert len(names(folder)) == 2


# ---- the text itself, by each shell and with fewer tools than most hosts have


@dataclass(frozen=True)
class Shell:
    """A shell, and the folders in which it finds programs."""

    argv: tuple[str, ...]
    path: str

    def put(self, file: Path, content: bytes, sent: bytes | None = None, **how: object) -> tuple[int, str, str]:
        """Run the text; `sent` is what arrives instead of the content. Exit status, what it says, its complaint."""
        args = {"content": content, **how}
        words = remote_files.put_words(str(file), args, "MARK", check=bool(how.get("check")))
        done = subprocess.run(
            [*self.argv, *words[1:]],
            input=content if sent is None else sent,
            env={"PATH": self.path},
            capture_output=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(params=["dash", "bash", "busybox", "openssl", "cksum"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    """Give a shell; openssl and cksum: a host that has no other program to check a content by."""
    if request.param in ("dash", "bash"):
        program = shutil.which(request.param) or pytest.skip(f"this machine has no {request.param}")
        return Shell((program,), os.environ["PATH"])
    tools = tmp_path / "tools"
    tools.mkdir()
    if request.param == "busybox":
        program = shutil.which("busybox")
        assert program, "script/test brings busybox"
        subprocess.run([program, "--install", "-s", str(tools)], check=True)
        return Shell((str(tools / "sh"),), str(tools))
    for name in [*TOOLS.split(), request.param]:
        (tools / name).symlink_to(shutil.which(name) or pytest.skip(f"this machine has no {name}"))
    return Shell((str(tools / "sh"),), str(tools))


def test_each_shell_writes_and_backs_up(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "host" / "x"
    file.parent.mkdir()
    assert shell.put(file, b"one") == (0, "\nMARKchanged new\n", "")
    file.chmod(0o751)
    assert shell.put(file, b"one") == (0, "\nMARKsame\n", "")
    rc, said, _ = shell.put(file, b"two", mode=0o2640, backup=True)
    written = remote_files.read_written(said, "MARK")
    assert (rc, written and written.differences) == (0, ("mode 0751 -> 2640",))
    assert written
    assert (Path(written.backup).read_bytes(), Path(written.backup).stat().st_mode & 0o7777) == (b"one", 0o751)
    assert (file.read_bytes(), file.stat().st_mode & 0o7777) == (b"two", 0o2640)
    assert len(names(file.parent)) == 2


def test_each_shell_refuses_another_content_of_the_same_size(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "host" / "x"
    file.parent.mkdir()
    file.write_bytes(b"old")
    rc, _, complaint = shell.put(file, b"right", sent=b"wrong", backup=True)
    assert (rc, complaint) == (1, "the content that arrived has another checksum\n")
    assert (names(file.parent), file.read_bytes()) == (["x"], b"old")


def test_each_shell_compares_by_checksum_in_a_dry_run(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "host" / "x"
    file.parent.mkdir()
    file.write_bytes(b"old")
    assert shell.put(file, b"old", sent=b"", check=True) == (0, "\nMARKsame\n", "")
    assert shell.put(file, b"new", sent=b"", check=True) == (0, "\nMARKchanged content\n", "")
    assert (names(file.parent), file.read_bytes()) == (["x"], b"old")


@only_root
def test_each_shell_gives_a_file_away(shell: Shell, tmp_path: Path) -> None:
    account = pwd.getpwnam(plain_account())
    file = tmp_path / "x"
    assert shell.put(file, b"x", owner=account.pw_name, group="daemon", mode=0o4755)[0] == 0
    stat = file.stat()
    assert (stat.st_uid, stat.st_gid) == (account.pw_uid, grp.getgrnam("daemon").gr_gid)
    assert stat.st_mode & 0o7777 == 0o4755
    assert shell.put(file, b"y")[0] == 0
    assert (file.read_bytes(), file.stat().st_uid, file.stat().st_mode & 0o7777) == (b"y", account.pw_uid, 0o4755)
    assert shell.put(file, b"y", owner="nobody-here")[2] == "there is no account nobody-here\n"


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"old")
    limit = "ulimit -f 8; trap '' XFSZ; exec \"$@\""  # blocks of 512 bytes: a write beyond fails as on a full disk
    words = remote_files.put_words(str(file), {"content": b"n" * 100_000, "backup": True}, "MARK", check=False)
    done = subprocess.run(
        ["/bin/sh", "-c", limit, "sh", *words], input=b"n" * 100_000, capture_output=True, timeout=120, check=False
    )
    assert (done.returncode, b"File too large" in done.stderr) == (1, True)
    assert (names(tmp_path), file.read_bytes()) == (["x"], b"old")


@given(content=st.binary(max_size=3000))
def test_the_crc_is_that_of_cksum(content: bytes) -> None:
    said = subprocess.run(["cksum"], input=content, capture_output=True, check=True).stdout.split()
    assert Sums.of(content) == Sums(hashlib.sha256(content).hexdigest(), int(said[0]))


def test_the_crc_of_several_pieces_is_that_of_the_whole(tmp_path: Path) -> None:
    content = os.urandom(remote_files.CHUNK * 2 + 77)
    (tmp_path / "x").write_bytes(content)
    said = subprocess.run(["cksum", str(tmp_path / "x")], capture_output=True, check=True).stdout.split()
    assert Sums.of(content).crc == int(said[0])
