"""What a server says of a table: its columns, its key, about how many rows it has."""

import re
from typing import Any

from MySQLdb.constants import FIELD_TYPE, FLAG

from analytics.importing.blocks import ImportFault
from sdk.text import Text

WHOLE = (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG)
DECIMALS = (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL)
LOCAL_TIME = FIELD_TYPE.DATETIME  # of no zone; a TIMESTAMP is of the session's
TEXTS = (FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, FIELD_TYPE.VARCHAR)
AMOUNT_DIGITS = 14  # before the point, of Decimal(18, 4)
DOTTED = re.compile(r"\w+\.\w+")


def quoted(name: str) -> str:
    """Give an identifier as MySQL reads it, % doubled for MySQLdb; a dotted table names its database."""
    if not name or "\x00" in name:
        raise ImportFault(Text("{name!r} is no name of a table or a column", name=name[:60]))
    parts = name.split(".", 1) if DOTTED.fullmatch(name) else [name]
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts).replace("%", "%%")


def placed(database: str, table: str) -> tuple[str, str]:
    """Give a table's database and its name there."""
    schema, _, name = table.rpartition(".") if DOTTED.fullmatch(table) else ("", "", table)
    return schema or database, name


def columns(cursor: Any, source: str) -> tuple[dict[str, int], frozenset[str]]:  # noqa: ANN401  # MySQLdb has no types
    """Give the types of a source's columns, and those of numbers that may be larger than what is kept of them."""
    cursor.execute(f"SELECT * FROM {source} LIMIT 0", ())
    types = {column[0]: column[1] for column in cursor.description}
    large = {
        column[0]
        for column, flags in zip(cursor.description, cursor.description_flags, strict=True)
        if _large(column[1], column[4], column[5], unsigned=bool(flags & FLAG.UNSIGNED))
    }
    return types, frozenset(large)


def _large(kind: int, length: int, scale: int, *, unsigned: bool) -> bool:
    """Say whether a number above 2^63, or one with more digits before its point than an amount has, can stand there.

    length: of its text at the most, with sign and point.
    """
    if kind in DECIMALS:
        return length - scale - bool(scale) - (not unsigned) > AMOUNT_DIGITS
    return kind == FIELD_TYPE.LONGLONG and unsigned


def key(cursor: Any, database: str, table: str) -> str:  # noqa: ANN401  # MySQLdb has no types
    """Give the table's primary key when it is one whole-number column, else ""."""
    cursor.execute(
        "SELECT k.COLUMN_NAME, c.DATA_TYPE FROM information_schema.KEY_COLUMN_USAGE k"
        " JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME)"
        " WHERE k.TABLE_SCHEMA = %s AND k.TABLE_NAME = %s AND k.CONSTRAINT_NAME = 'PRIMARY'",
        placed(database, table),
    )
    rows = [[part.decode() if isinstance(part, bytes) else part for part in row] for row in cursor.fetchall()]
    return rows[0][0] if len(rows) == 1 and rows[0][1] in ("int", "bigint", "mediumint", "smallint", "tinyint") else ""


def estimated(cursor: Any, database: str, table: str) -> int | None:  # noqa: ANN401  # MySQLdb has no types
    """Give about how many rows a table has, None for a view; to count takes the server as long as to give them."""
    cursor.execute(
        "SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        placed(database, table),
    )
    found = cursor.fetchone()
    return int(found[0]) if found and found[0] is not None else None
