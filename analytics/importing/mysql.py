"""Read a table, or the rows of a query, from MySQL or MariaDB; nothing is ever written there."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import MySQLdb
import pyarrow as pa
from MySQLdb.constants import FIELD_TYPE, FLAG
from MySQLdb.cursors import SSCursor

from analytics.importing import mysql_faults
from analytics.importing.arrow import stream
from analytics.importing.blocks import NOTHING, SEPARATOR, Block, ImportFault, Lines, Query
from analytics.store.client import Store
from analytics.store.errors import StoreError
from analytics.store.names import quoted
from sdk.text import Text

BLOCK_ROWS = 250_000
SAMPLE_ROWS = 1000
CONNECT_SECONDS = 10
READ_SECONDS = 600
MYSQL = "mysql({host:String}, {base:String}, {table:String}, {account:String}, {password:String})"
WHOLE = (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG)
TEXTS = (FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, FIELD_TYPE.VARCHAR)
ENGINE_ROWS = 1_000_000  # keys of one piece that the store fetches itself
SPARSE = 20  # keys for each row, above which pieces of keys would be nearly empty
LOCAL = (FIELD_TYPE.DATETIME, FIELD_TYPE.DATE)
DOTTED = re.compile(r"\w+\.\w+")
COUNTED = 2_000_000  # rows that are quickly counted


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and as whom it is asked."""

    host: str
    port: int
    user: str
    password: str
    database: str
    socket: str = ""

    @classmethod
    def read(cls, url: str) -> "Address":
        """Read mysql://user:password@host:port/database; ImportFault says what is missing."""
        parts = urlsplit(url)
        try:
            port = parts.port or 3306
        except ValueError:
            port = 0
        if parts.scheme not in ("mysql", "mariadb") or not parts.path.strip("/") or not port:
            raise ImportFault(
                Text("--mysql takes mysql://user:password@host:3306/database; percent-encode what is special in them")
            )
        socket = parse_qs(parts.query).get("unix_socket", [""])[0]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        database = unquote(parts.path.strip("/"))
        return cls(parts.hostname or "localhost", port, user, password, database, socket)

    @property
    def shown(self) -> str:
        """Give it without the password."""
        return f"{self.user}@{self.socket or f'{self.host}:{self.port}'}/{self.database}"


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
        self._patience = patience  # seconds for each answer of the server
        # % is doubled as in _quoted: every statement here is run with values, even with none
        inner = self._query.replace("%", "%%")
        self._from = f"(\n{inner}\n) AS rows_" if query else _quoted(table)
        self._since: tuple[str, str] | None = None
        self._since_ts: tuple[str, int] | None = None
        self._engine = False
        with self._connection() as connection, self._cursor(connection) as cursor:
            cursor.execute(f"SELECT * FROM {self._from} LIMIT 0", ())
            self._types = {column[0]: column[1] for column in cursor.description}
            self._large = {  # whole numbers above 2^63 can stand there
                column[0]
                for column, flags in zip(cursor.description, cursor.description_flags, strict=True)
                if column[1] == FIELD_TYPE.LONGLONG and flags & FLAG.UNSIGNED
            }
            self.key = _key(cursor, address.database, table) if table else ""
        self.columns = tuple(self._types)
        self.resumable = bool(self.key)

    @property
    def identity(self) -> dict[str, Any]:
        """Give what tells these rows from others; no password."""
        return {"mysql": self.address.shown, "table": self._table, "query": self._query}

    @property
    def overlaps(self) -> bool:
        """Say whether rows that were read before are read once more, for a sync."""
        return self._since is not None

    def narrow(self, columns: Sequence[str]) -> None:
        """Read only these columns from now on."""
        self.columns = tuple(column for column in self.columns if column in columns)

    def begin_at(self, column: str, ts: int, zone: ZoneInfo) -> None:
        """Read only rows whose time is not before a second."""
        kind = self._types[column]
        if kind == FIELD_TYPE.TIMESTAMP:
            self._since = (f"{_quoted(column)} >= FROM_UNIXTIME(%s)", str(ts))
        elif kind in WHOLE:
            self._since_ts = (column, ts * self._unit(column))
            self._since = (f"{_quoted(column)} >= %s", str(self._since_ts[1]))
        else:
            text = datetime.fromtimestamp(ts, UTC).astimezone(zone).replace(tzinfo=None).isoformat(" ", "seconds")
            self._since = (f"{_quoted(column)} >= %s", text)

    def sample(self) -> list[list[str]]:
        """Give the first rows."""
        with self._connection() as connection, self._cursor(connection) as cursor:
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
        schema, _, table = self._table.rpartition(".") if DOTTED.fullmatch(self._table) else ("", "", self._table)
        with self._connection() as connection, self._cursor(connection) as cursor:
            cursor.execute(
                "SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
                (schema or self.address.database, table),
            )
            found = cursor.fetchone()
            if found and found[0] is not None and int(found[0]) > COUNTED:
                return int(found[0]), False
            if not found or found[0] is None:  # a view
                return None, False
            cursor.execute(f"SELECT COUNT(*) FROM {self._from}", ())
            return int(cursor.fetchone()[0]), True

    def blocks(self, number: int, after: Any, numbers: frozenset[str] = NOTHING) -> Iterator[Block]:  # noqa: ANN401  # [last key read, largest key at the start]
        """Give the rows in pieces along the key; without one, in one stream that cannot be taken up again."""
        with self._connection() as connection:
            if self._engine:
                yield from self._by_engine(connection, number, after, numbers)
            else:
                yield from self._by_key(connection, number, after) if self.key else self._streamed(connection, number)

    def offer(self, store: Store) -> None:
        """Let the store fetch the rows by itself, which is some three times faster, where it gives the same texts.

        It does along a key, over the network, from columns of whole numbers and texts; dates would pass through its
        own zone.
        """
        plain = all(self._types[column] in (*WHOLE, *TEXTS) for column in self.columns)
        if not self.key or self.address.socket or not plain or (self._since and self._since_ts is None):
            return
        with suppress(StoreError):  # it may not reach the server, or not like a name: then the rows are fetched here
            store.ask(f"SELECT 1 FROM {MYSQL} LIMIT 1", self._known())
            self._engine = True

    def _known(self) -> dict[str, str]:
        schema, _, table = self._table.rpartition(".") if DOTTED.fullmatch(self._table) else ("", "", self._table)
        where = f"{self.address.host}:{self.address.port}"
        known = {"host": where, "base": schema or self.address.database, "table": table}
        return {**known, "account": self.address.user, "password": self.address.password}

    def _by_engine(self, connection: Any, number: int, after: Any, numbers: frozenset[str]) -> Iterator[Block]:  # noqa: ANN401  # MySQLdb has no types
        key, name = _quoted(self.key), quoted(self.key)
        with self._cursor(connection) as cursor:
            cursor.execute(f"SELECT MIN({key}) - 1, MAX({key}) FROM {self._from}", ())
            low, high = (int(value or 0) for value in cursor.fetchone())
            count = _estimated(cursor, self.address.database, self._table)
        if high - low > max(SPARSE * count, ENGINE_ROWS):
            yield from self._by_key(connection, number, after)
            return
        numbers = frozenset(c for c in numbers & set(self.columns) if self._types[c] in WHOLE) - self._large
        fields = ", ".join(
            f"{_fetched(column, self._types[column], numbers)} AS c{n}" for n, column in enumerate(self.columns, 1)
        )
        since = f" AND {quoted(self._since_ts[0])} >= {{since:Int64}}" if self._since_ts else ""
        sql = f"SELECT {fields} FROM {MYSQL} WHERE {name} > {{from_key:Int64}} AND {name} <= {{to_key:Int64}}{since}"
        last, high = after or (low, high)
        while last < high:
            upto = min(last + ENGINE_ROWS, high)
            keys = {"from_key": last, "to_key": upto, "since": self._since_ts[1] if self._since_ts else 0}
            query = Query(sql, self._known() | keys, numbers)
            yield Block(number, [query], (upto - low) / (high - low), [upto, high])
            number, last = number + 1, upto

    def _by_key(self, connection: Any, number: int, after: Any) -> Iterator[Block]:  # noqa: ANN401  # MySQLdb has no types
        key = _quoted(self.key)
        with self._cursor(connection) as cursor:
            where, values = self._where()
            cursor.execute(f"SELECT MIN({key}) - 1, MAX({key}) FROM {self._from} WHERE {where}", values)
            low, high = (int(value) if value is not None else None for value in cursor.fetchone())
            if high is None or low is None:
                return
            last, high = after or (low, high)
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
        where, values = self._where()
        with self._cursor(connection) as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {self._from} WHERE {where}", values)
            total, read = max(int(cursor.fetchone()[0]), 1), 0
        with closing(connection.cursor(SSCursor)) as cursor, self._sentences():
            cursor.execute(f"SELECT {self._line()} FROM {self._from} WHERE {where}", values)
            while rows := cursor.fetchmany(BLOCK_ROWS):
                read += len(rows)
                yield _block(number, [row[0] for row in rows], min(read / total, 1.0), None)
                number += 1

    def _where(self) -> tuple[str, tuple[str, ...]]:
        return (self._since[0], (self._since[1],)) if self._since else ("TRUE", ())

    def _line(self) -> str:
        """Give the SQL of a row as one text."""
        fields = ", ".join(f"IFNULL({self._text(column)}, '')" for column in self.columns)
        return f"CONCAT_WS(CHAR({ord(SEPARATOR)}), {fields})"

    def _text(self, column: str) -> str:
        """Give a column as text; a TIMESTAMP as seconds, so that no session's zone takes part."""
        if self._types[column] == FIELD_TYPE.TIMESTAMP:
            return f"UNIX_TIMESTAMP({_quoted(column)})"
        plain = self._types[column] in (*WHOLE, *LOCAL, FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL)
        name = _quoted(column)
        return name if plain else f"REPLACE({name}, CHAR({ord(SEPARATOR)}), ' ')"

    def _unit(self, column: str) -> int:
        """Give how many of a whole-number time make a second, as the import itself tells it: by its size."""
        with self._connection() as connection, self._cursor(connection) as cursor:
            cursor.execute(f"SELECT MAX({_quoted(column)}) FROM {self._from}", ())
            largest = abs(int(cursor.fetchone()[0] or 0))
        return 1 if largest < 10**11 else 1000 if largest < 10**14 else 1_000_000

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        where = (
            {"unix_socket": self.address.socket}
            if self.address.socket
            else {"host": self.address.host, "port": self.address.port}
        )
        with self._sentences():
            connection = MySQLdb.connect(
                **where,
                user=self.address.user,
                passwd=self.address.password,
                db=self.address.database,
                charset="utf8mb4",
                use_unicode=False,
                multi_statements=False,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=self._patience,
                local_infile=False,
            )
        with closing(connection), self._sentences():
            connection.query("SET SESSION TRANSACTION READ ONLY")
            yield connection

    @contextmanager
    def _cursor(self, connection: Any) -> Iterator[Any]:  # noqa: ANN401  # MySQLdb has no types
        with closing(connection.cursor()) as cursor, self._sentences():
            yield cursor

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except MySQLdb.Error as error:
            where, database = self.address.shown, self.address.database
            raise ImportFault(mysql_faults.sentence(error, where, database, self._table)) from error


