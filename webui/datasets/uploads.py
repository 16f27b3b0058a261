"""Files for imports: streamed to disk, kept until their import is done.

A file lies under its digest and one of three endings, never under a name that a person chose.
"""

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from analytics.asked import OPEN
from analytics.models import ImportRun

ENDINGS = {".csv": ".csv", ".tsv": ".csv", ".txt": ".csv", ".gz": ".csv.gz", ".parquet": ".parquet", ".pq": ".parquet"}
KEPT_SECONDS = 7 * 86_400  # a file that no import took
CHUNK = 1 << 20
DIGEST = re.compile(r"[0-9a-f]{64}")


class RefusedError(Exception):
    """The file is not taken. The text says why."""


class TooLargeError(RefusedError):
    """The file is larger than is taken."""


def of_request(request: HttpRequest) -> dict[str, Any]:
    """Store the body of a request, which ?name= names; as `take`. One too large by its own word is not read."""
    told = request.headers.get("Content-Length", "")
    if told.isdigit() and int(told) > settings.ANALYTICS_UPLOAD_BYTES:
        raise TooLargeError(too_large())
    return take(request.GET.get("name", ""), iter(lambda: request.read(CHUNK), b""))


def take(name: str, chunks: Iterable[bytes]) -> dict[str, Any]:
    """Store what comes; its name, size and digest. RefusedError ends it at once, and nothing stays."""
    ending = ending_of(name)
    folder = _folder()
    _clear(folder)
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, prefix="part-", delete=False) as file:
        path = Path(file.name)
        try:
            for chunk in chunks:
                size += len(chunk)
                if size > settings.ANALYTICS_UPLOAD_BYTES:
                    raise TooLargeError(too_large())
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise RefusedError(_("The file could not be stored: %s.") % (error.strerror or error)) from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    path.replace(folder / f"{digest.hexdigest()}{ending}")
    return {"name": name[-120:], "size": size, "sha256": digest.hexdigest()}


def find(name: str, sha256: str) -> Path | None:
    """Give a stored file; None when it is gone, or the digest is none."""
    if not DIGEST.fullmatch(sha256):
        return None
    with suppress(RefusedError):
        path: Path = _folder() / f"{sha256}{ending_of(name)}"
        return path if path.is_file() else None
    return None


def ending_of(name: str) -> str:
    """Give the ending under which a file is kept; RefusedError when it is no file of rows."""
    ending = ENDINGS.get(Path(name).suffix.lower())
    if ending is None or (ending == ".csv.gz" and ".parquet" in name.lower()):
        raise RefusedError(
            _("%(name)s is no file of rows; choose one that ends in .csv, .tsv, .txt, .gz or .parquet.")
            % {"name": name[-60:]}
        )
    return ending


def too_large() -> str:
    """Say how large a file may be."""
    most = settings.ANALYTICS_UPLOAD_BYTES >> 20
    return (
        _(
            "The file is larger than %d MiB; put it into the folder that ANALYTICS_IMPORT_DIR names,"
            " or import it on the command line."
        )
        % most
    )


def done_with(run: ImportRun) -> None:
    """Remove the file of an import that has ended well or was given up, unless another one needs it."""
    path = _path(run)
    if path and not any(_path(other) == path for other in ImportRun.objects.filter(OPEN).exclude(pk=run.pk)):
        path.unlink(missing_ok=True)


def is_uploaded(run: ImportRun) -> bool:
    """Say whether an import reads an uploaded file."""
    return _path(run) is not None


def is_gone(run: ImportRun) -> bool:
    """Say whether an import reads an uploaded file that is not here any more."""
    path = _path(run)
    return path is not None and not path.is_file()


def _path(run: ImportRun) -> Path | None:
    """Give the uploaded file that an import reads; None where it reads something else."""
    source = run.request.get("source", {})
    path = Path(source.get("csv") or source.get("parquet") or "/")
    return path if path.parent == settings.ANALYTICS_UPLOADS_DIR else None


def _folder() -> Path:
    folder: Path = settings.ANALYTICS_UPLOADS_DIR
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _clear(folder: Path) -> None:
    """Remove what nobody has imported for a week."""
    states = [*map(str, (ImportRun.State.FAILED,))]
    runs = ImportRun.objects.filter(OPEN) | ImportRun.objects.filter(state__in=states)
    wanted = {_path(run) for run in runs}
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if path not in wanted and time.time() - path.stat().st_mtime > KEPT_SECONDS:
                path.unlink()
