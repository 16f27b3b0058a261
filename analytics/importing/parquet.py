"""Read a Parquet file in blocks."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analytics.importing.arrow import rows_of
from analytics.importing.blocks import NOTHING, Block, ImportFault

BLOCK_ROWS = 500_000
SAMPLE_ROWS = 1000


class ParquetFile:
    """One file. Nested columns are left out."""

    named = True

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise ImportFault(f"{path}: this cannot be read as Parquet ({str(error).splitlines()[0][:120]})") from error
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
        batch = next(self._file.iter_batches(SAMPLE_ROWS, columns=list(self.columns)), None)
        if batch is None:
            raise ImportFault(f"{self.path}: the file has no rows")
        texts = [pc.fill_null(pc.cast(batch.column(name), pa.string()), "").to_pylist() for name in self.columns]
        return [list(row) for row in zip(*texts, strict=True)]

    def blocks(self, number: int, after: Any, numbers: frozenset[str] = NOTHING) -> Iterator[Block]:  # noqa: ANN401  # rows before the block
        """Give the file's blocks; those before are passed over."""
        total, read = max(self._file.metadata.num_rows, 1), 0
        for batch in self._file.iter_batches(BLOCK_ROWS, columns=list(self.columns)):
            read += batch.num_rows
            if read > (after or 0):
                part = rows_of({name: batch.column(name) for name in self.columns}, numbers)
                yield Block(number, [part], read / total, read)
                number += 1
