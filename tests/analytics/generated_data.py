"""A generated dataset as an import leaves it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from analytics.dataset import Dataset
from analytics.generate import ZONE, Generated
from analytics.importing import mapping
from analytics.importing.running import Position, clear, run_import
from analytics.store.client import Store
from analytics.store.schema import Tables

SEED = 11


@contextmanager
def generated(store: Store, name: str, rows: int, dimensions: Sequence[str] = ()) -> Iterator[Dataset]:
    """Give so many generated rows, removed in the end. dimensions: names under which the channel stands, too."""
    source, tables = Generated(rows, SEED), Tables(store, name)
    tables.drop_database()
    said = ",".join(f"{word}=channel" for word in ("channel", *dimensions)) if dimensions else ""
    columns = mapping.completed(mapping.written(said), source.columns, source.sample(), named=True)
    layout = mapping.layout_of(columns, source.columns, source.sample())
    mapped = frozenset({"item", "category", "amount", "order", "channel", *dimensions})
    dataset = Dataset(name=name, zone=ZONE, layout=layout, mapped=mapped)
    told = run_import(
        tables, dataset, source, columns, run=1, now=1_600_000_000, position=Position(), tell=lambda _: None
    )
    clear(tables, 1, 1)
    yield told.dataset
    tables.drop_database()
