"""The tables of a dataset, and how a new version of them comes to be.

Each dataset has a database of its own. A version is a table `event_vN` with its rollups, for example `user_day_vN`
(analytics.store.rollups); readers name the version, so that one being built, or one that failed, is seen by nobody. A
new version starts from the old one's parts (hard links, no copy). On a cluster each table is sharded by user:
`..._local` on each shard, and a Distributed one over it.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from analytics.abreast import ABREAST, abreast
from analytics.dataset import Dataset, Kind, Layout
from analytics.store import rollups
from analytics.store.client import Askable, Store
from analytics.store.names import quoted

TYPES = {Kind.NUMBER: "Int64", Kind.TEXT: "String"}
DIMENSION_TYPES = {Kind.NUMBER: "Float64", Kind.TEXT: "LowCardinality(String)"}
AMOUNT = "Decimal(18, 4)"
ROLLUPS = ("user_day", "hour", "buy_hour")
VERSIONED = ("event", *ROLLUPS)
BY_USER = "cityHash64(user_id)"  # which shard a row is on
PASS_ROWS = 3_000_000  # of events whose users are summed up at once, in some 0.5 GB; two such passes go abreast
SPILL = "max_bytes_before_external_group_by = 1000000000"  # one user may have all rows
SAMPLE = 100_000  # rows, by whose users they are shared out
# the largest merges of parts, in bytes
APART = ("max_bytes_to_merge_at_max_space_in_pool", "max_bytes_to_merge_at_min_space_in_pool")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table in the store."""

    name: str
    type: str

    @property
    def definition(self) -> str:
        """Give it as CREATE TABLE reads it."""
        return f"{quoted(self.name)} {self.type}"


def event_columns(layout: Layout) -> tuple[Column, ...]:
    """Give the columns of `event`. ts: Unix seconds; micro: what is left of the second, in millionths.

    role: 1 view, 2 fav, 3 cart, 4 buy, 9 a behaviour of the dataset's own.
    """
    return (
        Column("user_id", TYPES[layout.user]),
        Column("ts", "Int64"),
        Column("role", "UInt8"),
        Column("micro", "UInt32"),
        Column("item_id", TYPES[layout.item]),
        Column("category_id", TYPES[layout.category]),
        Column("behaviour", "LowCardinality(String)"),
        Column("amount", AMOUNT),
        Column("order_id", "String"),
        Column("channel", "LowCardinality(String)"),
        *(Column(layout.column(name), DIMENSION_TYPES[kind]) for name, kind in layout.dimensions),
    )


RESERVED = frozenset(column.name for column in event_columns(Layout())) | {
    "day",
    "why",
    "line",
    "block",
    "registered_channel",
    "registered_at",
}


class Names:
    """What the tables of one dataset are called in one store."""

    def __init__(self, store: Askable, name: str) -> None:
        self.database = store.prefix + name

    def name(self, table: str) -> str:
        """Give a table's quoted name."""
        return quoted(self.database, table)

    def event(self, version: int) -> str:
        """Give the quoted name of a version's events."""
        return self.name(f"event_v{version}")

    def user_day(self, version: int) -> str:
        """Give the quoted name of a version's rollup."""
        return self.name(f"user_day_v{version}")

    def hour(self, version: int) -> str:
        """Give the quoted name of a version's sums by hour."""
        return self.name(f"hour_v{version}")

    def buy_hour(self, version: int) -> str:
        """Give the quoted name of a version's purchases by user and hour."""
        return self.name(f"buy_hour_v{version}")

    def people(self, version: int) -> str:
        """Give the quoted name of a version's users table."""
        return self.name(f"people_v{version}")


def _unheard(share: float) -> None:
    """Take a progress that nobody asked for."""


