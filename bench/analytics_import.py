"""Imports: rows a second from CSV and from MariaDB, beside the engine's own INSERT .. SELECT in the same run.

python -m bench.analytics_import [--rows 10] [--mariadb 5] [--rounds 3]      millions of rows
"""

import argparse
import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import MySQLdb
import pyarrow as pa
import pyarrow.csv

from analytics.dataset import Dataset
from analytics.generate import BLOCK_ROWS, COLUMNS, ZONE, Generated, texts
from analytics.importing import mapping
from analytics.importing.blocks import Source
from analytics.importing.csv_file import CsvFile
from analytics.importing.mysql.rows import MySqlRows
from analytics.importing.mysql.server import Address
from analytics.importing.running import Position, Progress, clear, run_import
from analytics.store.client import Store
from analytics.store.reach import reached
from analytics.store.schema import Tables
from bench.reports.in_mariadb import OPTIONS
from tests.fleet.mariadb import running_mariadb

MILLION = 1_000_000
RAW = "user_id Int64, item_id Int64, category_id Int64, behavior_type LowCardinality(String), timestamp Int64"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10, help="millions of rows of the CSV file")
    parser.add_argument("--mariadb", type=int, default=5, help="millions of rows of the MariaDB table; 0: none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the files go; default: a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder, reached(Path(folder)) as store:
        path = Path(folder) / "behaviour.csv"
        write(path, given.rows * MILLION)
        raw = f"SELECT * FROM file('{path}', 'CSV', '{RAW}')"
        compare(store, "CSV", given.rows, given.rounds, raw, lambda: CsvFile(path))
        if given.mariadb:
            write(path, given.mariadb * MILLION)
            from_mariadb(store, path, given.mariadb, given.rounds)


def compare(store: Store, what: str, millions: int, rounds: int, raw: str, source: Callable[[], Source]) -> None:
    """Print our seconds beside those of the engine's own statement, turn by turn."""
    ours, theirs = [], []
    for _ in range(rounds):
        store.run("DROP TABLE IF EXISTS default.raw SYNC")
        store.run(f"CREATE TABLE default.raw ({RAW}) ENGINE = MergeTree ORDER BY (user_id, timestamp)")
        theirs.append(seconds(lambda: store.run(f"INSERT INTO default.raw {raw}")))
        Tables(store, "bench").drop_database()
        ours.append(seconds(lambda: bring(store, "bench", source())))
    ratio = median(one / other for one, other in zip(ours, theirs, strict=True))
    print(
        f"{what}, {millions} M rows: import {min(ours):.1f} to {max(ours):.1f} s,"
        f" {millions * MILLION / median(ours):,.0f} rows/s; the engine's own INSERT .. SELECT"
        f" {min(theirs):.1f} to {max(theirs):.1f} s; ratio {ratio:.2f}"
    )


def seconds(act: Callable[[], object]) -> float:
    """Give how long something takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


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
    """Import a source, with all that it has, and say how fast its two steps were."""
    columns = mapping.completed(
        mapping.written(""), source.columns, source.sample(), named=getattr(source, "named", True)
    )
    layout = mapping.layout_of(columns, source.columns, source.sample())
    if isinstance(source, MySqlRows):
        source.narrow(list(columns.fields.values()))
        source.offer(store)
    dataset = Dataset(
        name=name, zone=ZONE, layout=layout, mapped=frozenset(columns.fields) - {"user", "behaviour", "ts"}
    )
    told: list[Progress] = []
    started = time.perf_counter()
    got = run_import(
        Tables(store, name), dataset, source, columns, run=1, now=time.time(), position=Position(), tell=told.append
    )
    whole = time.perf_counter() - started
    read = [progress for progress in told if progress.step == "read"][-1]
    clear(Tables(store, name), 1, 1)
    print(
        f"  {got.dataset.rows:,} rows in {whole:.1f} s, {got.dataset.rows / whole:,.0f} rows/s"
        f" (reading {read.seconds:.1f} s, publishing {whole - read.seconds:.1f} s)"
    )
    return got.dataset


def from_mariadb(store: Store, path: Path, millions: int, rounds: int) -> None:
    """Load the CSV into a private MariaDB and import it from there, over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with running_mariadb(port, options=OPTIONS) as server:
        server.create("shop")
        with MySQLdb.connect(unix_socket=str(server.socket), user="root", db="shop", local_infile=True) as connection:
            cursor = connection.cursor()
            load(cursor, path)
            cursor.execute("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'secret'")
            cursor.execute("GRANT SELECT ON shop.* TO reader@'127.0.0.1'")
            connection.commit()
        os.sync()  # what was written until here is not of the imports
        address = Address("127.0.0.1", port, "reader", "secret", "shop")
        for what, table, ts in (
            ("MariaDB", "behaviour", "timestamp"),
            ("MariaDB, DATETIME and DECIMAL", "sale", "toUnixTimestamp(created_at)"),
        ):
            there = f"mysql('127.0.0.1:{port}', 'shop', '{table}', 'reader', 'secret')"
            raw = f"SELECT user_id, item_id, category_id, behavior_type, {ts} FROM {there}"
            compare(store, what, millions, rounds, raw, lambda table=table: MySqlRows(address, table=table))


def load(cursor: MySQLdb.cursors.Cursor, path: Path) -> None:
    """Make the table `behaviour` of a CSV file, and `sale`, with times and prices as shops write them."""
    cursor.execute("SET GLOBAL local_infile = 1")
    cursor.execute(
        "CREATE TABLE behaviour (id INT AUTO_INCREMENT PRIMARY KEY, user_id INT, item_id INT, category_id INT,"
        " behavior_type VARCHAR(8), timestamp INT)"
    )
    cursor.execute(
        f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE behaviour FIELDS TERMINATED BY ','"
        " (user_id, item_id, category_id, behavior_type, timestamp)"
    )
    cursor.execute(
        "CREATE TABLE sale (PRIMARY KEY (id)) AS SELECT id, user_id, item_id, category_id, behavior_type,"
        " FROM_UNIXTIME(timestamp) AS created_at, CAST(item_id % 1000 / 7 AS DECIMAL(10, 2)) AS price FROM behaviour"
    )


if __name__ == "__main__":
    main()
