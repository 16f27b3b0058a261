"""Read the lines that imports set aside because they are no rows, some at a time."""

import csv
import io
from base64 import b64decode, b64encode
from collections.abc import Iterator

from analytics.importing.blocks import SEPARATOR
from analytics.store.schema import Tables

KINDS = """
SELECT run, why, max(length(line)) AS longest
FROM {table}
WHERE ({{run:UInt32}} = 0 OR run = {{run:UInt32}}) AND ({{why:String}} = '' OR why = {{why:String}})
GROUP BY run, why
ORDER BY run, why
"""
# The table's order finds where a piece begins: at how the one before ended; `given` lines that begin so are given
# already. raw: what is no UTF-8.
SQL = """
SELECT line, if(isValidUTF8(line), '', base64Encode(line)) AS raw
FROM {table}
WHERE run = {{run:UInt32}} AND why = {{why:String}} AND line >= base64Decode({{start:String}})
ORDER BY line
LIMIT {{most:UInt32}} OFFSET {{given:UInt64}}
"""
PIECE, PIECE_BYTES = 20_000, 64 << 20  # of one question: lines, and bytes at most
START_BYTES = 1000  # a whole line may be longer than a value that is bound


def pieces(tables: Tables, run: int = 0, why: str = "") -> Iterator[list[tuple[int, str, str]]]:
    """Give import, reason and line of an import, or of all; of one reason, or of all. At least once, perhaps none."""
    table = tables.name("quarantine")
    kinds = tables.store.ask(KINDS.format(table=table), {"run": run, "why": why}).named()
    for kind in kinds:
        most = max(1, min(PIECE, PIECE_BYTES // max(1, kind["longest"])))
        values = {"run": kind["run"], "why": kind["why"], "most": most}
        start, given = b"", 0
        while True:
            rows = tables.store.ask(SQL.format(table=table), {**values, "start": _word(start), "given": given}).rows
            lines = [b64decode(raw) if raw else str(line).encode() for line, raw in rows]
            yield [(kind["run"], kind["why"], _text(line)) for line in lines]
            if len(lines) < most:
                break
            starts = [line[:START_BYTES] for line in lines]
            given = starts.count(starts[-1]) + (given if starts[-1] == start else 0)
            start = starts[-1]
    if not kinds:
        yield []


def _word(line: bytes) -> str:
    return b64encode(line).decode()


def _text(line: bytes) -> str:
    """Give a line as it stood in its file; one that was columns as a line of CSV."""
    text = line.decode("utf-8", "replace")
    if SEPARATOR not in text:
        return text
    written = io.StringIO()
    csv.writer(written).writerow(text.split(SEPARATOR))
    return written.getvalue().removesuffix("\r\n")
