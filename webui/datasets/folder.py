"""The folder on this server whose files pages may import, ANALYTICS_IMPORT_DIR; nothing outside of it is read."""

import os
import stat
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from analytics.importing.files import marks
from webui.datasets import uploads

LISTED = 200
LOOKED_AT = 20_000  # files and folders; of a larger tree those that come first


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the folder. seen: what tells it from whatever is put in its place later (analytics.importing.files)."""

    path: Path
    seen: tuple[int, ...]


def root() -> Path | None:
    """Give the folder; None where there is none."""
    return Path(settings.ANALYTICS_IMPORT_DIR).resolve() if settings.ANALYTICS_IMPORT_DIR else None


def find(name: str) -> Found:
    """Give a file of the folder; RefusedError, in the same words for what is outside and what is not there."""
    base = root()
    absent = _("There is no file %(name)s in the import folder, or it may not be read.") % {"name": name[:120]}
    if base is None:
        raise uploads.RefusedError(_("No import folder is set; ANALYTICS_IMPORT_DIR names one."))
    try:
        path = (base / name).resolve(strict=True)
        seen = _seen(path) if path.is_relative_to(base) else None
    except (OSError, ValueError, RuntimeError) as error:
        raise uploads.RefusedError(absent) from error
    if seen is None:
        raise uploads.RefusedError(absent)
    uploads.ending_of(path.name)
    return Found(path, seen)


def _seen(path: Path) -> tuple[int, ...] | None:
    """Give the marks of a file that lies where its path says, followed to its end; None where that is not so."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
        there = Path(f"/proc/self/fd/{file.fileno()}").readlink()  # a folder may have become a link meanwhile
        return marks(file) if there == path and stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None


def listed() -> list[str]:
    """Name the folder's files, at most 200; none whose name cannot be written on a page."""
    base = root()
    if base is None or not base.is_dir():
        return []
    rows = (path for path in islice(base.rglob("*"), LOOKED_AT) if path.suffix.lower() in uploads.ENDINGS)
    files = (str(path.relative_to(base)) for path in sorted(rows) if str(path).isprintable() and path.is_file())
    return list(islice(files, LISTED))
