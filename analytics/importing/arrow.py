"""Make blocks from Arrow columns."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from analytics.importing.blocks import SEPARATOR, Lines, Rows

Columns = Mapping[str, "pa.Array | pa.ChunkedArray"]
PIECE_ROWS = 1_000_000


def rows_of(columns: Columns, numbers: frozenset[str]) -> Rows | Lines:
    """Give columns as rows; as lines where a number does not fit into 64 bits. NULL of a text becomes the empty one."""
    whole = frozenset(name for name in numbers & columns.keys() if pa.types.is_integer(columns[name].type))
    try:
        made = [pc.cast(c, pa.int64()) if name in whole else _text(c) for name, c in columns.items()]
    except pa.ArrowInvalid:
        return Lines(lines_of(list(columns.values())), SEPARATOR, "ArrowStream")
    return Rows(numbered(made), whole)


def numbered(columns: Sequence["pa.Array | pa.ChunkedArray"]) -> bytes:
    """Write columns as an Arrow stream, named c1, c2, ..."""
    return _stream(pa.table(list(columns), names=[f"c{place}" for place in range(1, len(columns) + 1)]))


def lines_of(columns: Sequence["pa.Array | pa.ChunkedArray"]) -> bytes:
    """Write columns as one text column `line`, its fields separated, as an Arrow stream.

    NULL becomes the empty text.
    """
    return stream(pc.binary_join_element_wise(*map(_text, columns), SEPARATOR))


def stream(lines: "pa.Array | pa.ChunkedArray") -> bytes:
    """Write one column `line` as an Arrow stream."""
    return _stream(pa.table({"line": lines}))


def _text(column: "pa.Array | pa.ChunkedArray") -> "pa.Array | pa.ChunkedArray":
    text = pc.fill_null(pc.cast(column, pa.string()), "")
    return pc.replace_substring(text, SEPARATOR, " ") if pa.types.is_string(column.type) else text


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=PIECE_ROWS)
    return sink.getvalue().to_pybytes()
