"""The module files of a folder: what each is, and why a bad one is refused.

A file's code never runs in this process: what it declares is found out in a process of its own (rpcgate.trial).
"""

import builtins
import hashlib
import json
import keyword
import logging
import os
import re
import stat
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from rpcgate.nursery import may_run
from rpcgate.trial import TrialError, try_modules, try_params
from sdk.params import Field

log = logging.getLogger(__name__)

MAX_SOURCE = 256 * 1024  # bytes; ten times the longest module one would want to read
NOBODY = "nobody"
TOO_LARGE = f"it is larger than {MAX_SOURCE // 1024} KiB; a module is a page or two"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")  # of a version that is published
LONGEST_SHOWN = 100  # characters of the name of a file that is none of ours
FRESH = 200_000_000  # ns; a file younger than this may change again without its time changing
AGAIN = (0, 0, 0, 0)  # no file's mark: what has it is read anew next time
Mark = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the catalog, sound or not.

    digest: SHA-256 hex of its bytes, "" where they could not be read. error: "" for a sound one, else one sentence
    that names file and fault; the declared values are then empty. engines: those it may use.
    whole: its Params judge all values together, which only running its code can tell (faults).
    """

    name: str
    path: Path
    digest: str = ""
    source: bytes = b""
    error: str = ""
    error_line: int = 0
    number: int | None = None
    title: str = ""
    help: str = ""
    category: str = ""
    risk: str = ""
    engines: tuple[str, ...] = ()
    idempotent: bool = False
    check: bool = False
    timeout: float = 0.0
    portable: bool = False
    fields: tuple[Field, ...] = ()
    whole: bool = False
    published: bool = False  # a version that the web tier has published; it counts over the folder's file
    untried: bool = False  # nothing is known of it but that it could not be tried; it may be sound

    def faults(self, raw: Mapping[str, Any]) -> dict[str, str]:
        """Say what is wrong with values as a whole, by field as ParamError does; {} where nothing is."""
        return try_params(self.name, self.source, raw) if self.whole else {}

    def as_dict(self) -> dict[str, Any]:
        """Give JSON values; what a bad file would have declared is None."""
        declared = ("number", "title", "help", "category", "risk", "idempotent", "check", "timeout", "portable")
        return {
            "name": self.name,
            **{name: None if self.error else getattr(self, name) for name in declared},
            "engines": list(self.engines),
            "digest": self.digest,
            "params": [field.as_dict() for field in self.fields],
            "error": self.error,
            "error_line": self.error_line,
        }


class Kept(Protocol):
    """Versions that do not lie in the folder: rpcgate.versions.Versions."""

    def get(self, name: str, digest: str) -> Entry | None:
        """Give a version that is kept; None where it is not."""


class Catalog:
    """The modules of a folder, as its files are now; any thread may ask.

    run_as: the account in which files are tried out, where this process is root. kept: versions beside the folder.
    """

    def __init__(self, folder: Path, run_as: str | None = None, kept: Kept | None = None) -> None:
        self.folder = folder
        self._kept = kept
        self._run_as = run_as
        self._lock = threading.Lock()
        self._seen: dict[Path, tuple[Mark, Entry]] = {}
        self._untried: set[Path] = set()
        self._entries: tuple[Entry, ...] = ()

    def entries(self) -> tuple[Entry, ...]:
        """Give all files, sound and bad, by number and then by name."""
        with self._lock:
            marks = {path: _mark(path) for path in _files(self.folder)}
            if any(path not in self._seen or self._seen[path][0] != mark for path, mark in marks.items()) or (
                marks.keys() != self._seen.keys()
            ):
                self._scan(marks)
            return self._entries

    def get(self, name: str) -> Entry | None:
        """Find a file by its name without .py; None where there is none."""
        return next((entry for entry in self.entries() if entry.name == name), None)

    def version(self, name: str, digest: str) -> Entry | None:
        """Give a module in exactly this version: the folder's or a kept one. Else what the folder has, or None.

        VersionError where it is kept, but is not as it was signed.
        """
        own = self.get(name)
        if (own is None or own.digest != digest or own.error) and self._kept:
            return self._kept.get(name, digest) or own
        return own

    def _scan(self, marks: dict[Path, Mark]) -> None:
        """Read what has changed, try what is new in it, and keep the rest."""
        fresh = time.time_ns() - FRESH
        changed = [path for path, mark in marks.items() if path not in self._seen or self._seen[path][0] != mark]
        known = {path: entry for path, (_, entry) in self._seen.items()}
        read = {path: _read(path) for path in changed}
        new = {
            path: entry
            for path, entry in read.items()
            if not entry.error and (path in self._untried or path not in known or known[path].digest != entry.digest)
        }
        tried = self._tried(new)
        for path, entry in read.items():
            found = entry if entry.error else tried.get(path) or known[path]
            again = marks[path][0] >= fresh or path in self._untried
            self._seen[path] = (AGAIN if again else marks[path], found)
            if found.error and known.get(path) != found:
                log.warning("module refused: %s", found.error)
        for path in self._seen.keys() - marks.keys():
            del self._seen[path]
        self._entries = ordered(entry for _, entry in self._seen.values())

    def _tried(self, new: Mapping[Path, Entry]) -> dict[Path, Entry]:
        """Find out what files declare; those that could not be tried are refused for now and tried again."""
        told = entries_of({entry.name: entry.source for entry in new.values()}, self._run_as)
        self._untried = {path for path, entry in new.items() if told[entry.name].untried}
        return {path: replace(told[entry.name], path=path) for path, entry in new.items()}


def name_fault(name: str) -> str:
    """Say why a name is none for a module; "" where it is one."""
    if not NAME.fullmatch(name):
        shown = repr(_short(_printable(name)))
        return f"{shown} is no name for a module; use letters, digits and _, at most 80, a letter first"
    if keyword.iskeyword(name) or hasattr(builtins, name) or name in sys.stdlib_module_names:
        return f"{name} is a name of Python's own; choose another"
    return ""


def entry_of(name: str, source: bytes, *, run_as: str | None = None) -> Entry:
    """Say what a source declares, or what is wrong with it; its code runs in a process of its own only."""
    return entries_of({name: source}, run_as)[name]


def entries_of(sources: Mapping[str, bytes], run_as: str | None = None) -> dict[str, Entry]:
    """Say what sources declare, by name; all are tried by one process."""
    bare = {
        name: Entry(name, Path(f"{name}.py"), hashlib.sha256(code).hexdigest(), code) for name, code in sources.items()
    }
    large = {name: _refused(entry, TOO_LARGE) for name, entry in bare.items() if len(entry.source) > MAX_SOURCE}
    why = "the process that loads modules failed"
    try:
        told = try_modules({name: code for name, code in sources.items() if name not in large}, run_as)
    except TrialError as error:
        why, told = str(error), {}
    untried = {"error": f"it could not be tried: {why}", "line": 0}
    found = {name: _described(entry, told.get(name, untried)) for name, entry in bare.items()}
    return {name: replace(entry, untried=name not in told) for name, entry in found.items()} | large


@lru_cache(maxsize=1)
def least_account() -> str | None:
    """Name the account without rights in which files can be tried; None without one, or with nothing to give up."""
    try:
        return NOBODY if os.geteuid() == 0 and may_run(NOBODY) else None
    except LookupError:
        return None


def _files(folder: Path) -> list[Path]:
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError as error:
        log.warning("no modules: %s: %s", folder, error.strerror)
        return []
    return sorted(folder / name for name in names if name.endswith(".py") and name[0] not in "._")


def _mark(path: Path) -> Mark:
    """Give what changes when a file does."""
    try:
        found = path.stat()
    except OSError as error:
        return (-1, error.errno or 0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)


def _read(path: Path) -> Entry:
    """Read a file's bytes, or say why not."""
    name = path.name.removesuffix(".py")
    if not (name.isidentifier() and name.isascii()):
        shown = _short(_printable(os.fsencode(name).decode(errors="backslashreplace")))
        unnamed = Entry(shown, path.with_name(f"{shown}.py"))
        return _refused(unnamed, "its name is no Python name; use letters, digits and _")
    try:
        with os.fdopen(_opened(path), "rb") as file:
            source = file.read(MAX_SOURCE + 1)
    except OSError as error:
        return _refused(Entry(name, path), f"it cannot be read: {error.strerror or error}")
    if len(source) > MAX_SOURCE:
        return _refused(Entry(name, path), TOO_LARGE)
    return Entry(name, path, hashlib.sha256(source).hexdigest(), source)


