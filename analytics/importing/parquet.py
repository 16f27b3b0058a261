"""Read a Parquet file in blocks; what unpacks it is a process of its own (parquet_batches)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analytics.importing import parquet_batches
from analytics.importing.arrow import rows_of
from analytics.importing.blocks import NOTHING, Block, ImportFault
from analytics.importing.files import File, marks
from sdk.text import Text

BLOCK_ROWS = 500_000
BLOCK_BYTES = 64 << 20
SAMPLE_ROWS = 1000
ROOT = Path(__file__).parents[2]
ALONE = {  # memory that is only set aside does not count, so that the limit is one of what is used
    "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1",
    "ARROW_IO_THREADS": "1", "PYTHONPATH": str(ROOT),
}  # fmt: skip


class ParquetFile:
    """One file. Nested columns are left out. name, seen: as analytics.importing.files has them."""

    named = True

    def __init__(self, path: Path, *, name: str = "", seen: Iterable[int] = ()) -> None:
        self.path, self._file = path, File(path, name, tuple(seen))
        with self._readable(), self._file.opened() as raw:
            _, size, changed = marks(raw)
            metadata = pq.read_metadata(raw)
            schema = metadata.schema.to_arrow_schema()
        self.total = metadata.num_rows
        self.identity = {"parquet": str(path.resolve()), "size": size, "changed": changed}  # of others of its name
        self.columns = tuple(field.name for field in schema if not pa.types.is_nested(field.type))

    def narrow(self, columns: Sequence[str]) -> None:
        """Read only these columns from now on."""
        self.columns = tuple(column for column in self.columns if column in columns)

    def sample(self) -> list[list[str]]:
        """Give the first rows."""
        with self._readable(), self._file.opened() as raw:
            rows: list[list[str]] = []
            for batch in self._batches(raw, 0, SAMPLE_ROWS):
                texts = [pc.fill_null(pc.cast(column, pa.string()), "").to_pylist() for column in batch.columns]
                rows += [list(row) for row in zip(*texts, strict=True)]
        if not rows:
            raise ImportFault(Text("{file}: the file has no rows", file=self._file.shown))
        return rows

    def blocks(self, number: int, after: Any, numbers: frozenset[str] = NOTHING) -> Iterator[Block]:  # noqa: ANN401  # rows before the block
        """Give the file's blocks behind some rows."""
        read = int(after or 0)
        with self._readable(), self._file.opened() as raw:
            for table in _gathered(self._batches(raw, read, 0)):
                read += table.num_rows
                part = rows_of({name: table.column(name) for name in self.columns}, numbers)
                yield Block(number, [part], min(1.0, read / max(self.total, 1)), read)
                number += 1
            self._file.see_same(raw)
        if read != self.total:
            why = Text("{read:,} of {total:,} rows are there", read=read, total=self.total)
            raise ImportFault(Text("{file}: this cannot be read as Parquet ({why})", file=self._file.shown, why=why))

    def _batches(self, raw: BinaryIO, first: int, most: int) -> Iterator[pa.RecordBatch]:
        """Give the rows as the other process unpacks them; ImportFault says why it could not."""
        words = (
            f"/dev/fd/{raw.fileno()}",
            json.dumps(self.columns),
            str(first),
            str(most),
            str(parquet_batches.MEMORY_BYTES),
        )
        with subprocess.Popen(
            [sys.executable, "-m", parquet_batches.__name__, *words],
            env={**os.environ, **ALONE},
            pass_fds=(raw.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as alone:
            try:
                with suppress(pa.ArrowInvalid, OSError):  # nothing came, or no more; its end says why
                    yield from pa.ipc.open_stream(alone.stdout)
            except BaseException:  # nobody wants the rest
                alone.kill()
                raise
            said = alone.stderr.read()
        if alone.returncode:
            raise ImportFault(self._why(alone.returncode, said))

    def _why(self, code: int, said: bytes) -> Text:
        """Say why the other process gave no more rows."""
        found = {"why": parquet_batches.MEMORY, "said": ""}
        if code == parquet_batches.FAILED:
            found = json.loads(said.splitlines()[-1])
        if found["why"] == parquet_batches.LONG:
            column, _, length = found["said"].rpartition("\x1f")
            return Text(
                "{file}: a text of the column {column} has {length} bytes; at most {most}",
                file=self._file.shown,
                column=column,
                length=int(length),
                most=parquet_batches.VALUE_BYTES,
            )
        if found["why"] == parquet_batches.ODD:
            return Text("{file}: this cannot be read as Parquet ({why})", file=self._file.shown, why=found["said"])
        return Text(
            "{file}: it is damaged, or its rows cannot be unpacked within {most} MiB of memory; write the file again"
            " with smaller pages and row groups, or as CSV",
            file=self._file.shown,
            most=parquet_batches.MEMORY_BYTES >> 20,
        )

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Say in a sentence that a file cannot be read, or not as text."""
        try:
            yield
        except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
            why = (str(error).splitlines() or [type(error).__name__])[0][:120]
            raise ImportFault(
                Text("{file}: this cannot be read as Parquet ({why})", file=self._file.shown, why=why)
            ) from error


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Put batches together to tables of some size."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.num_rows for one in held) >= BLOCK_ROWS or sum(one.nbytes for one in held) >= BLOCK_BYTES:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)