class Tables(Names):
    """The tables of one dataset in one store."""

    def __init__(self, store: Store, name: str) -> None:
        super().__init__(store, name)
        self.store = store

    def create_database(self) -> None:
        """Make the dataset's database where it is not there yet."""
        self.store.run(f"CREATE DATABASE IF NOT EXISTS {quoted(self.database)}{self._everywhere()}")

    def drop_database(self) -> None:
        """Remove the dataset from the store."""
        self.store.run(f"DROP DATABASE IF EXISTS {quoted(self.database)}{self._everywhere()} SYNC")

    def drop(self, table: str) -> None:
        """Remove a table where it is there."""
        for name in (table, f"{table}_local") if self.store.cluster else (table,):
            self.store.run(f"DROP TABLE IF EXISTS {self.name(name)}{self._everywhere()} SYNC")

    def create(
        self, table: str, columns: Sequence[Column], order: str, partition: str = "", shard: str = BY_USER
    ) -> None:
        """Make an empty table; on a cluster one on each shard and one over them. Its parts stay apart until `settle`.

        order, partition, shard: of this program, not of people.
        """
        body = ", ".join(column.definition for column in columns)
        parted = f" PARTITION BY {partition}" if partition else ""
        engine = f"MergeTree{parted} ORDER BY {order} SETTINGS {', '.join(f'{name} = 1' for name in APART)}"
        if not self.store.cluster:
            self.store.run(f"CREATE TABLE {self.name(table)} ({body}) ENGINE = {engine}")
            return
        self.store.run(f"CREATE TABLE {self.name(table + '_local')}{self._everywhere()} ({body}) ENGINE = {engine}")
        place = ", ".join(map(quoted, (self.store.cluster, self.database, f"{table}_local")))
        over = f"Distributed({place}, {shard})"
        self.store.run(f"CREATE TABLE {self.name(table)}{self._everywhere()} ({body}) ENGINE = {over}")

    def alter(self, table: str, action: str) -> None:
        """Run ALTER TABLE on each shard. action: of this program, not of people."""
        local = f"{table}_local" if self.store.cluster else table
        self.store.run(f"ALTER TABLE {self.name(local)}{self._everywhere()} {action}")

    def settle(self, version: int) -> None:
        """Let the store bring a version's parts together from now on: done while they came in, it doubled the work."""
        for table in VERSIONED:
            self.alter(f"{table}_v{version}", f"RESET SETTING {', '.join(APART)}")

    def create_version(self, dataset: Dataset) -> int:
        """Make the next version with the rows of the present one; a left-over of that number is removed."""
        version = dataset.version + 1
        self.drop_version(version)
        self.create(f"event_v{version}", event_columns(dataset.layout), "(user_id, ts, role)")
        if dataset.version:
            old = f"event_v{dataset.version}{'_local' if self.store.cluster else ''}"
            self.alter(f"event_v{version}", f"ATTACH PARTITION tuple() FROM {self.name(old)}")
        return version

    def build_rollups(self, dataset: Dataset, version: int, progress: Callable[[float], None] = _unheard) -> None:
        """Sum up a version's events for each user and local day, and for each local hour.

        dataset: with the behaviours of that version. Once they are filled their comments name their form. progress:
        called with the share that is done; what it raises ends the work.
        """
        zone, event = {"zone": dataset.zone}, self.event(version)
        activity = {"everything": int(not dataset.activity), "activity": list(dataset.activity)}
        given = {**zone, **activity, "codes": sorted(dataset.behaviours)}
        user = Column("user_id", TYPES[dataset.layout.user])
        for table, columns, order, shard in (
            ("user_day", (user, *(Column(*one) for one in rollups.USER_DAY)), "(user_id, day)", BY_USER),
            ("hour", tuple(Column(*one) for one in rollups.HOUR), "(day, hour)", "rand()"),
            ("buy_hour", (user, *(Column(*one) for one in rollups.BUY_HOUR)), "(user_id, day, hour)", BY_USER),
        ):
            self.drop(f"{table}_v{version}")
            self.create(f"{table}_v{version}", columns, order, shard=shard)
        orders = self.store.ask(rollups.ORDERS.replace("$event", event)).one()["n"]
        buying = rollups.FILL_BUY_HOUR.replace("$again", rollups.AGAIN if orders else "0")
        passes = self.user_ranges(f"event_v{version}", TYPES[dataset.layout.user], PASS_ROWS)
        fills = [
            (table, sql.replace("$users", users), {**given, **bind})
            for table, sql in (("user_day", rollups.FILL_USER_DAY), ("buy_hour", buying))
            for users, bind in passes
        ]
        fills.append(("hour", rollups.FILL_HOUR, zone))
        settings = f"{SPILL}, max_threads = {self._share_of_threads()}"

        def fill(one: tuple[str, str, dict[str, Any]]) -> None:
            table, sql, bind = one
            select = sql.replace("$event", event)
            self.store.run(f"INSERT INTO {self.name(f'{table}_v{version}')} {select} SETTINGS {settings}", bind)

        with closing(abreast(fills, fill)) as filled:
            for number, _ in enumerate(filled, 1):
                progress(number / len(fills))
        for table in ROLLUPS:
            self.alter(f"{table}_v{version}", f"MODIFY COMMENT '{rollups.form()}'")

    def has_rollups(self, version: int) -> bool:
        """Say whether a version's rollups are there, filled to their end, in the form that they have today."""
        ending = f"_v{version}{'_local' if self.store.cluster else ''}"
        found = self.store.ask(
            "SELECT count() AS n FROM system.tables"
            " WHERE database = {database:String} AND name IN {tables:Array(String)} AND comment = {form:String}",
            {"database": self.database, "tables": [table + ending for table in ROLLUPS], "form": rollups.form()},
        )
        return int(found.one()["n"]) == len(ROLLUPS)

    def user_ranges(self, table: str, kind: str, rows: int, where: str = "1") -> list[tuple[str, dict[str, Any]]]:
        """Share a table's users out by their order, some `rows` at once; give each share's condition and its values.

        kind: the type of user_id. where: which rows count; of this program, not of people.
        """
        of = f"FROM {self.name(table)} WHERE {where}"
        shares = -(-self.store.ask(f"SELECT count() AS n {of}").one()["n"] // rows)
        if shares <= 1:
            return [("1", {})] * shares
        sample = f"SELECT arraySort(groupArraySample({SAMPLE}, 1)(user_id)) AS users {of}"
        found = self.store.ask(sample).one()["users"]
        ends = sorted({found[len(found) * number // shares] for number in range(1, shares)})
        above, upto = f"user_id > {{above:{kind}}}", f"user_id <= {{upto:{kind}}}"
        middle = [(f"{above} AND {upto}", {"above": low, "upto": high}) for low, high in pairwise(ends)]
        return [(upto, {"upto": ends[0]}), *middle, (above, {"above": ends[-1]})]

    def drop_version(self, version: int) -> None:
        """Remove a version's tables."""
        for table in VERSIONED:
            self.drop(f"{table}_v{version}")

    def _share_of_threads(self) -> int:
        """Give the threads of each of as many statements as go abreast: more of them only stand in each other's way."""
        found = self.store.ask("SELECT toUInt32(getSetting('max_threads')) AS n").one()["n"]
        return max(1, int(found) // ABREAST)

    def _everywhere(self) -> str:
        return f" ON CLUSTER {quoted(self.store.cluster)}" if self.store.cluster else ""
