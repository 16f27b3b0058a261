"""Versions of modules that the web tier has published, kept by name and digest beside the modules folder.

A file is kept only with the web tier's signature over its name and digest, and both are checked whenever it is used:
who can write to this folder, or has stolen a master's key, can make the master refuse a module, never run another one.
"""

import base64
import binascii
import hashlib
import logging
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rpcgate.bundle import WebPublic
from rpcgate.catalog import MAX_SOURCE, Entry, entry_of, name_fault
from rpcgate.envelope import is_signed_module
from rpcgate.protocol import PutModule, Refusal

log = logging.getLogger(__name__)

KEPT = 10  # versions of one module; the web tier sends one again that a task still needs
NAMES = 500  # modules
DIGEST = re.compile(r"[0-9a-f]{64}")
LOOK_EVERY = 15.0  # seconds; a heartbeat asks every three, and whatever is used is checked anyhow
MAX_SIGNATURE = 100  # bytes of a signature's base64
Mark = tuple[tuple[int, int, int], tuple[int, int, int], tuple[bytes, ...]]


class VersionError(Exception):
    """A version is not taken or not used. The text is a sentence for a person; code: what to answer."""

    def __init__(self, code: Refusal, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Versions:
    """What is kept; any thread may call it.

    web: gives the web tier's public keys as they are now. run_as: the account in which files are tried, where this
    process is root. The files need not be open to it: what runs is handed over as bytes.
    """

    def __init__(self, folder: Path, web: Callable[[], WebPublic], run_as: str | None = None) -> None:
        self._folder = folder
        self._web = web
        self._run_as = run_as
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str], Entry] = {}  # what each declares; its bytes are checked again all the same
        self._sound: dict[tuple[str, str], Mark] = {}
        self._look: _Look | None = None

    def put(self, message: PutModule) -> Entry:
        """Check a version, try it, and keep it; may be repeated. VersionError says why not."""
        source = self._received(message)
        entry = self._tried(message.name, message.digest, source)  # seconds, for a bad one: nobody waits for it
        if entry.error:
            code = Refusal.BUSY if entry.untried else Refusal.MODULE
            raise VersionError(code, f"The module does not load on this master: {entry.error}")
        try:
            with self._lock:
                self._keep(message, source)
                self._drop_oldest(message.name)
        except OSError as error:
            log.error("%s %.8s cannot be kept: %s", message.name, message.digest, error)
            why = f"The master cannot write to its folder of versions ({error.strerror}); mend that."
            raise VersionError(Refusal.BUSY, why) from error
        log.info("module %s: version %.8s is kept", message.name, message.digest)
        return entry

    def get(self, name: str, digest: str) -> Entry | None:
        """Give a kept version whose file and signature are right; None where it is not kept, VersionError otherwise."""
        if name_fault(name) or not DIGEST.fullmatch(digest):
            return None
        source = self._checked(name, digest)
        return None if source is None else self._tried(name, digest, source)

    def kept(self) -> dict[str, list[str]]:
        """Give the digests of the versions that could be used, by name, newest first; as they were seconds ago."""
        return self._looked().kept

    def faults(self) -> list[str]:
        """Say which kept versions cannot be used, one sentence each; as kept."""
        return self._looked().faults

    def _looked(self) -> "_Look":
        """Look at all that is kept, where something was changed by us, the keys are others, or the last look is old."""
        signers, now = tuple(self._web().sign), time.monotonic()
        if self._look is None or self._look.signers != signers or now - self._look.at > LOOK_EVERY:
            found = {name: self._digests(name) for name in self._names()}
            sound = {name: [digest for digest in all_ if self._is_sound(name, digest)] for name, all_ in found.items()}
            bad = [(name, digest) for name, all_ in found.items() for digest in all_ if digest not in sound[name]]
            kept = {name: digests for name, digests in sound.items() if digests}
            self._look = _Look(signers, now, kept, [_altered(name, digest) for name, digest in bad])
        return self._look

    def _received(self, message: PutModule) -> bytes:
        """Give the file of a message whose name, size, digest and signature are right."""
        if fault := name_fault(message.name):
            raise VersionError(Refusal.MESSAGE, f"The module cannot be kept: {fault}.")
        if len(message.source) > 2 * MAX_SOURCE:
            raise VersionError(Refusal.LIMIT, f"A module has at most {MAX_SOURCE // 1024} KiB.")
        try:
            source = base64.b64decode(message.source, validate=True)
        except (ValueError, binascii.Error):
            raise VersionError(Refusal.MESSAGE, "The module's source is no base64.") from None
        if len(source) > MAX_SOURCE:
            raise VersionError(Refusal.LIMIT, f"A module has at most {MAX_SOURCE // 1024} KiB.")
        if hashlib.sha256(source).hexdigest() != message.digest:
            raise VersionError(Refusal.MESSAGE, f"The source of {message.name} has another digest than was said.")
        if not is_signed_module(message.name, message.digest, message.signature, self._web()):
            log.warning("module %s: version %.8s is not signed by the web tier", message.name, message.digest)
            raise VersionError(Refusal.MESSAGE, f"The signature of {message.name} is not the web tier's.")
        return source

    def _tried(self, name: str, digest: str, source: bytes) -> Entry:
        entry = self._entries.get((name, digest))
        if entry is None:
            entry = entry_of(name, source, run_as=self._run_as)
            if not entry.untried:
                self._entries[name, digest] = entry
        return entry

    def _keep(self, message: PutModule, source: bytes) -> None:
        """Write file and signature, each whole or not at all; the signature last, for without it nothing counts."""
        folder = self._folder / message.name
        if not folder.is_dir() and sum(1 for _ in self._names()) >= NAMES:
            raise VersionError(Refusal.LIMIT, f"This master keeps published versions of {NAMES} modules already.")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(folder / f"{message.digest}.py", source)
        _write(folder / f"{message.digest}.sig", message.signature.encode())
        self._sound.pop((message.name, message.digest), None)
        self._look = None

    def _drop_oldest(self, name: str) -> None:
        for digest in self._digests(name)[KEPT:]:
            for path in self._paths(name, digest):
                path.unlink(missing_ok=True)
            self._entries.pop((name, digest), None)
            self._sound.pop((name, digest), None)
            self._look = None

    def _checked(self, name: str, digest: str) -> bytes | None:
        """Read a version and check it; None where it is not kept."""
        file, beside = self._paths(name, digest)
        try:
            source, signature = _read(file, MAX_SOURCE), _read(beside, MAX_SIGNATURE)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise VersionError(Refusal.DIGEST, f"{_altered(name, digest)} ({error.strerror})") from error
        right = hashlib.sha256(source).hexdigest() == digest
        if not right or not is_signed_module(name, digest, signature.decode("ascii", "replace"), self._web()):
            log.error("%s", _altered(name, digest))
            self._look = None
            raise VersionError(Refusal.DIGEST, _altered(name, digest))
        return source

    def _is_sound(self, name: str, digest: str) -> bool:
        """Say whether a version could be used; it is read again only when its files or the keys have changed."""
        mark = self._mark(name, digest)
        if mark is not None and self._sound.get((name, digest)) == mark:
            return True
        try:
            if mark is None or self._checked(name, digest) is None:
                return False
        except VersionError:
            return False
        self._sound[name, digest] = mark
        return True

    def _mark(self, name: str, digest: str) -> Mark | None:
        try:
            file, beside = (path.lstat() for path in self._paths(name, digest))
        except OSError:
            return None
        first, second = ((found.st_mtime_ns, found.st_size, found.st_ino) for found in (file, beside))
        return first, second, tuple(self._web().sign)

    def _names(self) -> Iterator[str]:
        """Give the folders of modules; in a folder that also holds module files those are no folders."""
        try:
            found = sorted(entry.name for entry in os.scandir(self._folder) if entry.is_dir(follow_symlinks=False))
        except OSError:
            return iter(())
        return (name for name in found if not name_fault(name))

    def _digests(self, name: str) -> list[str]:
        """Give a module's versions by the time of their signatures, newest first."""
        found = []
        with suppress(FileNotFoundError):  # dropped meanwhile
            found = [(path.lstat().st_mtime_ns, path.stem) for path in (self._folder / name).glob("*.sig")]
        return [digest for _, digest in sorted(found, reverse=True) if DIGEST.fullmatch(digest)]

    def _paths(self, name: str, digest: str) -> tuple[Path, Path]:
        folder = self._folder / name
        return folder / f"{digest}.py", folder / f"{digest}.sig"


@dataclass(frozen=True, slots=True)
class _Look:
    """What was found, when, and with which keys of the web tier."""

    signers: tuple[bytes, ...]
    at: float
    kept: dict[str, list[str]]
    faults: list[str]


def _altered(name: str, digest: str) -> str:
    return f"The kept version {digest[:8]} of {name} is not as the web tier signed it; publish it again."


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _read(path: Path, most: int) -> bytes:
    """Read a plain file of at most `most` bytes; one byte more tells a longer one."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a plain file")
        return file.read(most + 1)
