"""What a source gives: numbered blocks of rows. A block's number and content are the same each time it is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sdk.text import Text

SEPARATOR = "\x1f"  # ASCII's own "unit separator": stands between fields where a source's own sign could be in them
NOTHING: frozenset[str] = frozenset()


class ImportFault(Exception):
    """The import cannot go on. The text says what is wrong, where, and what to do; the old data keep serving."""

    @property
    def text(self) -> Text:
        """Give the sentence with its template and values."""
        return Text.of(self.args[0] if self.args else "")


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows as lines, which the store splits and judges: slow, and right for whatever stands there.

    data: in the format `form` of the store ("LineAsString", or "ArrowStream" with one text column `line`).
    """

    data: bytes
    separator: str
    form: str = "LineAsString"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows whose fields are read already: an Arrow stream with a column c1, c2, ... for each of the source's.

    numbers: the columns of the source that are whole numbers here, NULL for none; all others are texts.
    few: those of texts of which each stands there once, with its places.
    """

    data: bytes
    numbers: frozenset[str]
    few: frozenset[str] = NOTHING

    @property
    def read(self) -> frozenset[str]:
        """Give the columns that are no texts."""
        return self.numbers


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT of c1, c2, ... by which the store itself fetches the rows; numbers as above.

    times: the columns that are local times, which the store reads in the session's zone, NULL for none. decimals: those
    of decimal numbers, none of which an amount cannot hold.
    """

    sql: str
    bind: dict[str, Any] = field(repr=False)  # a password is among them
    numbers: frozenset[str] = NOTHING
    times: frozenset[str] = NOTHING
    decimals: frozenset[str] = NOTHING

    @property
    def read(self) -> frozenset[str]:
        """Give the columns that are no texts."""
        return self.numbers | self.times | self.decimals


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows. done: how far the source is after it, 0 to 1; after: what it needs to go on behind it, JSON."""

    number: int
    parts: Sequence[Lines | Rows | Query]
    done: float
    after: Any


class Source(Protocol):
    """Where rows come from. columns: the names of a row's fields, in order."""

    columns: tuple[str, ...]

    def sample(self) -> list[list[str]]:
        """Give the first rows, for the preview and the guess of the mapping."""
        ...

    def blocks(self, number: int, after: Any, numbers: frozenset[str] = NOTHING) -> Iterator[Block]:  # noqa: ANN401  # the source's own JSON
        """Give the blocks from `number` on; after: what the block before it said, None at the start.

        numbers: the columns that are kept as whole numbers; a source may read them as such.
        """
        ...
