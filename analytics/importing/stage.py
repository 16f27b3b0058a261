"""Collect an import's rows inside the store before anyone sees them; what is no row stands beside with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analytics.dataset import Dataset
from analytics.importing import fields
from analytics.importing.blocks import Block, Lines, Query, Rows
from analytics.importing.fields import REASONS
from analytics.importing.mapping import Columns
from analytics.store.schema import Column, Tables, event_columns
from sdk.text import Text

__all__ = ["REASONS", "Stage", "why_none"]


@dataclass(frozen=True, slots=True)
class Stage:
    """The tables in which one import collects rows: `stage`, and `raw` for a part of a block on its way there."""

    tables: Tables
    run: int

    @property
    def raw(self) -> str:
        """Give the name of the table of a part."""
        return f"raw_{self.run}"

    @property
    def staged(self) -> str:
        """Give the name of the table of all rows so far."""
        return f"stage_{self.run}"

    @property
    def doubled(self) -> str:
        """Give the name of the table of users and seconds in which rows may be equal."""
        return f"doubled_{self.run}"

    def create(self, dataset: Dataset) -> None:
        """Make the table of all rows, empty."""
        self.drop()
        columns = (
            Column("block", "UInt32"),
            Column("why", "LowCardinality(String)"),
            Column("line", "String"),
            *event_columns(dataset.layout),
        )
        self.tables.create(self.staged, columns, "(user_id, ts)", partition="block")

    def drop(self) -> None:
        """Remove all of them."""
        for table in (self.staged, self.raw, self.doubled):
            self.tables.drop(table)

    def add(
        self, block: Block, dataset: Dataset, mapping: Columns, columns: Sequence[str], valid: tuple[int, int]
    ) -> int:
        """Add a block's rows and give their number; a block that was added before, even in part, is replaced."""
        store, staged = self.tables.store, self.tables.name(self.staged)
        self.tables.alter(self.staged, f"DROP PARTITION {block.number:d}")
        bind = {"block": block.number, "zone": dataset.zone, "low": valid[0], "high": valid[1]}
        for part in block.parts:
            found, source, more = self._source(part, columns)
            store.run(f"INSERT INTO {staged} {fields.select(dataset, mapping, found)} FROM {source}", bind | more)
        found = store.ask(f"SELECT count() AS lines FROM {staged} WHERE block = {block.number:d}")
        return int(found.one()["lines"])

    def _source(self, part: Lines | Rows | Query, columns: Sequence[str]) -> tuple[fields.Fields, str, dict[str, Any]]:
        """Give the fields of a part, and what they are selected from, with its values."""
        raw = self.tables.name(self.raw)
        if isinstance(part, Query):
            return fields.of_columns(columns, part.numbers), f"({part.sql})", part.bind
        if isinstance(part, Rows):
            kinds = ["Nullable(Int64)" if name in part.numbers else "String" for name in columns]
            self._fill({f"c{place}": kind for place, kind in enumerate(kinds, 1)}, part.data, "ArrowStream")
            return fields.of_columns(columns, part.numbers), raw, {}
        self._fill({"line": "String"}, part.data, part.form)
        split = "trimRight(line, '\\r') AS line, splitByString({separator:String}, line) AS f"
        return fields.of_lines(columns), f"(SELECT {split} FROM {raw} WHERE line != '')", {"separator": part.separator}

    def _fill(self, columns: dict[str, str], data: bytes, form: str) -> None:
        store, raw = self.tables.store, self.tables.name(self.raw)
        self.tables.drop(self.raw)
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
