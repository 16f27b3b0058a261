"""A dataset whose events never end: whatever is asked of it takes hours."""

from collections.abc import Iterator
from contextlib import contextmanager

from analytics.models import Dataset
from analytics.store.client import Store
from analytics.store.schema import Tables, event_columns

ALL = 1_000_000_000_000
# the filter keeps the question away from the rollups, which this dataset has not
CARD = "/reports/activity/card/?d=endless&where=behaviour%3Dpv"
PAGE = "/reports/activity/?d=endless&where=behaviour%3Dpv"
RUNNING = (
    "SELECT count() AS n FROM system.processes WHERE query LIKE '%endless%' AND query NOT LIKE '%system.processes%'"
)


@contextmanager
def made(store: Store, shop: Dataset) -> Iterator[Dataset]:
    """Give it, of the shape of `shop`."""
    tables = Tables(store, "endless")
    tables.create_database()
    values = {"ts": "1511539200 + sipHash64(number) % 700000", "role": "1", "behaviour": "'pv'"}
    columns = event_columns(shop.as_core().layout)
    few = "number % 1000"  # what is counted takes little memory, however long it goes on
    events = ", ".join(f"CAST({values.get(one.name, few)} AS {one.type}) AS {one.name}" for one in columns)
    store.run(f"CREATE OR REPLACE VIEW {tables.event(1)} AS SELECT {events} FROM numbers({ALL})")
    row = Dataset.objects.get(pk=shop.pk)
    row.pk, row.name, row.version, row.stamp = None, "endless", 1, "endless"
    row.save(force_insert=True)
    yield row
    store.run(f"DROP DATABASE {tables.database}")


def running(store: Store) -> int:
    """Say how many of its questions run."""
    return int(store.ask(RUNNING).one()["n"])
