"""Contents between here and a master, in pieces: each may be asked for again, and goes on where it was cut."""

import base64
import binascii
import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from rpcgate.client import MasterClient, MasterRefused, MasterSilent
from rpcgate.protocol import FILE_PIECE, FilePiece, FileState, GetFile, PutFile, Refusal
from sdk import File
from webui.files import storing
from webui.files.models import KeptFile, TaskFile
from webui.tasks.models import Job, Task
from webui.tasks.writing import write

log = logging.getLogger(__name__)

LOST = "The file %s that this task needs is not stored here any more; upload it and run the task again."
OTHER = "What the master sent is not the file that its digest names."
STUCK = 5  # answers in which a file does not grow: something is wrong there
Wanted = Callable[[], bool]


class CannotSendError(Exception):
    """A file of the job cannot be brought to its master. The text says why, for everybody who sees the task."""


def send(client: MasterClient, job_id: UUID, wanted: Wanted) -> None:
    """Bring the files of a job to its master. wanted: asked before each piece; when it says no, this ends.

    MasterSilent and MasterRefused(BUSY): try again later, it goes on where it was.
    """
    for file in TaskFile.objects.filter(task__jobs=job_id).distinct():
        try:
            with storing.opened(file.sha256) as content:
                _send(client, file, content, wanted)
        except FileNotFoundError as error:
            raise CannotSendError(LOST % file.name) from error
        except MasterRefused as refused:
            if refused.code is Refusal.BUSY:
                raise
            raise CannotSendError(f"{file.name} was not taken: {refused.sentence}") from refused


def _send(client: MasterClient, file: TaskFile, content: BinaryIO, wanted: Wanted) -> None:
    have, stuck = 0, 0
    piece = b""  # first only ask how much is there
    while wanted():
        text = base64.b64encode(piece).decode()
        state = client.ask(PutFile(file.sha256, file.size, have, text))
        if not isinstance(state, FileState) or state.whole:
            return
        stuck = stuck + 1 if state.have <= have else 0
        if stuck > STUCK:
            raise CannotSendError(f"{file.name} does not arrive on the master.")
        have = state.have
        content.seek(have)
        piece = content.read(FILE_PIECE)


def coming(jobs: Iterable[UUID]) -> set[UUID]:
    """Give those of some jobs whose files are still to be fetched."""
    kept = KeptFile.objects.filter(job__in=list(jobs), stored_at__isnull=True, fault="")
    return set(kept.values_list("job_id", flat=True))


def fetch(client: MasterClient, job_id: UUID, wanted: Wanted) -> None:
    """Fetch the files that a job's servers gave; what cannot be had gets its sentence.

    MasterSilent: try again later, it goes on where it was.
    """
    while wanted():
        kept = KeptFile.objects.filter(job=job_id, stored_at__isnull=True, fault="").first()
        if kept is None:
            return
        fault = ""
        try:
            if not storing.is_here(kept.sha256, kept.size) and not _fetched(client, kept.file, wanted):
                return
        except storing.TooLarge as error:
            fault = str(error)
        except MasterRefused as refused:
            if refused.code is Refusal.BUSY:
                raise
            fault = refused.sentence
        storing.touch([kept.sha256])
        write(lambda kept=kept, fault=fault: _note(kept, fault))


def _note(kept: KeptFile, fault: str) -> None:
    same = KeptFile.objects.filter(job=kept.job_id, sha256=kept.sha256, size=kept.size, stored_at__isnull=True)
    same.update(stored_at=None if fault else timezone.now(), fault=fault[:300])
    Task.objects.filter(pk=kept.task_id).update(version=F("version") + 1)


def _fetched(client: MasterClient, file: File, wanted: Wanted) -> bool:
    """Fetch one content; False when it is not wanted any more. TooLarge when it cannot be stored, or is another's."""
    if file.size > settings.FILE_BYTES:
        raise storing.TooLarge(storing.too_large(file.size))
    path = storing.parts() / file.sha256
    with _alone(path) as part:
        have = part.seek(0, os.SEEK_END)
        while have < file.size:
            if not wanted():
                return False
            part.write(_piece(client, file, have))
            have = part.tell()
        part.flush()
        os.fsync(part.fileno())
        part.seek(0)
        right = have == file.size and hashlib.file_digest(part, "sha256").hexdigest() == file.sha256
        if not right:
            path.unlink(missing_ok=True)
            raise storing.TooLarge(OTHER)
        storing.settle(path, file.sha256, file.size)
        path.unlink(missing_ok=True)  # where the content was here already, nothing was moved
    return True


def _piece(client: MasterClient, file: File, offset: int) -> bytes:
    piece = client.ask(GetFile(file.sha256, offset))
    try:
        content = base64.b64decode(piece.content, validate=True) if isinstance(piece, FilePiece) else b""
    except (binascii.Error, ValueError):
        content = b""
    if not content or len(content) > file.size - offset:
        raise storing.TooLarge(OTHER)
    return content


@contextmanager
def _alone(path: Path) -> Iterator[BinaryIO]:
    """Open what is there of a content; MasterSilent, so that it is tried again, while another dispatcher fetches it."""
    path.touch(mode=0o600)
    with path.open("r+b") as part:
        try:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise MasterSilent("Another dispatcher fetches this file.") from None
        yield part


def told(task: int, job: Job, result: int, host: str, data: object) -> KeptFile | None:
    """Read from a final event's data which file a server gave; None where it names none."""
    if not isinstance(data, dict) or "file" not in data:
        return None
    try:
        file = File.from_dict(data["file"])
    except ValueError:
        log.warning("job %s: a file of %s is none", job.pk, host)
        return None
    return KeptFile(
        task_id=task, job=job, result_id=result, host=host, name=file.name, sha256=file.sha256, size=file.size
    )
