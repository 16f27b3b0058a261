"""Make blocks from Arrow columns."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from analytics.importing.blocks import SEPARATOR, Lines, Rows

Columns = Mapping[str, "pa.Array | pa.ChunkedArray"]
PIECE_ROWS = 1_000_000
FIRST, FEW, MANY = 1000, 50, 5000  # where the first rows have few different texts, all of them should not have many


def rows_of(columns: Columns, numbers: frozenset[str]) -> Rows | Lines:
    """Give columns as rows; as lines where a number does not fit into 64 bits. NULL of a text becomes the empty one."""
    whole = frozenset(name for name in numbers & columns.keys() if pa.types.is_integer(columns[name].type))
    try:
        made = [pc.cast(c, pa.int64()) if name in whole else _text(c) for name, c in columns.items()]
    except pa.ArrowInvalid:
        return Lines(lines_of(list(columns.values())), SEPARATOR, "ArrowStream")
    return rows(dict(zip(columns, made, strict=True)), whole)


def rows(columns: Columns, numbers: frozenset[str]) -> Rows:
    """Give columns of whole numbers and of texts as rows. numbers: those of whole numbers."""
    made = [column if name in numbers else _packed(column) for name, column in columns.items()]
    few = frozenset(name for name, column in zip(columns, made, strict=True) if pa.types.is_dictionary(column.type))
    return Rows(_stream(pa.table(made, names=[f"c{place}" for place in range(1, len(made) + 1)])), numbers, few)


def _packed(texts: "pa.Array | pa.ChunkedArray") -> "pa.Array | pa.ChunkedArray":
    """Give each text once, and by its place then, where there are few: the store judges each of them once."""
    if len(texts.slice(0, FIRST).unique()) > FEW:
        return texts
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    packed = whole.dictionary_encode()
    return packed if len(packed.dictionary) <= MANY else texts


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
