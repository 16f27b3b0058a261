"""disk_cleanup on real hosts, with real files."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sdk import ParamError, Status, parse
from tests.modules.conftest import Runner, loaded

pytestmark = pytest.mark.sshd
DAY = 86_400
LIMITS: dict[str, Any] = {"older_than": 7, "most_files": 20, "most_size": 100}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that the hosts' account may change."""
    path = Path(f"/var/tmp/omt-{secrets.token_hex(4)}")
    path.mkdir()
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


def old(path: Path, days: float = 10, size: int = 10) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o777)
    path.write_bytes(b"x" * size)
    at = time.time() - days * DAY
    os.utime(path, (at, at))
    return path


def one(run: Runner) -> Runner:
    return Runner(run.adapter, run.targets.only(["host0"]))


def test_old_files_go_and_others_stay(run: Runner, folder: Path) -> None:
    gone = [old(folder / "a.log"), old(folder / "sub" / "b.log")]
    kept = [old(folder / "young.log", 6.9), old(folder / "a.txt")]
    event = one(run)("disk_cleanup", folder=str(folder), name="*.log", **LIMITS)["host0"]
    assert event.status is Status.CHANGED
    assert event.output == f"2 files, 0.0 MiB, deleted\n{gone[0]}\n{gone[1]}\n"
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)
    assert (folder / "sub").is_dir()
    again = one(run)("disk_cleanup", folder=str(folder), name="*.log", **LIMITS)["host0"]
    assert (again.status, again.output) == (Status.OK, "There is no such file.\n")


def test_a_dry_run_lists_with_the_sum_and_deletes_nothing(run: Runner, folder: Path) -> None:
    path = old(folder / "big.log", size=3 << 20)
    events = run("disk_cleanup", check=True, folder=str(folder), **LIMITS)
    assert {(event.status, event.output) for event in events.values()} == {
        (Status.CHANGED, f"1 file, 3.0 MiB, would be deleted\n{path}\n")
    }
    assert path.exists()


def test_more_files_than_allowed_are_all_left(run: Runner, folder: Path) -> None:
    paths = [old(folder / f"{number}.log") for number in range(3)]
    for check in (True, False):
        event = one(run)("disk_cleanup", check=check, folder=str(folder), **{**LIMITS, "most_files": 2})["host0"]
        assert event.status is Status.FAILED
        assert event.reason == "there are 3 such files, more than the 2 allowed; nothing was deleted"
        assert all(path.exists() for path in paths)


def test_more_bytes_than_allowed_are_all_left(run: Runner, folder: Path) -> None:
    path = old(folder / "a.log", size=(1 << 20) + 1)
    event = one(run)("disk_cleanup", folder=str(folder), **{**LIMITS, "most_size": 1})["host0"]
    assert (event.status, "more than the 1 allowed" in event.reason) == (Status.FAILED, True)
    assert path.exists()


def test_only_larger_ones_go_when_asked(run: Runner, folder: Path) -> None:
    small, large, empty = (
        old(folder / "s", size=1 << 20),
        old(folder / "l", size=(1 << 20) + 1),
        old(folder / "e", size=0),
    )
    one(run)("disk_cleanup", folder=str(folder), larger_than=1, **LIMITS)
    assert (small.exists(), large.exists(), empty.exists()) == (True, False, True)
    one(run)("disk_cleanup", folder=str(folder), **LIMITS)
    assert list(folder.iterdir()) == []