def _opened(path: Path) -> int:
    """Open a plain file of the folder only: opening a pipe would wait for ever, a link could show any file."""
    real = os.path.realpath(path)
    if not Path(real).is_relative_to(os.path.realpath(path.parent)):
        raise OSError(0, "it is a link that leaves this folder; put the file itself here")
    descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is not a plain file")
    return descriptor


def _described(entry: Entry, said: dict[str, Any]) -> Entry:
    if "error" in said:
        return _refused(entry, said["error"], said["line"])
    if fault := _unfit(said):
        return _refused(entry, fault)
    declared = {name: value for name, value in said.items() if name != "params"}
    fields = tuple(Field.from_dict(plain) for plain in said["params"])
    return replace(entry, **{**declared, "engines": tuple(said["engines"]), "fields": fields})


def _refused(entry: Entry, fault: str, line: int = 0) -> Entry:
    where = f", line {line}" if line else ""
    declared = Entry(entry.name, entry.path, entry.digest, entry.source)
    return replace(declared, error=f"{entry.path.name}{where}: {_printable(fault).rstrip('.')}.", error_line=line)


def _unfit(said: dict[str, Any]) -> str:
    """Say why what a file declares fits no page and no message; "" where it does."""
    try:
        size = len(json.dumps(said, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return "it declares a text that is no Unicode (a lone surrogate); write it anew"
    most = MAX_SOURCE // 1024
    return f"what it declares is longer than {most} KiB; a form is a few lines" if size > MAX_SOURCE else ""


def _printable(text: str) -> str:
    """Write what a terminal would obey, or nothing can show, as an escape."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}…"  # no Python name has a … in it


def ordered(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Sort by number and then by name; of two files with one number the later named is refused."""
    owners: dict[int, str] = {}
    kept = []
    for entry in sorted(entries, key=lambda entry: entry.name):
        owner = owners.setdefault(entry.number, entry.name) if entry.number is not None else entry.name
        clash = f"number {entry.number} is that of {owner}.py already; choose another"
        kept.append(entry if owner == entry.name else _refused(entry, clash))
    return tuple(sorted(kept, key=lambda entry: (entry.number is None, entry.number or 0, entry.name)))
