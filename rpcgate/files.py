"""The files that a master keeps for its jobs: what people uploaded, and what servers gave.

A file lies under its digest, and lies there only when it is whole and the digest is right; while it is brought it is
NAME.SIZE.part. Nothing in here is ever opened by a name that a peer chose: a digest is 64 hex digits or it is refused.
"""

import errno
import hashlib
import logging
import os
import re
import tempfile
import threading
from collections.abc import Callable, Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rpcgate.protocol import FILE_PIECE
from sdk import File
from sdk.file import DIGEST

log = logging.getLogger(__name__)

UNUSED = 3600.0  # seconds that a file stays which no job names: its task may be on the way
PARTIAL = 6 * 3600.0  # seconds that half a file waits for its other half
PART = re.compile(r"(?P<sha256>[0-9a-f]{64})\.(?P<size>\d{1,19})\.part")
LOCKS = 16
WORKERS = 4
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FilesError(Exception):
    """The file cannot be kept now, for want of space; the text says why. Ask again later."""


class TooLargeError(Exception):
    """The file is larger than this master takes; the text says how large it may be."""


class NoFileError(Exception):
    """The file is not here, or what came is not the file. The text says which; bring it anew."""


@dataclass(frozen=True, slots=True)
class State:
    """How much of a file is there."""

    have: int
    whole: bool


class Files:
    """The folder; any thread may call it. most: bytes of one file. total: of all, half ones counted as whole."""

    def __init__(self, folder: Path, most: int, total: int) -> None:
        self.folder = folder
        self.most = most
        self.total = total
        self._locks = [threading.Lock() for _ in range(LOCKS)]  # one for a file and some others
        self._making = threading.Lock()  # held while room is looked for and taken
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="files")

    def has(self, file: File) -> bool:
        """Say whether a file is here whole; from now on it stays for UNUSED seconds, whoever needs it."""
        path = self._path(file.sha256)
        with suppress(OSError):
            os.utime(path)
            return path.stat().st_size == file.size
        return False

    def put(self, sha256: str, size: int, offset: int, content: bytes) -> State:
        """Add a piece; what is there already is skipped, what would leave a gap is not taken. No content: only ask."""
        path = self._path(sha256)
        if not 0 <= offset <= size or len(content) > size - offset:
            raise NoFileError("A piece lies outside its file.")
        if size > self.most:
            raise TooLargeError(f"The file has {size} bytes; this master takes up to {self.most} (limits.file_bytes).")
        with self._locks[int(sha256[0], 16) % LOCKS]:
            if path.exists():
                return State(path.stat().st_size, whole=True)
            part = self.folder / f"{sha256}.{size}.part"
            with _told():
                have = part.stat().st_size if part.exists() else 0
                if offset <= have < offset + len(content) or (not size and not have):
                    have = self._append(part, size, have, content[have - offset :])
                if have < size or not part.exists():
                    return State(have, whole=False)
                return self._finish(part, path, sha256, size)

    def later(self, act: Callable[[], None]) -> None:
        """Do something with files in a thread of ours; an engine's thread has other hosts to see to."""
        self._workers.submit(act)

    def keep(self, content: bytes) -> str:
        """Keep what a server gave, and give its digest."""
        if len(content) > self.most:
            raise TooLargeError(f"The file has {len(content)} bytes; this master keeps up to {self.most} of one.")
        sha256 = hashlib.sha256(content).hexdigest()
        file = File("kept", len(content), sha256)
        if self.has(file):
            return sha256
        with _told():
            self._room(len(content))
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix="kept.", delete=False) as new:
                try:
                    new.write(content)
                    new.flush()
                    os.fsync(new.fileno())
                    Path(new.name).replace(self._path(sha256))
                except OSError:
                    Path(new.name).unlink(missing_ok=True)
                    raise
        return sha256

    def piece(self, sha256: str, offset: int) -> tuple[int, bytes]:
        """Give a file's size and the bytes from `offset`, FILE_PIECE at most."""
        try:
            with self._path(sha256).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if not 0 <= offset <= size:
                    raise NoFileError(f"The file ends at {size}.")
                file.seek(offset)
                return size, file.read(FILE_PIECE)
        except OSError as error:
            raise NoFileError("This master does not have that file.") from error

    def read(self, file: File) -> bytes:
        """Give a file's content, checked once more: a disk may have changed it."""
        try:
            content = self._path(file.sha256).read_bytes()
        except OSError as error:
            raise NoFileError(f"This master has no content of {file.name} any more; run the task again.") from error
        if hashlib.sha256(content).hexdigest() != file.sha256:
            self._path(file.sha256).unlink(missing_ok=True)
            raise NoFileError(f"The content of {file.name} on this master is damaged; run the task again.")
        return content

    def prune(self, needed: Container[str], now: float) -> int:
        """Remove what no job needs and what was brought by half and left; give how many files went."""
        gone = 0
        for path, size, touched in list(self._all()):
            old = PARTIAL if not DIGEST.fullmatch(path.name) else UNUSED
            if path.name in needed or now - touched < old:
                continue
            with self._locks[int(path.name[0], 16) % LOCKS if DIGEST.match(path.name) else 0], suppress(OSError):
                if now - path.stat().st_mtime >= old:  # nobody has asked for it meanwhile
                    path.unlink()
                    gone += 1
                    log.info("the file %s of %d bytes is removed", path.name, size)
        return gone

    def _append(self, part: Path, size: int, have: int, content: bytes) -> int:
        if not part.exists():
            self._room(size, part)
        with part.open("r+b") as file:
            file.seek(have)
            try:
                file.write(content)
                file.flush()
            except OSError:
                with suppress(OSError):
                    file.truncate(have)
                raise
        return have + len(content)

    def _finish(self, part: Path, path: Path, sha256: str, size: int) -> State:
        """Let a whole file take its name; NoFileError when its content is another's."""
        with part.open("rb") as file:
            right = hashlib.file_digest(file, "sha256").hexdigest() == sha256
            os.fsync(file.fileno())
        if not right:
            part.unlink()
            raise NoFileError("What came is not the file that its digest names; it was thrown away.")
        part.replace(path)
        return State(size, whole=True)

    def _room(self, size: int, part: Path | None = None) -> None:
        """Make sure that a file fits, and take its place at once where it comes in pieces."""
        with self._making:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            taken = sum(taken for _, taken, _ in self._all())
            if taken + size > self.total:
                raise FilesError(
                    f"The files of this master take {taken} of {self.total} bytes (limits.files_bytes), and"
                    f" {size} more are to come; they go when their tasks have ended."
                )
            if part:
                part.touch(mode=0o600)

    def _all(self) -> Iterator[tuple[Path, int, float]]:
        """Give each file with the bytes it takes or will take, and when it was last asked for."""
        with suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    stat = entry.stat(follow_symlinks=False)
                    part = PART.fullmatch(entry.name)
                    yield Path(entry.path), int(part["size"]) if part else stat.st_size, stat.st_mtime

    def _path(self, sha256: str) -> Path:
        if not DIGEST.fullmatch(sha256):
            raise NoFileError("A file's digest is 64 hex digits.")
        return self.folder / sha256


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the file system says into a sentence."""
    try:
        yield
    except OSError as error:
        log.exception("a file cannot be written")
        what = "its disk is full" if error.errno in FULL else f"{error.strerror}"
        raise FilesError(f"The master cannot write the file: {what}.") from error
