"""Rows that the store fetches by itself from the server, some three times faster than they come through here."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from analytics.importing.blocks import SEPARATOR, Block, Query
from analytics.importing.fields import ENDLESS, decimal_text
from analytics.importing.mysql.catalog import DECIMALS, LOCAL_TIME, TEXTS, WHOLE, placed
from analytics.importing.mysql.server import Address
from analytics.store.client import Store
from analytics.store.errors import StoreError
from analytics.store.names import quoted

PIECE_KEYS = 1_000_000
SPARSE = 20  # keys for each row, above which pieces of keys would be nearly empty
SIZES = ((1, ENDLESS), (1000, ENDLESS * 1000), (10**6, 2**63 - 1))  # what makes a second, and below what
MYSQL = "mysql({host:String}, {base:String}, {table:String}, {account:String}, {password:String})"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A table as the store reads it along its key. since: a whole-number time, and from which second on."""

    address: Address
    table: str
    key: str
    since: tuple[str, int] | None

    def reached(self, store: Store, types: Sequence[int]) -> bool:
        """Say whether a store can fetch columns of these types, and gives the same texts.

        It does over the network, from columns of numbers and texts, and of times without a zone; others it would read
        in its own.
        """
        if self.address.socket or not all(kind in (*WHOLE, *DECIMALS, *TEXTS, LOCAL_TIME) for kind in types):
            return False
        with suppress(StoreError):  # it may not reach the server, or not like a name: then the rows are fetched here
            # a LIMIT would be kept by the store, not told to the server, which would give the whole table
            store.ask(f"SELECT 1 FROM {MYSQL} WHERE {quoted(self.key)} = 0", self._known)
            return True
        return False

    def blocks(
        self,
        types: Mapping[str, int],
        numbers: frozenset[str],
        number: int,
        keys: tuple[int, int],
        after: Any,  # noqa: ANN401  # [last key read, largest key at the start]
    ) -> Iterator[Block]:
        """Give queries for the pieces of the key. keys: what lies below the first one, and the last one.

        numbers: the columns that come as numbers or times; all others come as texts.
        """
        times = frozenset(name for name in numbers if types[name] == LOCAL_TIME)
        decimals = frozenset(name for name in numbers if types[name] in DECIMALS)
        sql, (low, high) = self._select(types, numbers), keys
        last, high = after or keys
        while last < high:
            upto = min(last + PIECE_KEYS, high)
            limits = {"from_key": last, "to_key": upto}
            query = Query(sql, self._known | limits, numbers - times - decimals, times, decimals)
            yield Block(number, [query], (upto - low) / (high - low), [upto, high])
            number, last = number + 1, upto

    @property
    def _known(self) -> dict[str, Any]:
        base, table = placed(self.address.database, self.table)
        where = f"{self.address.host}:{self.address.port}"
        account = {"account": self.address.user, "password": self.address.password}
        return {"host": where, "base": base, "table": table, **account}

    def _select(self, types: Mapping[str, int], numbers: frozenset[str]) -> str:
        fields = [f"{_field(name, kind, numbers)} AS c{place}" for place, (name, kind) in enumerate(types.items(), 1)]
        since = f" AND {not_before(quoted(self.since[0]), self.since[1])}" if self.since else ""
        key = quoted(self.key)
        piece = f"{key} > {{from_key:Int64}} AND {key} <= {{to_key:Int64}}{since}"
        return f"SELECT {', '.join(fields)} FROM {MYSQL} WHERE {piece}"


def not_before(number: str, ts: int) -> str:
    """Give the condition that a whole-number time is not before a second. number: its SQL; its size tells its unit."""
    return "(" + " OR ".join(f"{number} >= {ts * unit} AND {number} < {end}" for unit, end in SIZES) + ")"


def sparse(low: int, high: int, rows: int) -> bool:
    """Say whether there are so many more keys than rows that pieces of keys would be nearly empty."""
    return high - low > max(SPARSE * rows, PIECE_KEYS)


def _field(column: str, kind: int, numbers: frozenset[str]) -> str:
    """Give a column as the store fetches it: a number, or the text that would come through here."""
    name = quoted(column)
    if column in numbers:
        return f"CAST({name}, 'Nullable(Int64)')" if kind in WHOLE else name
    if kind in DECIMALS:
        return decimal_text(name)
    text = f"ifNull(toString({name}), '')"
    return text if kind in WHOLE else f"replaceAll({text}, '{SEPARATOR}', ' ')"
