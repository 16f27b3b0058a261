"""Ask the store: one way of binding parameters, rows by name, refusals as sentences."""

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from analytics.store.errors import StoreAwayError, StoreError, from_engine
from analytics.store.marks import KILL, PROGRESS, Progress, number_of
from analytics.store.names import quoted
from sdk.text import Text

CONNECT_SECONDS = 5
FIRST_SECONDS = 60  # in which a store says what it is; the embedded one begins its engine then
WORD_SECONDS = 10  # in which it says how far a query is, and takes that one is to end
ANSWER_SECONDS = 1800  # the store's own limit for a query is shorter and gives the better sentence
# On a cluster: what joins or looks up by user finds it on the same shard; an insert has ended when the shards have it.
SHARDS = {"distributed_product_mode": "local", "distributed_foreground_insert": 1}


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query gave. seconds: from asking to having all of it."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    seconds: float = 0.0

    def named(self) -> list[dict[str, Any]]:
        """Give each row as a dict by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def one(self) -> dict[str, Any]:
        """Give the only row as a dict; StoreError when there is not exactly one."""
        if len(self.rows) != 1:
            raise StoreError(Text("the query gave {n} rows where one was expected", n=len(self.rows)))
        return self.named()[0]


class Askable(Protocol):
    """What a report asks: a Store, or somebody's Line to it."""

    @property
    def cluster(self) -> str:
        """Give the name under which a cluster knows its shards; "" for one server."""

    @property
    def prefix(self) -> str:
        """Give what every dataset's database begins with."""

    def ask(self, sql: str, bind: Mapping[str, Any] | None = None, *, client: str = "") -> Rows:
        """Give a query's rows."""


class Store:
    """A ClickHouse, or what answers like one. Threads may share it.

    cluster: the name under which a cluster knows its shards; "" for one server. prefix: of every dataset's database.
    """

    def __init__(
        self, url: str, *, password: str = "", cluster: str = "", prefix: str = "om_", client: str = ""
    ) -> None:
        address = urlsplit(url)
        self.cluster, self.prefix = cluster, prefix
        self._settings = {"quota_key": client} if client else {}
        self._shards = SHARDS if cluster else {}
        try:
            first = clickhouse_connect.get_client(
                host=address.hostname or "127.0.0.1",
                port=address.port or (8443 if address.scheme == "https" else 8123),
                secure=address.scheme == "https",
                username=unquote(address.username or "default"),
                password=password or unquote(address.password or ""),
                compress=False,
                autogenerate_session_id=False,
                connect_timeout=CONNECT_SECONDS,
                send_receive_timeout=FIRST_SECONDS,
            )
        except (ClickHouseError, HTTPError, OSError) as error:
            raise _translated(error) from error
        self._client, self._brief = _patient(first, ANSWER_SECONDS), _patient(first, WORD_SECONDS)

    def ask(self, sql: str, bind: Mapping[str, Any] | None = None, *, client: str = "", mark: str = "") -> Rows:
        """Give a query's rows.

        bind: values for the query's {name:Type}. client: whose turn it is, where many wait. mark: a name of its own,
        by which `end` ends it.
        """
        return self._asked(self._client, sql, bind, client, mark)

    def run(self, sql: str, bind: Mapping[str, Any] | None = None) -> None:
        """Run a statement that gives no rows."""
        self._run(self._client, sql, bind)

    def end(self, mark: str) -> None:
        """End the query that was asked under this mark, wherever it runs or waits; silent where it has ended."""
        everywhere = f" ON CLUSTER {quoted(self.cluster)}" if self.cluster else ""
        self._run(self._brief, KILL.format(everywhere=everywhere), {"mark": mark})

    def progress(self, name: str) -> Progress | None:
        """Say how far the line of this name is; None where nothing of it runs or waits."""
        table = "system.processes"
        processes = f"clusterAllReplicas({quoted(self.cluster)}, {table})" if self.cluster else table
        found = self._asked(self._brief, PROGRESS.format(processes=processes), {"name": name}).named()
        return next((Progress(row["read"], row["total"], number_of(row["mark"]), row["waits"]) for row in found), None)

    def insert(self, table: str, columns: Sequence[str], data: bytes, form: str) -> None:
        """Insert rows that are written in one of ClickHouse's formats. table: quoted."""
        try:
            self._client.raw_insert(table, list(columns), insert_block=data, fmt=form)
        except (ClickHouseError, HTTPError, OSError) as error:
            raise _translated(error) from error

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _asked(self, to: Client, sql: str, bind: Mapping[str, Any] | None, client: str = "", mark: str = "") -> Rows:
        started = time.perf_counter()
        options = {**self._options(client), **({"query_id": mark} if mark else {})}
        try:
            result = to.query(sql, parameters=dict(bind or {}), settings=options)
        except (ClickHouseError, HTTPError, OSError) as error:
            raise _translated(error) from error
        return Rows(tuple(result.column_names), result.result_rows, time.perf_counter() - started)

    def _run(self, to: Client, sql: str, bind: Mapping[str, Any] | None) -> None:
        try:
            to.command(sql, parameters=dict(bind or {}), settings=self._options(""))
        except (ClickHouseError, HTTPError, OSError) as error:
            raise _translated(error) from error

    def _options(self, client: str) -> dict[str, Any]:
        return {**self._shards, **({"quota_key": client} if client else self._settings)}


def _patient(client: Client, seconds: float) -> Client:
    """Give the same connection with another patience. Made anew, it would ask the server once more what it is.

    The transport, which holds the timeout, is one of its own; the pool of connections is that of the process.
    """
    other = copy.copy(client)
    other._backend = copy.copy(client._backend)  # it gives no other way
    other.timeout = Timeout(connect=CONNECT_SECONDS, read=seconds)
    return other


def _translated(error: Exception) -> StoreError:
    code = getattr(error, "code", None)
    if code:
        return from_engine(str(error), int(code))
    return StoreAwayError(
        Text(
            "the analytics store does not answer; is script/server (or python -m analytics.store.embedded) running?"
            " If it ended while it answered, it is started again by itself: ask for less at once"
        )
    )
