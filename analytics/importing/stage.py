"""Collect an import's rows inside the store before anyone sees them; what is no row stands beside with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analytics.abreast import ABREAST
from analytics.dataset import Dataset
from analytics.importing import fields
from analytics.importing.blocks import Block, Lines, Query, Rows
from analytics.importing.fields import REASONS
from analytics.importing.mapping import Columns
from analytics.store.names import quoted
from analytics.store.schema import Column, Tables, event_columns
from sdk.text import Text

__all__ = ["REASONS", "Stage", "why_none"]

# How the store reads the times of a MySQL table, which have no zone of their own: in the dataset's.
READING = "session_timezone = '{zone}', mysql_datatypes_support_level = 'decimal,datetime64'"


@dataclass(frozen=True, slots=True)
class Stage:
    """The tables in which one import collects rows: `stage`, and `raw` for parts of blocks on their way there."""

    tables: Tables
    run: int

    @property
    def staged(self) -> str:
        """Give the name of the table of all rows so far."""
        return f"stage_{self.run}"

    @property
    def doubled(self) -> str:
        """Give the name of the table of users and seconds in which rows may be equal."""
        return f"doubled_{self.run}"

    def create(self, dataset: Dataset, mapping: Columns) -> None:
        """Make the table of all rows, empty. What the source has no column for stands in no row."""
        self.drop()
        there = set(fields.staged(mapping, dataset.layout))
        columns = (
            Column("block", "UInt32"),
            Column("why", fields.WHY),
            Column("line", "String"),
            *(column if column.name in there else _absent(column) for column in event_columns(dataset.layout)),
        )
        self.tables.create(self.staged, columns, "(user_id, ts)", partition="block")

    def drop(self) -> None:
        """Remove all of them."""
        for table in (self.staged, *map(self._raw, range(ABREAST)), self.doubled):
            self.tables.drop(table)

    def forget(self, number: int) -> None:
        """Remove the blocks from a number on: what an attempt before this one has added, even in part."""
        rows = f"{self.tables.name(self.staged)} WHERE block >= {number:d}"
        for added in self.tables.store.ask(f"SELECT DISTINCT block FROM {rows}").named():
            self.tables.alter(self.staged, f"DROP PARTITION {added['block']:d}")

    def add(
        self, block: Block, dataset: Dataset, mapping: Columns, columns: Sequence[str], valid: tuple[int, int]
    ) -> int:
        """Add a block's rows and give their number; those of an earlier attempt are to be forgotten before.

        As many blocks of numbers next to each other as `abreast` takes may be added at once.
        """
        store, staged = self.tables.store, self.tables.name(self.staged)
        bind = {"block": block.number, "zone": dataset.zone, "low": valid[0], "high": valid[1]}
        into = ", ".join(["block", "why", "line", *map(quoted, fields.staged(mapping, dataset.layout))])
        for part in block.parts:
            found, source, more = self._source(part, columns, fields.few(mapping), self._raw(block.number))
            rows = f"{fields.select(dataset, mapping, found)} FROM {source}"
            store.run(f"INSERT INTO {staged} ({into}) {rows} SETTINGS {READING.format(zone=dataset.zone)}", bind | more)
        found = store.ask(f"SELECT count() AS lines FROM {staged} WHERE block = {block.number:d}")
        return int(found.one()["lines"])

    def _source(
        self, part: Lines | Rows | Query, columns: Sequence[str], few: frozenset[str], table: str
    ) -> tuple[fields.Fields, str, dict[str, Any]]:
        """Give the fields of a part, and what they are selected from, with its values.

        few: columns of few different texts. table: for rows on their way.
        """
        raw = self.tables.name(table)
        if isinstance(part, Query):
            texts = [f"c{place}" for place, name in enumerate(columns, 1) if name in few - part.read]
            packed = ", ".join(f"toLowCardinality({text}) AS {text}" for text in texts)  # each of them is judged once
            rows = f"(SELECT *{f' REPLACE ({packed})' if packed else ''} FROM ({part.sql}))"
            return fields.of_columns(columns, part), rows, part.bind
        if isinstance(part, Rows):
            kinds = {f"c{place}": _kind(name, part) for place, name in enumerate(columns, 1)}
            self._fill(table, kinds, part.data, "ArrowStream")
            return fields.of_columns(columns, part), raw, {}
        self._fill(table, {"line": "String"}, part.data, part.form)
        split = "trimRight(line, '\\r') AS line, splitByString({separator:String}, line) AS f"
        return fields.of_lines(columns), f"(SELECT {split} FROM {raw} WHERE line != '')", {"separator": part.separator}

    def _raw(self, number: int) -> str:
        """Give the name of the table of a block's parts."""
        return f"raw_{self.run}_{number % ABREAST}"

    def _fill(self, table: str, columns: dict[str, str], data: bytes, form: str) -> None:
        store, raw = self.tables.store, self.tables.name(table)
        self.tables.drop(table)
        body = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        store.run(f"CREATE TABLE {raw} ({body}) ENGINE = Memory")
        store.insert(raw, list(columns), data, form)

    def counts(self) -> dict[str, int]:
        """Give the number of rows by reason; "" stands for good ones."""
        found = self.tables.store.ask(f"SELECT why, count() AS rows FROM {self.tables.name(self.staged)} GROUP BY why")
        return {row["why"]: row["rows"] for row in found.named()}

    def behaviours(self) -> list[str]:
        """Give the distinct behaviour codes of good rows, at most 300."""
        name = self.tables.name(self.staged)
        found = self.tables.store.ask(
            f"SELECT DISTINCT behaviour FROM {name} WHERE why = '' ORDER BY behaviour LIMIT 300"
        )
        return [row["behaviour"] for row in found.named()]


def why_none(counts: Mapping[str, int]) -> Text:
    """Say why there is no row: the most frequent reason of those that `counts` has, with its number."""
    if not counts:
        return Text("the source is empty")
    why = max(counts, key=lambda name: counts[name])
    return Text("{reason} (rows: {number:,})", reason=REASONS.get(why, Text.of(why)), number=counts[why])


def _absent(column: Column) -> Column:
    """Give a column that has its type's default in every row, and takes no room."""
    return Column(column.name, f"{column.type} ALIAS defaultValueOfTypeName('{column.type}')")


def _kind(column: str, rows: Rows) -> str:
    if column in rows.numbers:
        return "Nullable(Int64)"
    return "LowCardinality(String)" if column in rows.few else "String"
