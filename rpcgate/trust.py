"""A running master's keys and the web tier it believes, always as they are on disk."""

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path

from rpcgate.bundle import KeysError, WebPublic, read_web_bundle
from rpcgate.keys import INDEX, MasterKeys
from rpcgate.tls import server_context

log = getLogger(__name__)

LOOK_EVERY = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Known:
    """Who this master is and whom it believes, at one moment."""

    keys: MasterKeys
    web: WebPublic
    context: ssl.SSLContext


class Trust:
    """Keys and web bundle of a running master: a rotation or a new bundle counts within a second, without a restart.

    KeysError from the constructor only: later a file that cannot be used is logged, and what was known stays.
    """

    def __init__(self, keys: Path, web: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = (keys / INDEX, web)
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = clock()
        self._marks = self._look()
        self._known = self._load()

    @property
    def known(self) -> Known:
        """Give what holds now."""
        with self._lock:
            if self._clock() - self._looked >= LOOK_EVERY:
                self._looked = self._clock()
                self._refresh()
            return self._known

    def _refresh(self) -> None:
        marks = self._look()
        if marks == self._marks:
            return
        self._marks = marks
        try:
            self._known = self._load()
            log.info("keys and web bundle were read again")
        except KeysError as error:
            log.error("the changed keys or web bundle cannot be used, the old ones stay: %s", error)

    def _look(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_mark(path) for path in self._files)

    def _load(self) -> Known:
        index, bundle = self._files
        keys = MasterKeys.load(index.parent)
        web = read_web_file(bundle)
        return Known(keys, web, server_context(keys.tls_file, web.tls))


def read_web_file(path: Path) -> WebPublic:
    """Read the web tier's bundle from a file; KeysError names the file and the fault."""
    try:
        return read_web_bundle(path.read_text(errors="replace"))
    except OSError as error:
        raise KeysError(
            f"{path}: the web tier's bundle cannot be read ({error.strerror}); give it by init --web FILE."
        ) from error
    except KeysError as error:
        raise KeysError(f"{path}: {error}") from error


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Tell two versions of a file apart."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