def _block(number: int, lines: list[bytes], done: float, after: Any) -> Block:  # noqa: ANN401  # JSON
    return Block(number, [Lines(stream(pa.array(lines, pa.binary())), SEPARATOR, "ArrowStream")], done, after)


def _fetched(column: str, kind: int, numbers: frozenset[str]) -> str:
    """Give a column as the store fetches it: a number, or a text as `_text` gives it."""
    name = quoted(column)
    if column in numbers:
        return f"CAST({name}, 'Nullable(Int64)')"
    text = f"ifNull(toString({name}), '')"
    return text if kind in WHOLE else f"replaceAll({text}, '{SEPARATOR}', ' ')"


def _quoted(name: str) -> str:
    """Give an identifier as MySQL reads it, % doubled for MySQLdb; a dotted table names its database."""
    if not name or "\x00" in name:
        raise ImportFault(Text("{name!r} is no name of a table or a column", name=name[:60]))
    parts = name.split(".", 1) if DOTTED.fullmatch(name) else [name]
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts).replace("%", "%%")


def _estimated(cursor: Any, database: str, table: str) -> int:  # noqa: ANN401  # MySQLdb has no types
    """Give about how many rows a table has; to count them takes the server as long as to give them."""
    schema, _, name = table.rpartition(".") if DOTTED.fullmatch(table) else (database, "", table)
    sql = "SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    cursor.execute(sql, (schema, name))
    return int((cursor.fetchone() or (0,))[0] or 0)


def _key(cursor: Any, database: str, table: str) -> str:  # noqa: ANN401  # MySQLdb has no types
    """Give the table's primary key when it is one whole-number column, else ""."""
    schema, _, name = table.rpartition(".") if DOTTED.fullmatch(table) else (database, "", table)
    cursor.execute(
        "SELECT k.COLUMN_NAME, c.DATA_TYPE FROM information_schema.KEY_COLUMN_USAGE k"
        " JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME)"
        " WHERE k.TABLE_SCHEMA = %s AND k.TABLE_NAME = %s AND k.CONSTRAINT_NAME = 'PRIMARY'",
        (schema, name),
    )
    rows = [[part.decode() if isinstance(part, bytes) else part for part in row] for row in cursor.fetchall()]
    return rows[0][0] if len(rows) == 1 and rows[0][1] in ("int", "bigint", "mediumint", "smallint", "tinyint") else ""
