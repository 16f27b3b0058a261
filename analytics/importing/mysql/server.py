"""Reach a MySQL or MariaDB server: where it is, a connection that only reads, what it refuses as a sentence."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import MySQLdb
from MySQLdb.cursors import Cursor

from analytics.importing.blocks import ImportFault
from analytics.importing.mysql import faults
from sdk.text import Text

CONNECT_SECONDS = 10
READ_SECONDS = 600


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


@dataclass(frozen=True, slots=True)
class Server:
    """A server as one source asks it. table: what is read there, "" for a query; patience: seconds for each answer."""

    address: Address
    table: str
    patience: int = READ_SECONDS

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """Give a connection that can only read; ImportFault says what the server refuses."""
        address = self.address
        where = {"unix_socket": address.socket} if address.socket else {"host": address.host, "port": address.port}
        with self._sentences():
            connection = MySQLdb.connect(
                **where,
                user=address.user,
                passwd=address.password,
                db=address.database,
                charset="utf8mb4",
                use_unicode=False,
                multi_statements=False,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=self.patience,
                local_infile=False,
            )
        with closing(connection), self._sentences():
            connection.query("SET SESSION TRANSACTION READ ONLY")
            yield connection

    @contextmanager
    def cursor(self, connection: Any, kind: type = Cursor) -> Iterator[Any]:  # noqa: ANN401  # MySQLdb has no types
        """Give a cursor of a connection."""
        with closing(connection.cursor(kind)) as cursor, self._sentences():
            yield cursor

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except MySQLdb.Error as error:
            where, database = self.address.shown, self.address.database
            raise ImportFault(faults.sentence(error, where, database, self.table)) from error
