"""The rows of a table or a query, in blocks: along the key, in one stream, or by queries that the store runs."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from MySQLdb.constants import FIELD_TYPE
from MySQLdb.cursors import SSCursor

from analytics.importing.arrow import stream
from analytics.importing.blocks import NOTHING, SEPARATOR, Block, ImportFault, Lines
from analytics.importing.mysql import catalog
from analytics.importing.mysql.catalog import DECIMALS, LOCAL_TIME, WHOLE, quoted
from analytics.importing.mysql.fetched import Fetched, not_before, sparse
from analytics.importing.mysql.server import READ_SECONDS, Address, Server
from analytics.store.client import Store
from sdk.text import Text

BLOCK_ROWS = 250_000
SAMPLE_ROWS = 1000
COUNTED = 2_000_000  # rows that are quickly counted
LOCAL = (LOCAL_TIME, FIELD_TYPE.DATE)


class MySqlRows:
    """The rows of a table or a query.

    key: the table's whole-number primary key, by which it is read in resumable pieces.

    since: only rows whose time is not before this second (Unix), for a sync; it needs the column and the zone of
    its texts.
    """

    named = True

    def __init__(self, address: Address, *, table: str = "", query: str = "", patience: int = READ_SECONDS) -> None:
        if bool(table) == bool(query):
            raise ImportFault(Text("name a table by --table, or give a --query, one of the two"))
        self.address, self._table, self._query = address, table, query.strip().rstrip(";")
        self._server = Server(address, table, patience)
        # % is doubled as in quoted: every statement here is run with values, even with none
        inner = self._query.replace("%", "%%")
        self._from = f"(\n{inner}\n) AS rows_" if query else quoted(table)
        self._since: tuple[str, tuple[str, ...]] = ("TRUE", ())
        self._since_ts: tuple[str, int] | None = None
        self._engine = False
        self.overlaps = False  # rows that were read before are read once more, for a sync
        with self._server.connection() as connection, self._server.cursor(connection) as cursor:
            self._types, self._large = catalog.columns(cursor, self._from)
            self.key = catalog.key(cursor, address.database, table) if table else ""
        self.columns = tuple(self._types)
        self.resumable = bool(self.key)

    @property
    def identity(self) -> dict[str, Any]:
        """Give what tells these rows from others; no password."""
        return {"mysql": self.address.shown, "table": self._table, "query": self._query}

    def narrow(self, columns: Sequence[str]) -> None:
        """Read only these columns from now on."""
        self.columns = tuple(column for column in self.columns if column in columns)

    def begin_at(self, column: str, ts: int, zone: ZoneInfo) -> None:
        """Read only rows whose time is not before a second."""
        kind, name = self._types[column], quoted(column)
        if kind == FIELD_TYPE.TIMESTAMP:
            self._since = (f"{name} >= FROM_UNIXTIME(%s)", (str(ts),))
        elif kind in WHOLE:
            self._since_ts = (column, ts)
            self._since = (not_before(name, ts), ())
        else:
            text = datetime.fromtimestamp(ts, UTC).astimezone(zone).replace(tzinfo=None).isoformat(" ", "seconds")
            number = f"{name} REGEXP '^[0-9.]+$' AND {not_before(f'CAST({name} AS SIGNED)', ts)}"
            self._since = (f"({name} >= %s OR {number})" if kind not in LOCAL else f"{name} >= %s", (text,))

    def sample(self) -> list[list[str]]:
        """Give the first rows."""
        with self._server.connection() as connection, self._server.cursor(connection) as cursor:
            cursor.execute(f"SELECT {self._line()} FROM {self._from} LIMIT {SAMPLE_ROWS}", ())
            rows = [row[0].decode("utf-8", "replace").split(SEPARATOR) for row in cursor.fetchall()]
        if not rows:
            what = self._table or Text("the query")
            raise ImportFault(Text("{where}: {what} has no rows", where=self.address.shown, what=what))
        return rows

    def about(self) -> tuple[int | None, bool]:
        """Give how many rows a table has, and whether that is exact: of a large one the server's own estimate."""
        if not self._table:
            return None, False
        with self._server.connection() as connection, self._server.cursor(connection) as cursor:
            found = catalog.estimated(cursor, self.address.database, self._table)
            if found is None or found > COUNTED:
                return found, False
            cursor.execute(f"SELECT COUNT(*) FROM {self._from}", ())
            return int(cursor.fetchone()[0]), True

    def offer(self, store: Store) -> None:
        """Let the store fetch the rows by itself where it can, along the key, and where it gives the same texts."""
        if self.key and (self._since_ts or not self._since[1]):
            self._engine = self._fetched.reached(store, [self._types[column] for column in self.columns])

    def blocks(self, number: int, after: Any, numbers: frozenset[str] = NOTHING) -> Iterator[Block]:  # noqa: ANN401  # [last key read, largest key at the start]
        """Give the rows in pieces along the key; without one, in one stream that cannot be taken up again."""
        with self._server.connection() as connection:
            if self._engine:
                yield from self._by_engine(connection, number, after, numbers)
            else:
                yield from self._by_key(connection, number, after) if self.key else self._streamed(connection, number)

    @property
    def _fetched(self) -> Fetched:
        return Fetched(self.address, self._table, self.key, self._since_ts)

    def _by_engine(self, connection: Any, number: int, after: Any, numbers: frozenset[str]) -> Iterator[Block]:  # noqa: ANN401  # MySQLdb has no types
        with self._server.cursor(connection) as cursor:
            keys = self._ends(cursor, "TRUE", ())
            rows = catalog.estimated(cursor, self.address.database, self._table) or 0
        types = {column: self._types[column] for column in self.columns}
        wanted = {column for column in numbers if types.get(column) in (*WHOLE, LOCAL_TIME)}
        numbers = frozenset(wanted | {column for column, kind in types.items() if kind in DECIMALS}) - self._large
        texts = any(kind == LOCAL_TIME and column not in numbers for column, kind in types.items())
        if not keys or texts or sparse(*keys, rows):
            yield from self._by_key(connection, number, after)
            return
        yield from self._fetched.blocks(types, numbers, number, keys, after)

    def _by_key(self, connection: Any, number: int, after: Any) -> Iterator[Block]:  # noqa: ANN401  # MySQLdb has no types
        key, (where, values) = quoted(self.key), self._since
        with self._server.cursor(connection) as cursor:
            if not (keys := self._ends(cursor, where, values)):
                return
            low, (last, high) = keys[0], after or keys
            while True:
                cursor.execute(
                    f"SELECT {key}, {self._line()} FROM {self._from} WHERE {where} AND {key} > %s AND {key} <= %s"
                    f" ORDER BY {key} LIMIT {BLOCK_ROWS}",
                    (*values, last, high),
                )
                rows = cursor.fetchall()
                if not rows:
                    return
                last = int(rows[-1][0])
                done = (last - low) / max(high - low, 1)
                yield _block(number, [row[1] for row in rows], done, [last, high])
                number += 1

    def _streamed(self, connection: Any, number: int) -> Iterator[Block]:  # noqa: ANN401  # MySQLdb has no types
        where, values = self._since
        with self._server.cursor(connection) as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {self._from} WHERE {where}", values)
            total, read = max(int(cursor.fetchone()[0]), 1), 0
        with self._server.cursor(connection, SSCursor) as cursor:
            cursor.execute(f"SELECT {self._line()} FROM {self._from} WHERE {where}", values)
            while rows := cursor.fetchmany(BLOCK_ROWS):
                read += len(rows)
                yield _block(number, [row[0] for row in rows], min(read / total, 1.0), None)
                number += 1

    def _ends(self, cursor: Any, where: str, values: tuple[str, ...]) -> tuple[int, int] | None:  # noqa: ANN401  # MySQLdb has no types
        """Give what lies below the first key, and the last key; None where there are no rows."""
        key = quoted(self.key)
        cursor.execute(f"SELECT MIN({key}), MAX({key}) FROM {self._from} WHERE {where}", values)
        first, last = cursor.fetchone()
        return None if first is None else (int(first) - 1, int(last))

    def _line(self) -> str:
        """Give the SQL of a row as one text."""
        fields = ", ".join(f"IFNULL({self._text(column)}, '')" for column in self.columns)
        return f"CONCAT_WS(CHAR({ord(SEPARATOR)}), {fields})"

    def _text(self, column: str) -> str:
        """Give a column as text; a TIMESTAMP as seconds, so that no session's zone takes part."""
        if self._types[column] == FIELD_TYPE.TIMESTAMP:
            return f"UNIX_TIMESTAMP({quoted(column)})"
        plain = self._types[column] in (*WHOLE, *LOCAL, *DECIMALS)
        name = quoted(column)
        return name if plain else f"REPLACE({name}, CHAR({ord(SEPARATOR)}), ' ')"


def _block(number: int, lines: list[bytes], done: float, after: Any) -> Block:  # noqa: ANN401  # JSON
    return Block(number, [Lines(stream(pa.array(lines, pa.binary())), SEPARATOR, "ArrowStream")], done, after)
