"""Read a CSV file in blocks: into columns where that is sure, else as lines, which the store judges."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from analytics.importing import delimited
from analytics.importing.blocks import NOTHING, SEPARATOR, Block, ImportFault, Lines, Rows
from analytics.importing.files import File, marks
from sdk.text import Text

BLOCK_BYTES = 24 << 20
LINE_BYTES = 1 << 20
QUOTE_BYTES = 1 << 20  # how far a quoted field may reach over lines before its quote counts as broken
MOST_COLUMNS = 1000
SAMPLE_ROWS = 1000
NUMBER = re.compile(r"-?\d{1,18}")
DELIMITERS = (",", "\t", ";", "|", "\x01")  # \x01: Hive's


class CsvFile:
    """One file, .gz or not. header: None finds out; delimiter: "" finds out. name, seen: as analytics.importing.files.

    However far a .gz unpacks, some blocks of it at most are in memory.
    """

    def __init__(
        self,
        path: Path,
        *,
        header: bool | None = None,
        delimiter: str = "",
        block_bytes: int = BLOCK_BYTES,
        name: str = "",
        seen: Iterable[int] = (),
    ) -> None:
        self.path, self._block_bytes, self._file = path, block_bytes, File(path, name, tuple(seen))
        with self._readable(), self._file.opened() as raw:
            _, size, changed = marks(raw)
            self.size = max(size, 1)
            head = self._unpacked(raw).read(1 << 18)
        self.identity = {"csv": str(path.resolve()), "size": size, "changed": changed}  # of others of its name
        shown = self._file.shown
        text = _text(head, shown)
        if not text.strip():
            raise ImportFault(Text("{file}: the file is empty", file=shown))
        first = text.splitlines()[0]
        self.delimiter = delimiter or max(DELIMITERS, key=first.count)
        try:
            rows = [row for row in csv.reader(io.StringIO(text), delimiter=self.delimiter) if row][: SAMPLE_ROWS + 1]
        except csv.Error as error:
            raise ImportFault(
                Text(
                    "{file}: the first lines are no CSV ({error}); does a quote not close?",
                    file=shown,
                    error=str(error),
                )
            ) from error
        self.named = _is_header(rows[0]) if header is None else header
        self.columns = (
            tuple(name.strip() for name in rows[0]) if self.named else tuple(map(str, range(1, len(rows[0]) + 1)))
        )
        _see_columns(self.columns, shown, self.delimiter)
        self._sample = rows[1:] if self.named else rows
        if len(head) == 1 << 18 and len(self._sample) > 1:
            self._sample.pop()  # it may have been cut

    def opened(self) -> BinaryIO:
        """Open it as it lies there."""
        return self._file.opened()

    def sample(self) -> list[list[str]]:
        """Give the first rows."""
        return self._sample

    def blocks(self, number: int, after: Any, numbers: frozenset[str] = NOTHING) -> Iterator[Block]:  # noqa: ANN401  # where the last block ended, bytes
        """Give the file's blocks from a byte on."""
        numbers = frozenset(name for name in numbers if self._holds_numbers(name))
        with self._readable(), self._file.opened() as raw:
            file = self._unpacked(raw)
            file.seek(after or 0)
            if not after:
                self._skip_head(file)
            while data := self._piece(file):
                yield Block(number, self._parts(data, numbers), min(1.0, raw.tell() / self.size), file.tell())
                number += 1
            self._file.see_same(raw)

    def _holds_numbers(self, column: str) -> bool:
        """Say whether the first rows have whole numbers there; a time may also be text."""
        place = self.columns.index(column)
        values = [row[place].strip() for row in self._sample if len(row) == len(self.columns)]
        return 2 * sum(bool(NUMBER.fullmatch(value)) for value in values) > len(values)

    def _unpacked(self, raw: BinaryIO) -> BinaryIO:
        return gzip.GzipFile(fileobj=raw) if self.path.suffix == ".gz" else raw  # type: ignore[return-value]

    def _skip_head(self, file: BinaryIO) -> None:
        if file.read(3) != b"\xef\xbb\xbf":  # a byte order mark
            file.seek(0)
        if self.named:
            head = file.readline(QUOTE_BYTES)
            while head.count(b'"') % 2 and len(head) < QUOTE_BYTES and (more := file.readline(QUOTE_BYTES)):
                head += more

    def _piece(self, file: BinaryIO) -> bytes:
        """Read whole lines; a quoted field that goes on in the next line is not cut."""
        data = file.read(self._block_bytes)
        if not data.endswith(b"\n"):
            data += file.readline(LINE_BYTES)
        self._see_lines(data, file)
        more, extra, odd = [data], 0, data.count(b'"') % 2
        while odd and extra < QUOTE_BYTES and (line := file.readline(QUOTE_BYTES)):
            more.append(line)
            extra, odd = extra + len(line), (odd + line.count(b'"')) % 2
        return b"".join(more)

    def _see_lines(self, data: bytes, file: BinaryIO) -> None:
        """See that what was read is lines: where nothing ends one, the file is no CSV, or a bomb."""
        for start in range(0, len(data) - LINE_BYTES + 1, LINE_BYTES):
            if data.find(b"\n", start, start + LINE_BYTES) < 0:
                raise ImportFault(
                    Text(
                        "{file}: behind byte {at:,} there is a line of more than {most:,} bytes; is this a CSV file?",
                        file=self._file.shown,
                        at=file.tell() - len(data) + start,
                        most=LINE_BYTES,
                    )
                )

    def _parts(self, data: bytes, numbers: frozenset[str]) -> list[Rows | Lines]:
        if b"\r" in data:  # to look for one byte takes a tenth of the time
            data = data.replace(b"\r\n", b"\n")
        read = delimited.parts(data, self.delimiter, self.columns, numbers) if len(self.delimiter) == 1 else None
        return [self._lines(data)] if read is None else read

    def _lines(self, data: bytes) -> Lines:
        """Give lines. Without a quote the store splits them; else they are read here."""
        if b'"' not in data:
            return Lines(data, self.delimiter)
        text = data.decode("utf-8", "surrogateescape")
        lines = None if data.count(b'"') % 2 else _joined(text, self.delimiter)
        if lines is None:  # the quotes do not pair: each line by itself; a broken one stays as it is
            alone = io.StringIO()
            for line in io.StringIO(text):
                joined = _joined(line, self.delimiter)
                alone.write(line if joined is None else joined)
            lines = alone.getvalue()
        return Lines(lines.encode("utf-8", "surrogateescape"), SEPARATOR)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Say in a sentence that the file cannot be read: it is not there, it is no .gz, or one that was cut."""
        try:
            yield
        except (OSError, EOFError, zlib.error) as error:
            why = getattr(error, "strerror", None) or str(error).rstrip(".")
            raise ImportFault(
                Text("{file}: the file cannot be read ({why})", file=self._file.shown, why=why)
            ) from error


def _joined(text: str, delimiter: str) -> str | None:
    """Give rows with our separator instead of theirs, each a line; None where it is no CSV.

    One row after the other: a list of small rows would take a hundred times their memory.
    """
    lines = io.StringIO()
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            fields = (field.replace(SEPARATOR, " ").replace("\r", " ").replace("\n", " ") for field in row)
            if line := SEPARATOR.join(fields):
                lines.write(f"{line}\n")
    except csv.Error:
        return None
    return lines.getvalue()


def _is_header(row: list[str]) -> bool:
    """A header has a name in each field, and no name is a number."""
    return all(field.strip() and not field.strip().lstrip("-").replace(".", "", 1).isdigit() for field in row)


def _see_columns(columns: Sequence[str], shown: str, sign: str) -> None:
    """See that there are not too many columns, and each has a name of its own."""
    if len(columns) > MOST_COLUMNS:
        raise ImportFault(
            Text(
                "{file}: the first line has {number:,} fields, at most {most:,} are read; is {sign!r} what stands"
                " between them?",
                file=shown,
                number=len(columns),
                most=MOST_COLUMNS,
                sign=sign,
            )
        )
    if len(set(columns)) < len(columns):
        names = ", ".join(columns)[:300]
        raise ImportFault(Text("{file}: two columns of the header have one name: {names}", file=shown, names=names))


def _text(head: bytes, shown: str) -> str:
    if b"\x00" in head:
        raise ImportFault(Text("{file}: this is no text (it holds NUL bytes); give a CSV file in UTF-8", file=shown))
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start > len(head) - 4:  # cut inside of a character
            return head[: error.start].decode("utf-8-sig")
        line = head[: error.start].count(b"\n") + 1
        raise ImportFault(
            Text(
                "{file}: line {line} is not UTF-8; convert the file first, for example: iconv -f GB18030 -t UTF-8",
                file=shown,
                line=line,
            )
        ) from error
