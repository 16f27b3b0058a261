"""The tables of a dataset, and how a new version of them comes to be.

Each dataset has a database of its own. A version is a table `event_vN` with its rollup `user_day_vN`; readers name
the version, so that one being built, or one that failed, is seen by nobody. A new version starts from the old one's
parts (hard links, no copy). On a cluster each table is sharded by user: `..._local` on each shard, and a
Distributed one over it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.dataset import Dataset, Kind, Layout
from analytics.store.client import Store
from analytics.store.names import quoted

TYPES = {Kind.NUMBER: "Int64", Kind.TEXT: "String"}
DIMENSION_TYPES = {Kind.NUMBER: "Float64", Kind.TEXT: "LowCardinality(String)"}
# the largest merges of parts, in bytes
APART = ("max_bytes_to_merge_at_max_space_in_pool", "max_bytes_to_merge_at_min_space_in_pool")
USER_DAY = """
SELECT
    user_id,
    toDate(toDateTime(ts, {zone:String}), {zone:String}) AS day,
    toUInt32(count()) AS events,
    toUInt32(countIf({everything:UInt8} OR behaviour IN {activity:Array(String)})) AS active,
    toUInt32(countIf(role = 1)) AS views,
    toUInt32(countIf(role = 2)) AS favs,
    toUInt32(countIf(role = 3)) AS carts,
    toUInt32(countIf(role = 4)) AS buys
FROM """


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
        Column("amount", "Decimal(18, 4)"),
        Column("order_id", "String"),
        Column("channel", "LowCardinality(String)"),
        *(Column(name, DIMENSION_TYPES[kind]) for name, kind in layout.dimensions),
    )


RESERVED = frozenset(column.name for column in event_columns(Layout())) | {
    "day",
    "why",
    "line",
    "block",
    "registered_channel",
    "registered_at",
}


class Tables:
    """The tables of one dataset in one store."""

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.database = store, store.prefix + name

    def name(self, table: str) -> str:
        """Give a table's quoted name."""
        return quoted(self.database, table)

    def event(self, version: int) -> str:
        """Give the quoted name of a version's events."""
        return self.name(f"event_v{version}")

    def user_day(self, version: int) -> str:
        """Give the quoted name of a version's rollup."""
        return self.name(f"user_day_v{version}")

    def people(self, version: int) -> str:
        """Give the quoted name of a version's users table."""
        return self.name(f"people_v{version}")

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

    def create(self, table: str, columns: Sequence[Column], order: str, partition: str = "") -> None:
        """Make an empty table; on a cluster one on each shard and one over them. Its parts stay apart until `settle`.

        order, partition: of this program, not of people.
        """
        body = ", ".join(column.definition for column in columns)
        parted = f" PARTITION BY {partition}" if partition else ""
        engine = f"MergeTree{parted} ORDER BY {order} SETTINGS {', '.join(f'{name} = 1' for name in APART)}"
        if not self.store.cluster:
            self.store.run(f"CREATE TABLE {self.name(table)} ({body}) ENGINE = {engine}")
            return
        self.store.run(f"CREATE TABLE {self.name(table + '_local')}{self._everywhere()} ({body}) ENGINE = {engine}")
        place = ", ".join(map(quoted, (self.store.cluster, self.database, f"{table}_local")))
        over = f"Distributed({place}, cityHash64(user_id))"
        self.store.run(f"CREATE TABLE {self.name(table)}{self._everywhere()} ({body}) ENGINE = {over}")

    def alter(self, table: str, action: str) -> None:
        """Run ALTER TABLE on each shard. action: of this program, not of people."""
        local = f"{table}_local" if self.store.cluster else table
        self.store.run(f"ALTER TABLE {self.name(local)}{self._everywhere()} {action}")

    def settle(self, version: int) -> None:
        """Let the store bring a version's parts together from now on: done while they came in, it doubled the work."""
        for table in (f"event_v{version}", f"user_day_v{version}"):
            self.alter(table, f"RESET SETTING {', '.join(APART)}")

    def create_version(self, dataset: Dataset) -> int:
        """Make the next version with the rows of the present one; a left-over of that number is removed."""
        version = dataset.version + 1
        self.drop_version(version)
        self.create(f"event_v{version}", event_columns(dataset.layout), "(user_id, ts, role)")
        if dataset.version:
            old = f"event_v{dataset.version}{'_local' if self.store.cluster else ''}"
            self.alter(f"event_v{version}", f"ATTACH PARTITION tuple() FROM {self.name(old)}")
        return version

    def build_user_day(self, dataset: Dataset, version: int) -> None:
        """Sum up a version's events for each user and local day."""
        table = f"user_day_v{version}"
        numbers = [Column(name, "UInt32") for name in ("events", "active", "views", "favs", "carts", "buys")]
        self.drop(table)
        user = Column("user_id", TYPES[dataset.layout.user])
        self.create(table, (user, Column("day", "Date"), *numbers), "(user_id, day)")
        self.store.run(
            f"INSERT INTO {self.name(table)} {USER_DAY} {self.event(version)} GROUP BY user_id, day",
            {"zone": dataset.zone, "everything": int(not dataset.activity), "activity": list(dataset.activity)},
        )

    def drop_version(self, version: int) -> None:
        """Remove a version's tables."""
        self.drop(f"event_v{version}")
        self.drop(f"user_day_v{version}")

    def _everywhere(self) -> str:
        return f" ON CLUSTER {quoted(self.store.cluster)}" if self.store.cluster else ""
