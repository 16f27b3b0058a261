"""Read the lines that imports set aside because they are no rows, some at a time."""

from collections.abc import Iterator

from analytics.store.schema import Tables

SQL = """
SELECT run, why, line
FROM {table}
WHERE ({{run:UInt32}} = 0 OR run = {{run:UInt32}}) AND ({{why:String}} = '' OR why = {{why:String}})
ORDER BY run, why, line
LIMIT {{most:UInt32}} OFFSET {{after:UInt64}}
"""
LONGEST = "SELECT max(length(line)) AS longest FROM {table} WHERE {{run:UInt32}} = 0 OR run = {{run:UInt32}}"
PIECE, PIECE_BYTES = 20_000, 64 << 20  # of one question: lines, and bytes at most


def pieces(tables: Tables, run: int = 0, why: str = "") -> Iterator[list[tuple[int, str, str]]]:
    """Give import, reason and line of an import, or of all; of one reason, or of all. At least once, perhaps none."""
    table, after = tables.name("quarantine"), 0
    longest = tables.store.ask(LONGEST.format(table=table), {"run": run}).one()["longest"]
    most = max(1, min(PIECE, PIECE_BYTES // max(1, longest)))
    while True:
        values = {"run": run, "why": why, "most": most, "after": after}
        rows = tables.store.ask(SQL.format(table=table), values).rows
        yield [(number, reason, _text(line)) for number, reason, line in rows]
        after += most
        if len(rows) < most:
            return


def _text(line: str | bytes) -> str:
    text = line if isinstance(line, str) else line.decode("utf-8", "replace")
    return text.replace("\x1f", ",")
