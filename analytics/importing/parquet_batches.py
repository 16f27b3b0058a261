"""Give the rows of a Parquet file as an Arrow stream on standard output: a process of its own, with bounded memory.

A few bytes of a Parquet file can stand for gigabytes, and a damaged one can end the program that reads it. What
happens here ends this process alone. Its arguments: a path, the columns as JSON, the row to begin at, the most rows
(0: all), the bytes of memory. Where it fails, the last line on standard error is JSON: {"why": one of WHYS, "said":
more of it}.
"""

import json
import os
import resource
import sys
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MEMORY_BYTES = 1 << 30  # addresses, so that the libraries themselves are among them
VALUE_BYTES = 1 << 16  # of a text; a file of 1 MB can hold one of 1 GB a million times
BATCH_ROWS = 65_536  # rows that are unpacked at once
MEMORY, LONG, ODD = "memory", "long", "odd"
WHYS = (MEMORY, LONG, ODD)
FAILED = 3  # the exit code where a last line says why


class LongTextError(Exception):
    """A text is longer than one of an event can be."""


def batches(path: str, columns: list[str], first: int, most: int) -> Iterator[pa.RecordBatch]:
    """Give the rows from one on, some at a time."""
    file = pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
    group, before = 0, 0
    while group < file.num_row_groups and before + (rows := file.metadata.row_group(group).num_rows) <= first:
        group, before = group + 1, before + rows
    skipped, left = first - before, most or file.metadata.num_rows
    groups = list(range(group, file.num_row_groups))
    size = min(BATCH_ROWS, most or BATCH_ROWS)
    for batch in file.iter_batches(size, row_groups=groups, columns=columns, use_threads=False):
        kept = batch.slice(skipped, left)
        skipped, left = max(0, skipped - batch.num_rows), left - kept.num_rows
        if kept.num_rows:
            yield pa.record_batch([_plain(name, kept.column(name)) for name in columns], names=columns)
        if left <= 0:
            return


def _plain(name: str, column: pa.Array) -> pa.Array:
    """Give a column without a dictionary of its own; LongTextError where a text of it is too long."""
    values = column.dictionary if pa.types.is_dictionary(column.type) else column
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or _is_binary(values.type):
        longest = pc.max(pc.binary_length(values)).as_py() or 0
        if longest > VALUE_BYTES:
            raise LongTextError(f"{name[:60]}\x1f{longest}")
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def main() -> int:
    """Write the stream."""
    path, columns, first, most, memory = sys.argv[1], json.loads(sys.argv[2]), *map(int, sys.argv[3:6])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        writer = None
        with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as out:
            for batch in batches(path, columns, first, most):
                writer = writer or pa.ipc.new_stream(out, batch.schema)
                writer.write_batch(batch)
            if writer:
                writer.close()
    except (MemoryError, pa.ArrowMemoryError):
        return _failed(MEMORY)
    except LongTextError as error:
        return _failed(LONG, str(error))
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        return _failed(ODD, (str(error).splitlines() or [type(error).__name__])[0][:120])
    return 0


def _failed(why: str, said: str = "") -> int:
    sys.stderr.write(f"\n{json.dumps({'why': why, 'said': said})}\n")
    return FAILED


if __name__ == "__main__":
    code = main()
    sys.stdout = None  # type: ignore[assignment]  # it is closed by who reads it
    os._exit(code)  # threads of the library need not end in order
