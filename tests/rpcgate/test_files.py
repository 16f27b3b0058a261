"""The files that a master keeps: whole or not at all, within their limits, whoever sends what."""

import errno
import hashlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rpcgate import files as store
from rpcgate.files import PARTIAL, UNUSED, Files, FilesError, NoFileError, State, TooLargeError
from sdk import File


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "files", most=10_000, total=25_000)


def described(content: bytes) -> File:
    return File("x", len(content), hashlib.sha256(content).hexdigest())


def bring(files: Files, content: bytes, piece: int = 1000) -> File:
    file = described(content)
    for at in range(0, max(1, len(content)), piece):
        files.put(file.sha256, file.size, at, content[at : at + piece])
    return file


def names(files: Files) -> list[str]:
    return sorted(path.name for path in files.folder.iterdir()) if files.folder.exists() else []


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 10_000])
def test_a_file_comes_in_pieces_and_is_read_as_it_was(files: Files, size: int) -> None:
    content = os.urandom(size)
    file = bring(files, content)
    assert (files.has(file), files.read(file), files.piece(file.sha256, 0)) == (True, content, (size, content))
    assert names(files) == [file.sha256]
    assert ((files.folder.stat().st_mode & 0o777), (files.folder / file.sha256).stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )


def test_pieces_may_come_again_and_a_gap_is_not_taken(files: Files) -> None:
    content = bytes(range(250)) * 4
    file = described(content)
    put = lambda at, piece: files.put(file.sha256, 1000, at, piece)  # noqa: E731  # short for this test
    assert put(0, b"") == State(0, whole=False)
    assert put(500, content[500:600]) == State(0, whole=False)
    assert put(0, content[:400]) == State(400, whole=False)
    assert put(0, content[:400]) == State(400, whole=False)
    assert put(300, content[300:500]) == State(500, whole=False)
    assert put(0, b"") == State(500, whole=False)
    assert not files.has(file)
    assert put(400, content[400:]) == State(1000, whole=True)
    assert put(0, content[:400]) == State(1000, whole=True)
    assert files.read(file) == content


def test_a_file_of_another_digest_is_thrown_away_and_may_come_again(files: Files) -> None:
    right = described(b"right")
    with pytest.raises(NoFileError, match="not the file"):
        files.put(right.sha256, 5, 0, b"wrong")
    assert names(files) == []
    assert files.put(right.sha256, 5, 0, b"right").whole


@pytest.mark.parametrize("digest", ["", "..", "../" * 21 + "a", "A" * 64, "a" * 63, "a" * 64 + "\n", "/etc/passwd"])
def test_what_is_no_digest_opens_nothing(files: Files, digest: str) -> None:
    with pytest.raises(NoFileError):
        files.put(digest, 1, 0, b"x")
    with pytest.raises(NoFileError):
        files.piece(digest, 0)
    assert names(files) == []


@pytest.mark.parametrize(("size", "offset", "content"), [(3, 0, b"long"), (3, -1, b"x"), (3, 4, b""), (-1, 0, b"")])
def test_a_piece_outside_its_file_is_refused(files: Files, size: int, offset: int, content: bytes) -> None:
    with pytest.raises(NoFileError):
        files.put("a" * 64, size, offset, content)
    assert names(files) == []


def test_a_file_that_is_too_large_is_refused_before_a_byte_is_kept(files: Files) -> None:
    with pytest.raises(TooLargeError, match="takes up to 10000"):
        files.put("a" * 64, 10_001, 0, b"x")
    with pytest.raises(TooLargeError):
        files.keep(b"x" * 10_001)
    assert names(files) == []


def test_half_files_count_as_whole_ones(files: Files) -> None:
    for digit in "ab":
        files.put(digit * 64, 10_000, 0, b"x")
    with pytest.raises(FilesError, match="20000 of 25000"):
        files.put("c" * 64, 10_000, 0, b"x")
    with pytest.raises(FilesError):
        files.keep(b"x" * 6000)
    assert files.keep(b"x" * 5000)
    assert len(names(files)) == 3


def test_one_file_sent_by_many_at_once_is_whole(files: Files) -> None:
    content = os.urandom(10_000)
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda _: bring(files, content, 137), range(8)))
    assert (files.read(sent[0]), names(files)) == (content, [sent[0].sha256])


def test_files_made_at_once_stay_within_the_total(files: Files) -> None:
    start = threading.Barrier(8)

    def begin(digit: int) -> bool:
        start.wait()
        try:
            files.put(f"{digit:x}" * 64, 10_000, 0, b"x")
        except FilesError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(8))) == 2


def test_a_full_disk_is_a_sentence_and_leaves_nothing_half(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(FilesError, match="its disk is full"):
        files.keep(b"kept")
    assert names(files) == []
    with pytest.raises(FilesError, match="its disk is full"):
        bring(files, b"brought")
    monkeypatch.undo()
    assert files.has(bring(files, b"brought"))


def test_a_damaged_file_is_not_used(files: Files) -> None:
    file = bring(files, b"content")
    (files.folder / file.sha256).write_bytes(b"c0ntent")
    with pytest.raises(NoFileError, match="damaged"):
        files.read(file)
    assert not files.has(file)


def test_a_file_of_another_size_is_not_there(files: Files) -> None:
    file = bring(files, b"content")
    assert not files.has(File("x", 8, file.sha256))


def test_files_go_when_no_job_needs_them(files: Files) -> None:
    needed, unused, young = (bring(files, name) for name in (b"needed", b"unused", b"young"))
    files.put("d" * 64, 100, 0, b"half")
    files.put("e" * 64, 100, 0, b"half")
    now = time.time()
    for name, age in ((needed.sha256, 1e6), (unused.sha256, UNUSED + 1), ("d" * 64 + ".100.part", PARTIAL + 1)):
        os.utime(files.folder / name, (now - age, now - age))
    assert files.prune({needed.sha256}, now) == 2
    assert names(files) == sorted([needed.sha256, young.sha256, "e" * 64 + ".100.part"])


def test_a_file_that_was_asked_for_stays_for_its_job(files: Files) -> None:
    file = bring(files, b"content")
    os.utime(files.folder / file.sha256, (1, 1))
    assert files.has(file)
    assert files.prune(set(), time.time()) == 0


def test_a_link_in_the_folder_is_no_way_out(files: Files, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    files.folder.mkdir()
    (files.folder / "passwd").symlink_to(tmp_path / "secret")
    files.prune(set(), time.time() + 1e9)
    assert (tmp_path / "secret").read_text() == "secret"
