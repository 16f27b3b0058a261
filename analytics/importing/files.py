"""Open a file of rows, and see that it is still the one that a person looked at."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from analytics.importing.blocks import ImportFault
from sdk.text import Text


@dataclass(frozen=True, slots=True)
class File:
    """A file. name: what people call it; seen: its `marks` when a person looked at it, () where that does not matter.

    Of a file that was looked at nothing else is read, whatever its path leads to meanwhile.
    """

    path: Path
    name: str = ""
    seen: tuple[int, ...] = ()

    @property
    def shown(self) -> str:
        """Give what sentences call it."""
        return self.name or str(self.path)

    def opened(self) -> BinaryIO:
        """Open it; ImportFault where another one stands there now, OSError where it cannot be opened."""
        waits = os.O_NONBLOCK if self.seen else 0  # a pipe that was put there must not hold us
        try:
            file = os.fdopen(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | waits), "rb")
        except FileNotFoundError:
            if not self.seen:
                raise
            raise ImportFault(
                Text("{file}: the file is not there any more; look at the first rows again", file=self.shown)
            ) from None
        try:
            self.see_same(file)
        except BaseException:
            file.close()
            raise
        return file

    def see_same(self, file: BinaryIO) -> None:
        """See that an open file is the one that was looked at, as it was then; ImportFault where it is not."""
        if self.seen and (marks(file) != self.seen or not stat.S_ISREG(os.fstat(file.fileno()).st_mode)):
            raise ImportFault(
                Text(
                    "{file}: this is not the file any more whose first rows were looked at, or it has changed since;"
                    " look at them again",
                    file=self.shown,
                )
            )


def marks(file: BinaryIO) -> tuple[int, ...]:
    """Give what tells an open file from others and from itself before a change: inode, size, time of change."""
    seen = os.fstat(file.fileno())
    return seen.st_ino, seen.st_size, seen.st_mtime_ns
