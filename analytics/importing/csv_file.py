"""Read a CSV file in blocks: into columns where that is sure, else as lines, which the store judges."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from analytics.importing import delimited
from analytics.importing.blocks import NOTHING, SEPARATOR, Block, ImportFault, Lines, Rows

BLOCK_BYTES = 24 << 20
QUOTE_BYTES = 1 << 20  # how far a quoted field may reach over lines before its quote counts as broken
SAMPLE_ROWS = 1000
NUMBER = re.compile(r"-?\d{1,18}")
DELIMITERS = (",", "\t", ";", "|", "\x01")  # \x01: Hive's


class CsvFile:
    """One file, .gz or not. header: None finds out; delimiter: "" finds out."""

    def __init__(
        self, path: Path, *, header: bool | None = None, delimiter: str = "", block_bytes: int = BLOCK_BYTES
    ) -> None:
        self.path, self._block_bytes = path, block_bytes
        with _readable(path):
            self._size = max(path.stat().st_size, 1)
            with self._open() as file:
                head = file.read(1 << 18)
        text = _text(head, path)
        if not text.strip():
            raise ImportFault(f"{path}: the file is empty")
        first = text.splitlines()[0]
        self.delimiter = delimiter or max(DELIMITERS, key=first.count)
        try:
            rows = [row for row in csv.reader(io.StringIO(text), delimiter=self.delimiter) if row][: SAMPLE_ROWS + 1]
        except csv.Error as error:
            raise ImportFault(f"{path}: the first lines are no CSV ({error}); does a quote not close?") from error
        self.named = _is_header(rows[0]) if header is None else header
        self.columns = (
            tuple(name.strip() for name in rows[0]) if self.named else tuple(map(str, range(1, len(rows[0]) + 1)))
        )
        if len(set(self.columns)) < len(self.columns):
            raise ImportFault(f"{path}: two columns of the header have one name: {', '.join(self.columns)[:300]}")
        self._sample = rows[1:] if self.named else rows
        if len(head) == 1 << 18 and len(self._sample) > 1:
            self._sample.pop()  # it may have been cut

    @property
    def identity(self) -> dict[str, Any]:
        """Give what tells this file from another one of its name."""
        seen = self.path.stat()
        return {"csv": str(self.path.resolve()), "size": seen.st_size, "changed": seen.st_mtime_ns}

    def sample(self) -> list[list[str]]:
        """Give the first rows."""
        return self._sample

    def blocks(self, number: int, after: Any, numbers: frozenset[str] = NOTHING) -> Iterator[Block]:  # noqa: ANN401  # where the last block ended, bytes
        """Give the file's blocks from a byte on."""
        numbers = frozenset(name for name in numbers if self._holds_numbers(name))
        with _readable(self.path), self._open() as file:
            file.seek(after or 0)
            if not after:
                self._skip_head(file)
            while data := self._piece(file):
                yield Block(number, self._parts(data, numbers), self._done(file), file.tell())
                number += 1

    def _holds_numbers(self, column: str) -> bool:
        """Say whether the first rows have whole numbers there; a time may also be text."""
        place = self.columns.index(column)
        values = [row[place].strip() for row in self._sample if len(row) == len(self.columns)]
        return 2 * sum(bool(NUMBER.fullmatch(value)) for value in values) > len(values)

    def _open(self) -> BinaryIO:
        return gzip.open(self.path) if self.path.suffix == ".gz" else self.path.open("rb")  # type: ignore[return-value]

    def _skip_head(self, file: BinaryIO) -> None:
        if file.read(3) != b"\xef\xbb\xbf":  # a byte order mark
            file.seek(0)
        if self.named:
            head = file.readline(QUOTE_BYTES)
            while head.count(b'"') % 2 and len(head) < QUOTE_BYTES and (more := file.readline(QUOTE_BYTES)):
                head += more

    def _done(self, file: BinaryIO) -> float:
        raw = getattr(file, "fileobj", None) or file  # of a gzip file, the compressed one beneath
        return min(1.0, raw.tell() / self._size)

    def _piece(self, file: BinaryIO) -> bytes:
        """Read whole lines; a quoted field that goes on in the next line is not cut."""
        data = file.read(self._block_bytes) + file.readline(QUOTE_BYTES)  # what is no line must not fill the memory
        extra = 0
        while data.count(b'"') % 2 and extra < QUOTE_BYTES and (more := file.readline(QUOTE_BYTES)):
            data += more
            extra += len(more)
        return data

    def _parts(self, data: bytes, numbers: frozenset[str]) -> list[Rows | Lines]:
        data = data.replace(b"\r\n", b"\n")
        read = delimited.parts(data, self.delimiter, self.columns, numbers) if len(self.delimiter) == 1 else None
        return [self._lines(data)] if read is None else read

    def _lines(self, data: bytes) -> Lines:
        """Give lines. Without a quote the store splits them; else they are read here."""
        if b'"' not in data:
            return Lines(data, self.delimiter)
        text = data.decode("utf-8", "surrogateescape")
        whole = not data.count(b'"') % 2
        rows = _rows(text, self.delimiter) if whole else None
        lines = (
            [_joined(row) for row in rows] if rows is not None else [self._alone(line) for line in text.splitlines()]
        )
        return Lines("\n".join(filter(None, lines)).encode("utf-8", "surrogateescape"), SEPARATOR)

    def _alone(self, line: str) -> str:
        """Read a line by itself, where the quotes of its block do not pair; a broken one stays as it is."""
        rows = _rows(line, self.delimiter)
        return _joined(rows[0]) if rows else line


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in a sentence that a file cannot be read: it is not there, it is no .gz, or one that was cut."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise ImportFault(f"{path}: the file cannot be read ({why})") from error


def _rows(text: str, delimiter: str) -> list[list[str]] | None:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None


def _joined(row: list[str]) -> str:
    return SEPARATOR.join(field.replace(SEPARATOR, " ").replace("\r", " ").replace("\n", " ") for field in row)


def _is_header(row: list[str]) -> bool:
    """A header has a name in each field, and no name is a number."""
    return all(field.strip() and not field.strip().lstrip("-").replace(".", "", 1).isdigit() for field in row)


def _text(head: bytes, path: Path) -> str:
    if b"\x00" in head:
        raise ImportFault(f"{path}: this is no text (it holds NUL bytes); give a CSV file in UTF-8")
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start > len(head) - 4:  # cut inside of a character
            return head[: error.start].decode("utf-8-sig")
        line = head[: error.start].count(b"\n") + 1
        raise ImportFault(
            f"{path}: line {line} is not UTF-8; convert the file first, for example: iconv -f GB18030 -t UTF-8"
        ) from error
