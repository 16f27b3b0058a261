"""What put and get promise on a real host, whichever engine carries them out."""

import base64
import os
import pwd
from pathlib import Path

import pytest

from sdk import Status
from tests.fleet.sshd import plain_account
from tests.rpcgate.engines.calls import Caller

pytestmark = pytest.mark.sshd


def test_put_writes_a_file_once_and_leaves_an_equal_one(engine: Caller, folder: Path) -> None:
    file = folder / "a b'$(id)"
    content = bytes(range(256)) * 1000
    first = engine.one("put", path=str(file), content=content, mode=0o640)
    again = engine.one("put", path=str(file), content=content, mode=0o640)
    assert (first.status, again.status) == (Status.CHANGED, Status.OK)
    assert file.read_bytes() == content
    assert file.stat().st_mode & 0o7777 == 0o640
    assert [path.name for path in folder.iterdir()] == [file.name]


@pytest.mark.parametrize("mode", [0o400, 0o644, 0o755, 0o4711, 0o1777])
def test_put_gives_the_mode_it_was_told(engine: Caller, folder: Path, mode: int) -> None:
    file = folder / "x"
    first, again = (engine.one("put", path=str(file), content=b"x", mode=mode) for _ in range(2))
    assert (first.status, again.status) == (Status.CHANGED, Status.OK)
    assert file.stat().st_mode & 0o7777 == mode


def test_put_corrects_a_mode_and_an_empty_file(engine: Caller, folder: Path) -> None:
    file = folder / "x"
    assert engine.one("put", path=str(file), content=b"").status is Status.CHANGED
    assert engine.one("put", path=str(file), content=b"", mode=0o600).status is Status.CHANGED
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"", 0o600)


def test_put_in_a_dry_run_says_what_would_change_and_does_not(engine: Caller, folder: Path) -> None:
    file = folder / "x"
    event = engine.one("put", path=str(file), content=b"new", check=True)
    assert (event.status, event.output) == (Status.CHANGED, f"{file} would change.\n")
    assert not list(folder.iterdir())
    engine.one("put", path=str(file), content=b"new")
    assert engine.one("put", path=str(file), content=b"new", check=True).status is Status.OK


@pytest.mark.parametrize("name", ["a\nb\n", "'\"", "{{ 1 }}%0\\*$(id)`id`é中🙂"])
def test_a_file_of_any_name_is_written_and_read(engine: Caller, folder: Path, name: str) -> None:
    path = str(folder / name)
    assert engine.one("put", path=path, content=b"1\x00\n").status is Status.CHANGED
    assert [file.name for file in folder.iterdir()] == [name]
    assert base64.b64decode(engine.one("get", path=path).data["content"]) == b"1\x00\n"


def test_put_gives_the_owner_and_group_it_was_told(engine: Caller, folder: Path) -> None:
    me, group = (engine.one("shell", argv=["id", *words]).stdout.strip() for words in (["-un"], ["-gn"]))
    event = engine.one("put", path=str(folder / "x"), content=b"x", owner=me, group=group)
    assert event.status is Status.CHANGED
    found = folder / "x"
    assert (found.owner(), found.group()) == (me, group)


def test_put_follows_a_link_and_keeps_it(engine: Caller, folder: Path) -> None:
    (folder / "real").write_bytes(b"old")
    (folder / "real").chmod(0o666)
    (folder / "link").symlink_to("real")
    engine.one("put", path=str(folder / "link"), content=b"new")
    assert (folder / "link").is_symlink()
    assert (folder / "real").read_bytes() == b"new"


def test_put_as_root_keeps_the_owner(local: Caller, folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give a file away")
    owner = pwd.getpwnam(plain_account()).pw_uid
    (folder / "x").write_bytes(b"old")
    os.chown(folder / "x", owner, -1)
    assert local.one("put", path=str(folder / "x"), content=b"new").status is Status.CHANGED
    assert ((folder / "x").read_bytes(), (folder / "x").stat().st_uid) == (b"new", owner)


@pytest.mark.parametrize(
    ("path", "word"),
    [("/nowhere/at/all", "does not exist"), ("/tmp", "is a folder"), ("relative", "full path"), ("/tmp/", "full path")],
)
def test_put_to_no_file_is_a_failure_that_says_why(engine: Caller, path: str, word: str) -> None:
    event = engine.one("put", path=path, content=b"x")
    assert (event.status, word in event.reason) == (Status.FAILED, True)


def test_get_reads_the_same_bytes(engine: Caller, folder: Path) -> None:
    content = bytes(range(256)) * 500
    (folder / "x").write_bytes(content)
    event = engine.one("get", path=str(folder / "x"))
    assert event.status is Status.OK
    assert base64.b64decode(event.data["content"]) == content


@pytest.mark.parametrize(("size", "status"), [(0, Status.OK), (1000, Status.OK), (1001, Status.FAILED)])
def test_get_reads_at_most_its_limit(engine: Caller, folder: Path, size: int, status: Status) -> None:
    (folder / "x").write_bytes(b"x" * size)
    event = engine.one("get", path=str(folder / "x"), limit=1000)
    assert event.status is status
    assert ("more than the 1000 bytes" in event.reason) == (status is Status.FAILED)


@pytest.mark.parametrize(
    ("path", "word"), [("/no/file", "does not exist"), ("/dev/zero", "no plain file"), ("/etc", "no plain")]
)
def test_get_of_no_file_is_a_failure_that_says_why(engine: Caller, path: str, word: str) -> None:
    event = engine.one("get", path=path)
    assert (event.status, word in event.reason) == (Status.FAILED, True)
