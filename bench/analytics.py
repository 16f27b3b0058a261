"""Analytics: rows a second of imports, seconds of reports, on generated rows in stores of their own.

python -m bench.analytics [--rows 1000000] [--mariadb]
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import MySQLdb
import pyarrow as pa
import pyarrow.csv

from analytics import answers, catalog
from analytics.dataset import Dataset
from analytics.generate import BLOCK_ROWS, COLUMNS, ZONE, Generated, texts
from analytics.importing import mapping
from analytics.importing.blocks import Source
from analytics.importing.csv_file import CsvFile
from analytics.importing.mysql import Address, MySqlRows
from analytics.importing.running import Position, Progress, clear, run_import
from analytics.store.client import Store
from analytics.store.reach import reached
from analytics.store.schema import Tables
from tests.fleet.mariadb import running_mariadb

QUESTIONS: tuple[tuple[str, dict[str, object]], ...] = (
    ("overview", {}),
    ("activity", {"by": "day"}),
    ("activity", {"by": "hour of week"}),
    ("behaviour_reach", {}),
    ("decomposition", {}),
    ("retention", {}),
    ("retention", {"membership": "recurring", "kind": "unbounded"}),
    ("funnel", {"same": "nothing", "times": False}),
    ("funnel", {"same": "nothing", "times": True}),
    ("funnel", {"same": "item", "times": False}),
    ("funnel", {"same": "item", "times": True}),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--mariadb", action="store_true", help="import from a private MariaDB as well")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, reached(Path(folder)) as store:
        path = Path(folder) / "behaviour.csv"
        with timed(f"generate {given.rows:,} rows", given.rows):
            write(path, given.rows)
        dataset = bring(store, "csv", CsvFile(path))
        if given.mariadb:
            from_mariadb(store, path)
        for name, params in QUESTIONS:
            seconds = [ask(store, dataset, name, params) for _ in range(3)]
            print(f"{name} {params}: {min(seconds):.3f} s (of {', '.join(f'{s:.3f}' for s in seconds)})")
        size = subprocess.run(
            ["du", "-sm", f"{folder}/analytics/chdb"], capture_output=True, text=True, check=True
        ).stdout
        print(f"on disk: {size.split()[0]} MiB")


def write(path: Path, rows: int) -> None:
    """Write UserBehavior's five columns without a header."""
    made = Generated(rows, 7)
    options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as file:
        for block, first in enumerate(range(0, rows, BLOCK_ROWS)):
            columns = texts(made.rows(block, min(BLOCK_ROWS, rows - first)))
            table = pa.table(dict(list(zip(COLUMNS, columns, strict=True))[:5]))
            pa.csv.write_csv(table, file, options)


def bring(store: Store, name: str, source: Source) -> Dataset:
    """Import a source and say how fast its two steps were."""
    columns = mapping.completed(
        mapping.written(""), source.columns, source.sample(), named=getattr(source, "named", True)
    )
    layout = mapping.layout_of(columns, source.columns, source.sample())
    if isinstance(source, MySqlRows):
        source.narrow(list(columns.fields.values()))
        source.offer(store)
    dataset = Dataset(name=name, zone=ZONE, layout=layout, mapped=frozenset({"item", "category"}))
    told: list[Progress] = []
    started = time.perf_counter()
    got = run_import(
        Tables(store, name), dataset, source, columns, run=1, now=time.time(), position=Position(), tell=told.append
    )
    whole = time.perf_counter() - started
    read = [progress for progress in told if progress.step == "read"][-1]
    clear(Tables(store, name), 1, 1)
    print(
        f"import {name}: {got.dataset.rows:,} rows in {whole:.1f} s, {got.dataset.rows / whole:,.0f} rows/s"
        f" (read {read.rows / read.seconds:,.0f} rows/s, publish {whole - read.seconds:.1f} s)"
    )
    return got.dataset


def from_mariadb(store: Store, path: Path) -> None:
    """Load the CSV into a private MariaDB and import it from there."""
    with running_mariadb() as server:
        server.create("shop")
        with MySQLdb.connect(unix_socket=str(server.socket), user="root", db="shop", local_infile=True) as connection:
            cursor = connection.cursor()
            cursor.execute("SET GLOBAL local_infile = 1")
            cursor.execute(
                "CREATE TABLE behaviour (id INT AUTO_INCREMENT PRIMARY KEY, user_id INT, item_id INT, category_id INT,"
                " behavior_type VARCHAR(8), timestamp INT)"
            )
            cursor.execute(
                f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE behaviour FIELDS TERMINATED BY ','"
                " (user_id, item_id, category_id, behavior_type, timestamp)"
            )
            connection.commit()
        address = Address("localhost", 3306, "root", "", "shop", str(server.socket))
        bring(store, "mariadb", MySqlRows(address, table="behaviour"))


def ask(store: Store, dataset: Dataset, name: str, params: dict[str, object]) -> float:
    """Give the seconds of one answer, none of it kept."""
    return answers.answer(store, dataset, catalog.one(name), params, now=0).seconds


@contextmanager
def timed(what: str, rows: int) -> Iterator[None]:
    """Print how long something took."""
    started = time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    print(f"{what}: {seconds:.1f} s, {rows / seconds:,.0f} rows/s")


if __name__ == "__main__":
    main()
