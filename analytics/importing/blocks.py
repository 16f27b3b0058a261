"""What a source gives: numbered blocks of lines. A block's number and content are the same each time it is read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

SEPARATOR = "\x1f"  # ASCII's own "unit separator": stands between fields where a source's own sign could be in them


class ImportFault(Exception):
    """The import cannot go on. The text says what is wrong, where, and what to do; the old data keep serving."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines, all of one form.

    data: in the format `form` of the store ("LineAsString", or "ArrowStream" with one text column `line`). done:
    how far the source is after it, 0 to 1. after: what the source needs to go on behind it, JSON.
    query: instead of data, a SELECT of `line` with its values, by which the store itself fetches the lines.
    """

    number: int
    data: bytes
    form: str
    separator: str
    done: float
    after: Any
    query: tuple[str, dict[str, Any]] | None = field(default=None, kw_only=True)


class Source(Protocol):
    """Where rows come from. columns: the names of a line's fields, in order."""

    columns: tuple[str, ...]

    def sample(self) -> list[list[str]]:
        """Give the first rows, for the preview and the guess of the mapping."""
        ...

    def blocks(self, number: int, after: Any) -> Iterator[Block]:  # noqa: ANN401  # the source's own JSON
        """Give the blocks from `number` on; after: what the block before it said, None at the start."""
        ...
