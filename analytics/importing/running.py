"""Run an import: blocks to the stage, the stage to a new version; it can be stopped anywhere and taken up again."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from analytics.abreast import abreast
from analytics.dataset import Dataset, Kind
from analytics.importing.blocks import Block, Source
from analytics.importing.mapping import Columns
from analytics.importing.publish import Published, publish
from analytics.importing.stage import Stage
from analytics.store.schema import Tables

FIRST_VALID = 31_536_000  # 1971: earlier "times" are zeros and faults
FUTURE = 86_400  # seconds after now; nobody has acted later, a clock may be a little fast


@dataclass(frozen=True, slots=True)
class Position:
    """How far an import is. number: of the next block, 0 before the stage is made; after: the source's own word."""

    number: int = 0
    after: Any = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What is told after each step. done: 0 to 1 of the step; seconds: of this attempt; rows: lines read by it."""

    step: str
    done: float
    rows: int
    seconds: float
    position: Position

    @property
    def left(self) -> float | None:
        """Give the seconds left of this step, None while nothing is known."""
        return self.seconds * (1 - self.done) / self.done if self.done > 0.01 else None


def run_import(  # noqa: PLR0913  # each is one thing that an import needs
    tables: Tables,
    dataset: Dataset,
    source: Source,
    columns: Columns,
    *,
    run: int,
    now: float,
    position: Position,
    tell: Callable[[Progress], None],
) -> Published:
    """Bring a source's rows into a new version; the caller names it and then calls `clear`.

    run: the import's number, which names its tables. position: where an earlier attempt of the same run stood.
    tell: called after each block and pass; what it raises (a cancel, Ctrl-C) leaves all as it is, to be taken up
    again. ImportFault, StoreError: the old version keeps serving.
    """
    started, read = time.monotonic(), 0
    stage = Stage(tables, run)
    tables.create_database()
    valid = (dataset.valid[0] or FIRST_VALID, dataset.valid[1] or int(now) + FUTURE)
    if position.number == 0:
        stage.create(dataset, columns)
        position = Position(1, None)
        tell(Progress("read", 0.0, 0, 0.0, position))
    else:
        stage.forget(position.number)
    blocks = source.blocks(position.number, position.after, _numbers(dataset, columns))

    def add(block: Block) -> int:
        return stage.add(block, dataset, columns, source.columns, valid)

    with closing(abreast(_ahead(blocks), add)) as added:
        for block, rows in added:
            read, position = read + rows, Position(block.number + 1, block.after)
            tell(Progress("read", block.done, read, time.monotonic() - started, position))
    begun = time.monotonic()
    return publish(
        stage,
        dataset,
        lambda done: tell(Progress("publish", done, read, time.monotonic() - begun, position)),
        overlaps=getattr(source, "overlaps", False),
    )


def _numbers(dataset: Dataset, columns: Columns) -> frozenset[str]:
    """Give the source's columns that are kept as whole numbers, and only as such."""
    layout = dataset.layout
    kinds = {"user": layout.user, "item": layout.item, "category": layout.category, "ts": Kind.NUMBER}
    found = {column for name, column in columns.fields.items() if kinds.get(name) is Kind.NUMBER}
    texts = {column for name, column in columns.fields.items() if kinds.get(name) is not Kind.NUMBER}
    return frozenset(found - texts - {column for column, _ in columns.dimensions.values()})


def _ahead(blocks: Iterator[Block]) -> Iterator[Block]:
    """Read the next block while the store works on those before it."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = worker.submit(next, blocks, None)
            yield block


def clear(tables: Tables, run: int, version: int) -> None:
    """Remove what the import staged, and versions that nobody reads any more. version: the one that serves now.

    The one before it stays: a report that began on it may still be reading.
    """
    Stage(tables, run).drop()
    tables.drop_version(version - 2)


def abandon(tables: Tables, run: int, version: int) -> None:
    """Remove what an import that is given up has left. version: the one that serves."""
    Stage(tables, run).drop()
    tables.drop_version(version + 1)
