"""Make blocks of lines from Arrow columns."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from analytics.importing.blocks import SEPARATOR


def lines_of(columns: Sequence["pa.Array | pa.ChunkedArray"]) -> bytes:
    """Write columns as one text column `line`, its fields separated, as an Arrow stream.

    NULL becomes the empty text.
    """
    texts = [pc.fill_null(pc.cast(column, pa.string()), "") for column in columns]
    clean = [
        pc.replace_substring(text, SEPARATOR, " ") if pa.types.is_string(column.type) else text
        for column, text in zip(columns, texts, strict=True)
    ]
    return stream(pc.binary_join_element_wise(*clean, SEPARATOR))


def stream(lines: "pa.Array | pa.ChunkedArray") -> bytes:
    """Write one column `line` as an Arrow stream."""
    table = pa.table({"line": lines})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1_000_000)
    return bytes(sink.getvalue())
