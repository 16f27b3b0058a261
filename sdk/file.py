"""A file that travels beside a task, not inside its messages."""

import re
from dataclasses import dataclass
from typing import Any

DIGEST = re.compile(r"[0-9a-f]{64}")
NAME_LENGTH = 255  # bytes, as file systems have it


@dataclass(frozen=True, slots=True)
class File:
    """A file known by its content: as a field of Params, what a person uploaded; in an answer, what a server gave.

    name: without folders. size: bytes. sha256: hex digest of the content; the master holds the content by it, and
    `ctx.engine.put` takes the File as it is.
    """

    name: str
    size: int
    sha256: str

    def __post_init__(self) -> None:
        if not DIGEST.fullmatch(self.sha256):
            raise ValueError("A file's digest is 64 hex digits.")
        if type(self.size) is not int or self.size < 0:
            raise ValueError("A file's size is a number of bytes.")
        if not _is_name(self.name):
            raise ValueError("A file's name has 1 to 255 bytes, no / and no control characters.")

    def as_dict(self) -> dict[str, Any]:
        """Give JSON values; from_dict is the inverse."""
        return {"name": self.name, "size": self.size, "sha256": self.sha256}

    @classmethod
    def from_dict(cls, plain: Any) -> "File":  # noqa: ANN401  # whatever came
        """Read what as_dict gave; ValueError when it is none."""
        if not isinstance(plain, dict) or plain.keys() != {"name", "size", "sha256"}:
            raise ValueError("A file is {name, size, sha256}.")
        if not isinstance(plain["name"], str) or not isinstance(plain["sha256"], str):
            raise ValueError("A file's name and digest are texts.")
        return cls(plain["name"], plain["size"], plain["sha256"])


def _is_name(name: str) -> bool:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= NAME_LENGTH and name not in (".", "..") and name.isprintable() and "/" not in name
