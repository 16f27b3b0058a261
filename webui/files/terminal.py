"""Files on the command line: a File parameter from a path, and a task's files into a folder or an archive."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webui.console import UsageError
from webui.files import archive, reads, services, storing
from webui.tasks.models import Task

if TYPE_CHECKING:
    from webui.access import Person


def upload(person: "Person", path: Path) -> dict[str, Any]:
    """Store a file of this machine and give it as a parameter's value; UsageError says why not."""
    try:
        with path.expanduser().open("rb") as file:
            return services.upload(person, path.name, iter(lambda: file.read(storing.CHUNK), b"")).as_dict()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (storing.TooLarge, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error


def save(task: Task, to: Path) -> Iterator[str]:
    """Write the files that a task's servers gave, and say one line for each.

    to: a folder, which gets HOST/NAME, or a file that ends with .tar.gz. What is there already is never overwritten.
    """
    files = list(reads.kept(task))
    here = [file for file in files if file.stored_at and not file.gone]
    if not files:
        raise UsageError(f"the servers of task {task.pk} gave no files")
    members = archive.members(here)
    try:
        if to.name.endswith(".tar.gz"):
            _write(to, archive.packed(members))
            yield f"{to}: {len(members)} files"
        else:
            yield from _into(to, members)
    except FileExistsError as error:
        raise UsageError(f"{error.filename} is there already; name another place, or move it away") from error
    except OSError as error:
        raise UsageError(f"{error.filename or to} cannot be written: {error.strerror}") from error
    for file in (file for file in files if file not in here):
        told = reads.as_json(file)
        yield f"{file.host}: {file.name} is {told['state']}. {told['reason']}".strip()


def _into(folder: Path, members: list[archive.Member]) -> Iterator[str]:
    for member in members:
        path = folder / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with storing.opened(member.sha256) as content:
            _write(path, iter(lambda content=content: content.read(storing.CHUNK), b""))
        yield f"{path}: {member.size} bytes"


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    with path.open("xb") as file:
        for piece in pieces:
            file.write(piece)
