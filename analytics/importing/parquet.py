"""Read a Parquet file in blocks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analytics.importing.arrow import rows_of
from analytics.importing.blocks import NOTHING, Block, ImportFault

BLOCK_ROWS = 500_000
SAMPLE_ROWS = 1000
TEXTS = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
VALUE_BYTES = 1 << 16  # of a text; a file of 1 MB can hold one of 1 GB a million times


class ParquetFile:
    """One file. Nested columns are left out."""

    named = True

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._readable():
            self._file = pq.ParquetFile(path)
            schema = self._file.schema_arrow
        self.columns = tuple(field.name for field in schema if not pa.types.is_nested(field.type))

    @property
    def identity(self) -> dict[str, Any]:
        """Give what tells this file from another one of its name."""
        seen = self.path.stat()
        return {"parquet": str(self.path.resolve()), "size": seen.st_size, "changed": seen.st_mtime_ns}

    def narrow(self, columns: Sequence[str]) -> None:
        """Read only these columns from now on."""
        self.columns = tuple(column for column in self.columns if column in columns)

    def sample(self) -> list[list[str]]:
        """Give the first rows."""
        with self._readable():
            file = pq.ParquetFile(self.path, read_dictionary=self._texts)  # each value once, however often it is there
            batch = next(file.iter_batches(SAMPLE_ROWS, columns=list(self.columns)), None)
            if batch is None:
                raise ImportFault(f"{self.path}: the file has no rows")
            for name in self._texts:
                self._see_short(name, batch.column(name))
            texts = [pc.fill_null(pc.cast(batch.column(name), pa.string()), "").to_pylist() for name in self.columns]
            return [list(row) for row in zip(*texts, strict=True)]

    def blocks(self, number: int, after: Any, numbers: frozenset[str] = NOTHING) -> Iterator[Block]:  # noqa: ANN401  # rows before the block
        """Give the file's blocks; those before are passed over."""
        total, read = max(self._file.metadata.num_rows, 1), 0
        with self._readable():
            for batch in self._file.iter_batches(BLOCK_ROWS, columns=list(self.columns)):
                read += batch.num_rows
                if read > (after or 0):
                    part = rows_of({name: batch.column(name) for name in self.columns}, numbers)
                    yield Block(number, [part], read / total, read)
                    number += 1

    @property
    def _texts(self) -> list[str]:
        schema = self._file.schema_arrow
        return [name for name in self.columns if _plain(schema.field(name).type) in TEXTS]

    def _see_short(self, name: str, column: pa.Array) -> None:
        """See that no text is longer than one of an event can be."""
        values = column.dictionary if pa.types.is_dictionary(column.type) else column
        longest = pc.max(pc.binary_length(values)).as_py() or 0
        if longest > VALUE_BYTES:
            raise ImportFault(
                f"{self.path}: a text of the column {name[:60]} has {longest} bytes; at most {VALUE_BYTES}"
            )

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Say in a sentence that a file cannot be read, or not as text."""
        try:
            yield
        except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
            why = (str(error).splitlines() or [type(error).__name__])[0][:120]
            raise ImportFault(f"{self.path}: this cannot be read as Parquet ({why})") from error


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
