"""What one job may do with its master's files: use those that its parameters name, and keep what its servers give."""

import base64
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from rpcgate.engines.remote_files import Sums
from rpcgate.files import Files, FilesError, NoFileError, TooLargeError
from rpcgate.output import clean
from sdk import Event, File
from sdk.file import NAME_LENGTH

log = logging.getLogger(__name__)
Hold = Callable[[str], None]


class JobFiles:
    """The files of one job. The module is foreign code: a digest that it makes up opens nothing.

    named: the files in the job's parameters. hold: told a digest before the job's events speak of it, so that the file
    stays as long as they do.
    """

    def __init__(self, files: Files, named: Iterable[File], hold: Hold) -> None:
        self.most = files.most
        self._files = files
        self._named = {file.sha256: file for file in named}
        self._hold = hold
        self._kept: dict[str, int] = {}  # digest -> size
        self._read: tuple[str, bytes, Sums] | None = None  # the last one: most modules put one file, often wave by wave

    def filled(self, verb: str, args: dict[str, Any]) -> dict[str, Any]:
        """Give put's arguments with the content and its sums, get's within the limits; ValueError says why not."""
        if verb == "get" and args["keep"]:
            return args | {"limit": min(args["limit"], self.most)}
        if verb != "put":
            return args
        if "file" in args:
            content, sums = self._content(args["file"])
        else:
            content = _decoded(args["content"])
            sums = Sums.of(content)
        return {name: value for name, value in args.items() if name != "file"} | {"content": content, "sums": sums}

    def keep(self, path: str, event: Event, then: Callable[[Event], None]) -> None:
        """Keep the content that a server gave; `then` gets its event with the File in the content's place, soon."""

        def act() -> None:
            try:
                kept = self._kept_event(path, event)
            except Exception:  # whatever it is, the host must end
                log.exception("what %s gave cannot be kept", event.host)
                kept = replace(event.fail("The master could not keep the file; its log says why."), data=None)
            then(kept)

        self._files.later(act)

    def _content(self, plain: Any) -> tuple[bytes, Sums]:  # noqa: ANN401  # what a module gave
        file = self._named.get(File.from_dict(plain).sha256)
        if file is None:
            raise ValueError("The module puts a file that none of its parameters names.")
        if self._read is None or self._read[0] != file.sha256:
            try:
                content = self._files.read(file)
            except NoFileError as error:
                raise ValueError(str(error)) from error
            self._read = file.sha256, content, Sums.of(content)
        return self._read[1], self._read[2]

    def _kept_event(self, path: str, event: Event) -> Event:
        try:
            content = base64.b64decode(event.data["content"], validate=True)
            file = File(name_of(path), len(content), self._files.keep(content))
        except (FilesError, TooLargeError) as error:
            return replace(event.fail(str(error)), data=None)
        self._hold(file.sha256)
        self._kept[file.sha256] = file.size
        return replace(event, data={"file": file.as_dict()})

    def checked(self, event: Event) -> Event:
        """Take a file out of a module's event that none of this job's servers gave."""
        if not isinstance(event.data, dict) or "file" not in event.data:
            return event
        try:
            file = File.from_dict(event.data["file"])
            if self._kept.get(file.sha256) == file.size:
                return event
        except ValueError:
            pass
        return replace(event, data={name: value for name, value in event.data.items() if name != "file"})


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError("The content to put is not what the module gave.") from None


def name_of(path: str) -> str:
    """Give the last part of a path as a file may be called everywhere."""
    name = "".join(char if char.isprintable() else "_" for char in clean(PurePosixPath(path).name))
    while len(name.encode()) > NAME_LENGTH:
        name = name[:-1]
    return name if name not in ("", ".", "..") else "file"
