"""Contents on disk: taken in piece by piece, kept under their digest, removed when nothing wants them.

Half a content lies in the folder `part`, and moves into Django's storage `files` when it is whole and its digest right.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.files import File as DjangoFile
from django.core.files.storage import storages
from django.db.models import Sum
from django.http import UnreadablePostError
from django.utils import timezone
from django.utils.translation import gettext as _

from webui.files.models import Content, TaskFile
from webui.tasks.models import Task
from webui.tasks.writing import write

log = logging.getLogger(__name__)

CHUNK = 1 << 20
FRESH = timedelta(minutes=5)  # how exact used_at is
PARTIAL = 24 * 3600  # seconds that half a content waits for the rest


class TooLarge(Exception):
    """The content is larger than is taken, or there is no room for it. The text says how large it may be."""


class _OnDisk(DjangoFile):  # type: ignore[type-arg]  # bytes
    """A file that the storage may move instead of copying it."""

    def temporary_file_path(self) -> str:
        """Say where it lies."""
        return str(self.name)


def take(chunks: Iterable[bytes]) -> Content:
    """Store what comes; TooLarge ends it at once, and nothing stays."""
    with tempfile.NamedTemporaryFile(dir=parts(), delete=False) as file:
        path = Path(file.name)
        try:
            digest = hashlib.sha256()
            size = 0
            for chunk in chunks:
                size += len(chunk)
                if size > settings.FILE_BYTES:
                    raise TooLarge(too_large(size))
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
            return settle(path, digest.hexdigest(), size)
        except UnreadablePostError:
            raise  # who sends it has gone
        except OSError as error:
            log.exception("a file cannot be stored")
            raise TooLarge(_("The file could not be stored: %s.") % error.strerror) from error
        finally:
            path.unlink(missing_ok=True)


def settle(path: Path, sha256: str, size: int) -> Content:
    """Move a whole content, of this digest, to its place; TooLarge where there is no room."""
    now = timezone.now()
    storage, name = storages["files"], place(sha256)
    if not storage.exists(name):
        _room(size)
        with path.open("rb") as file:
            given = storage.save(name, _OnDisk(file, str(path)))
        if given != name:  # somebody else has brought the same in this moment
            storage.delete(given)
    content, _new = write(
        lambda: Content.objects.update_or_create(sha256=sha256, defaults={"size": size, "used_at": now})
    )
    return content


def is_here(sha256: str, size: int) -> bool:
    """Say whether a content is here, of this size."""
    return Content.objects.filter(sha256=sha256, size=size).exists() and storages["files"].exists(place(sha256))


def touch(digests: Iterable[str]) -> None:
    """Note that contents are wanted now."""
    now = timezone.now()
    Content.objects.filter(sha256__in=list(digests), used_at__lt=now - FRESH).update(used_at=now)


@contextmanager
def opened(sha256: str) -> Iterator[BinaryIO]:
    """Open a content; FileNotFoundError when it is gone."""
    with storages["files"].open(place(sha256), "rb") as file:
        yield file


def parts() -> Path:
    """Give the folder of what is not whole yet; on the file system of the storage, so that a move costs nothing."""
    folder: Path = settings.FILES_DIR / "part"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def place(sha256: str) -> str:
    """Name a content in the storage."""
    return f"{sha256[:2]}/{sha256}"


def too_large(size: int) -> str:
    """Say that a content is too large."""
    words = {"size": _size(size), "most": _size(settings.FILE_BYTES)}
    return _("The file has %(size)s or more; at most %(most)s are taken (OMSERVER_FILE_MB).") % words


def prune() -> int:
    """Remove contents that no open task needs and that nobody wanted for FILES_KEEP_DAYS; give how many went."""
    old = timezone.now() - timedelta(days=settings.FILES_KEEP_DAYS)
    open_tasks = Task.objects.exclude(state=Task.State.ENDED)
    needed = TaskFile.objects.filter(task__in=open_tasks).values("sha256")
    gone = 0
    unused = Content.objects.filter(used_at__lt=old).exclude(sha256__in=needed)
    for sha256 in unused.values_list("pk", flat=True)[:1000]:
        if Content.objects.filter(pk=sha256, used_at__lt=old).delete()[0]:  # else somebody has wanted it meanwhile
            with suppress(OSError):  # it stays on the disk; the next content of this digest finds it there
                storages["files"].delete(place(sha256))
            gone += 1
            log.info("the file %s is removed: nobody has wanted it for %d days", sha256, settings.FILES_KEEP_DAYS)
    _prune_parts()
    return gone


def _prune_parts() -> None:
    limit = timezone.now().timestamp() - PARTIAL
    with suppress(OSError):
        for path in parts().iterdir():
            if path.stat().st_mtime < limit:
                path.unlink()


def _room(size: int) -> None:
    taken = Content.objects.aggregate(all=Sum("size"))["all"] or 0
    if taken + size > settings.FILES_BYTES:
        words = {"taken": _size(taken), "most": _size(settings.FILES_BYTES)}
        raise TooLarge(
            _("There is no room for this file: those stored here take %(taken)s of %(most)s (OMSERVER_FILES_MB).")
            % words
        )


def _size(size: int) -> str:
    return (
        f"{size / (1 << 20):.4g} MiB" if size >= 1 << 20 else f"{size / 1024:.3g} KiB" if size >= 1024 else f"{size} B"
    )