def test_links_are_not_followed_and_stay(run: Runner, folder: Path) -> None:
    victim = old(folder.parent / f"{folder.name}-victim" / "keep.log")
    (folder / "link").symlink_to(victim.parent)
    (folder / "file").symlink_to(victim)
    os.utime(folder / "file", (0, 0), follow_symlinks=False)
    one(run)("disk_cleanup", folder=str(folder), **LIMITS)
    assert victim.exists()
    assert sorted(path.name for path in folder.iterdir()) == ["file", "link"]
    event = one(run)("disk_cleanup", folder=f"{folder}/link", **LIMITS)["host0"]
    assert (event.status, f"leads over a link to {victim.parent}" in event.reason) == (Status.FAILED, True)
    shutil.rmtree(victim.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
def test_another_file_system_below_is_left_alone(run_as_root: Runner, folder: Path) -> None:
    inner = folder / "mnt"
    inner.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", inner], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        kept, gone = old(inner / "a.log"), old(folder / "b.log")
        run_as_root("disk_cleanup", folder=str(folder), **LIMITS)
        assert (kept.exists(), gone.exists()) == (True, False)
    finally:
        subprocess.run(["umount", inner], check=True)


@pytest.mark.parametrize("name", ["two words", "new\nline", "-delete", "$(id)", "'q' \"q\"", "[a]", "ÿ\t"])
def test_odd_names_are_listed_on_one_line_and_deleted(run: Runner, folder: Path, name: str) -> None:
    path = old(folder / name)
    event = one(run)("disk_cleanup", folder=str(folder), **LIMITS)["host0"]
    assert (event.status, len(event.output.splitlines())) == (Status.CHANGED, 2)
    assert not path.exists()


@pytest.mark.parametrize("glob", ["-delete", "-o", "$(id)", "a' -o -name '*", "!", "("])
def test_a_glob_is_no_word_of_find(run: Runner, folder: Path, glob: str) -> None:
    path = old(folder / "a.log")
    event = one(run)("disk_cleanup", folder=str(folder), name=glob, **LIMITS)["host0"]
    assert (event.status, event.output) == (Status.OK, "There is no such file.\n")
    assert path.exists()


def test_an_odd_folder_is_one_word(run: Runner, folder: Path) -> None:
    path = old(folder / "a 'b' $(id) *" / "x")
    other = old(folder / "a" / "x")
    assert one(run)("disk_cleanup", folder=str(path.parent), **LIMITS)["host0"].status is Status.CHANGED
    assert (path.exists(), other.exists()) == (False, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="the hosts' account is another than that of the tests")
def test_what_may_not_be_deleted_is_a_failure(run: Runner, folder: Path) -> None:
    path = old(folder / "closed" / "x")
    path.parent.chmod(0o755)
    event = one(run)("disk_cleanup", folder=str(folder), **LIMITS)["host0"]
    assert (event.status, event.reason.startswith("1 of them could not be deleted: ")) == (Status.FAILED, True)
    path.parent.chmod(0o700)
    event = one(run)("disk_cleanup", folder=str(folder), **LIMITS)["host0"]
    assert (event.status, event.reason.startswith("not everything could be looked at: ")) == (Status.FAILED, True)
    assert path.exists()


def test_busybox_deletes_the_same(run_on_busybox: Runner, folder: Path) -> None:
    gone, kept = old(folder / "a b.log"), old(folder / "young.log", 1)
    event = run_on_busybox("disk_cleanup", folder=str(folder), **LIMITS)["host0"]
    assert (event.status, event.output) == (Status.CHANGED, f"1 file, 0.0 MiB, deleted\n{gone}\n")
    assert (gone.exists(), kept.exists()) == (False, True)


@pytest.mark.parametrize(
    "folder",
    [
        *("/", "/etc", "/usr", "/usr/local/x", "/boot", "/bin", "/lib", "/lib64", "/var/lib", "/var/lib/mysql", "/dev"),
        *("/proc", "/sys", "/run/x", "/root", "/root/.ssh", "/var", "/home", "/home/ann", "/srv", "/opt", "/sbin"),
        *("/home/ann/.ssh", "/home/ann/.gnupg/x", "/var/spool/cron", "/efi"),
        *("relative", "/a/../etc", "/./etc", "//etc", "/etc/", "/tmp/", "/a//b", "/a\nb", "-x", "", "/a/.."),
    ],
)
def test_folders_of_the_system_and_crooked_paths_are_refused(folder: str) -> None:
    with pytest.raises(ParamError):
        parse(loaded("disk_cleanup").Params, {"folder": folder, **LIMITS})


@pytest.mark.parametrize(
    "folder", ["/var/log/myapp", "/tmp", "/var/tmp/x", "/home/ann/cache", "/srv/www/old", "/library"]
)
def test_folders_of_applications_are_taken(folder: str) -> None:
    assert parse(loaded("disk_cleanup").Params, {"folder": folder, **LIMITS}).folder == folder


@pytest.mark.parametrize(
    "raw",
    [{"older_than": 0}, {"most_files": 0}, {"most_size": 0}, {"name": "a/b"}, {"name": "a\nb"}, {"most_files": ""}],
)
def test_limits_must_be_typed(raw: dict[str, object]) -> None:
    with pytest.raises(ParamError):
        parse(loaded("disk_cleanup").Params, {"folder": "/tmp/x", **LIMITS, **raw})


@pytest.mark.parametrize("busybox", [False, True])
@pytest.mark.parametrize("place", ["", "sub"])
def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(folder: Path, place: str, *, busybox: bool) -> None:
    """Swap the folder itself, or one below, for a link to another once everything has been listed."""
    listed = folder / "app"
    listed.mkdir()
    (folder / "roots").mkdir()
    victim = old(folder / "roots" / "sub" / "audit.log")
    gone = old(listed / "sub" / "audit.log")
    tools = folder / "tools"
    tools.mkdir()
    if busybox:
        subprocess.run([str(shutil.which("busybox")), "--install", "-s", str(tools)], check=True)
        (tools / "sort").unlink()
    swap = f"mv {listed / place} {folder}/moved; ln -s {folder}/roots/{place} {listed / place}"
    (tools / "sort").write_text(f"#!/bin/sh\n(PATH={os.environ['PATH']}; {swap})\nexec {shutil.which('sort')}\n")
    (tools / "sort").chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", loaded("disk_cleanup").SCRIPT, "s", str(listed), "*", "7", "", "20", "1000000", "200", ""],
        env={"PATH": str(tools) if busybox else f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (victim.exists(), done.stdout.splitlines()) == (True, ["1 10", str(gone)])
    if place:
        assert (done.returncode, "sub was replaced meanwhile" in done.stderr) == (4, True)
        assert (folder / "moved" / "audit.log").exists()
    else:
        assert (done.returncode, (folder / "moved" / "sub" / "audit.log").exists()) == (0, False)


def test_what_turns_up_after_the_count_stays(folder: Path) -> None:
    old(folder / "a.log")
    late = folder / "late.log"
    tools = folder / "tools"
    tools.mkdir()
    (tools / "sort").write_text(f"#!/bin/sh\ntouch -d @1 {late}\nexec {shutil.which('sort')}\n")
    (tools / "sort").chmod(0o755)
    limits = ["7", "", "1", "1000000", "200", ""]
    subprocess.run(
        ["/bin/sh", "-c", loaded("disk_cleanup").SCRIPT, "s", str(folder), "*.log", *limits],
        env={"PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        check=True,
    )
    assert ((folder / "a.log").exists(), late.exists()) == (False, True)
