"""What a task has to do with files, for its pages, the API and the command line."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from webui.files.models import Content, KeptFile, TaskFile
from webui.tasks.models import Task


@dataclass(frozen=True, slots=True)
class Shown:
    """A task's files. sent: those of its parameters. here, coming, missing: those that servers gave, by number."""

    sent: list[TaskFile]
    here: int
    size: int
    coming: int
    missing: int

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return bool(self.sent or self.here or self.coming or self.missing)


def shown(task: Task) -> Shown:
    """Give what a task's page says of its files, in two queries."""
    rows = list(kept(task).values_list("sha256", "size", "stored_at", "fault", "gone"))
    here = [size for _sha, size, at, fault, gone in rows if at and not gone and not fault]
    coming = sum(1 for _sha, _size, at, fault, _gone in rows if not at and not fault)
    return Shown(list(task.files.all()), len(here), sum(here), coming, len(rows) - len(here) - coming)


def coming(task: int) -> bool:
    """Say whether files that a task's servers gave are still on their way from masters."""
    return KeptFile.objects.filter(task=task, stored_at__isnull=True, fault="").exists()


def kept(task: Task) -> QuerySet[KeptFile]:
    """Give the files that a task's servers gave. gone: whether the content was removed since."""
    stored = Content.objects.filter(pk=OuterRef("sha256"))
    return KeptFile.objects.filter(task=task).annotate(gone=~Exists(stored)).order_by("host")


def ready(task: Task) -> QuerySet[KeptFile]:
    """Give those whose content is here."""
    return kept(task).filter(stored_at__isnull=False, gone=False)


def as_json(file: Any) -> dict[str, Any]:  # noqa: ANN401  # a KeptFile of kept()
    """Give a kept file as the API does. state: here, coming, or missing with a reason."""
    state = "missing" if file.fault or (file.stored_at and file.gone) else "here" if file.stored_at else "coming"
    reason = file.fault or ("It was removed: nobody wanted it for a long time." if state == "missing" else "")
    return {
        "host": file.host,
        "name": file.name,
        "size": file.size,
        "sha256": file.sha256,
        "state": state,
        "reason": reason,
    }
