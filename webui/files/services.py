"""Uploads: who may bring a file, and who may give it to a task."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from sdk import File
from sdk.fields import Field
from sdk.params import files_in
from webui import access
from webui.files import storing
from webui.files.models import TaskFile, Upload
from webui.tasks.models import Task

if TYPE_CHECKING:
    from webui.access import Person


def upload(person: "Person", name: str, chunks: Iterable[bytes]) -> File:
    """Store a file for whoever may run modules; NotAllowed, TooLarge or ValueError with a sentence otherwise."""
    access.require_run(person, "read")
    name = name.replace("\\", "/").rpartition("/")[2]  # browsers of old send a whole path
    try:
        File(name, 0, "0" * 64)
    except ValueError as error:
        raise ValueError(_("A file's name has 1 to 255 bytes and no control characters.")) from error
    content = storing.take(chunks)
    Upload.objects.update_or_create(content=content, by=person, defaults={"name": name, "at": timezone.now()})
    return File(name, content.size, content.sha256)


def faults(fields: Iterable[Field], raw: Mapping[str, Any], person: "Person | None" = None) -> dict[str, str]:
    """Say of each file among raw values why it cannot be given to a task.

    person: may give what they have uploaded, and what a task has had already: everybody sees that task.
    """
    found = {}
    for field in fields:
        for file in files_in([field], raw):
            if not storing.is_here(file.sha256, file.size):
                found[field.name] = _("The file %s is not here, or not any more; upload it again.") % file.name
            elif person is not None and not _may_use(person, file):
                found[field.name] = _("The file %s was uploaded by somebody else; upload it yourself.") % file.name
    return found


def note(task: Task, fields: Iterable[Field]) -> None:
    """Note which files a new task needs."""
    with transaction.atomic():
        for field in fields:
            for file in files_in([field], task.params):
                TaskFile.objects.create(task=task, param=field.name, name=file.name, sha256=file.sha256, size=file.size)
                storing.touch([file.sha256])


def _may_use(person: "Person", file: File) -> bool:
    mine = Upload.objects.filter(content_id=file.sha256, by=person.pk)
    return mine.exists() or TaskFile.objects.filter(sha256=file.sha256).exists()
