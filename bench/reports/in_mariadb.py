"""MariaDB: the three questions of the same rows in a private instance, each within a bounded time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import MySQLdb
from MySQLdb.cursors import Cursor

from analytics.dataset import Dataset
from analytics.store.client import Store
from analytics.store.schema import Tables
from bench.reports.cost import measured, say
from bench.reports.frames import EIGHT, WEEK, Peer, plain
from tests.fleet.mariadb import running_mariadb

LIMIT = 120  # seconds for each question
TOO_LONG = 1969  # ER_STATEMENT_TIMEOUT
# As much memory as one query of our store may take; what else it asks for by default.
OPTIONS = ("--innodb-buffer-pool-size=4G", "--tmp-table-size=1G", "--max-heap-table-size=1G", "--sort-buffer-size=256M")
# Every statement finds what it needs in one of the two, without the rows themselves.
INDICES = ("by_behaviour (user_id, behavior_type, timestamp)", "by_time (user_id, timestamp)")
QUESTIONS = {
    "activity": f"""
        SELECT (timestamp + {EIGHT}) DIV 86400 AS day, COUNT(*), COUNT(DISTINCT user_id)
        FROM behaviour
        WHERE behavior_type = 'pv'
        GROUP BY day""",
    "retention": f"""
        SELECT cohort, day - cohort, COUNT(*)
        FROM (
            SELECT user_id, day, MIN(day) OVER (PARTITION BY user_id) AS cohort
            FROM (SELECT DISTINCT user_id, (timestamp + {EIGHT}) DIV 86400 AS day FROM behaviour) AS days
        ) AS both_
        GROUP BY cohort, day - cohort""",
    "funnel of anything": f"""
        SELECT
            (SELECT COUNT(DISTINCT user_id) FROM behaviour WHERE behavior_type = 'pv'),
            (
                SELECT COUNT(DISTINCT c.user_id)
                FROM behaviour AS c
                WHERE c.behavior_type = 'cart' AND EXISTS (
                    SELECT 1
                    FROM behaviour AS v
                    WHERE v.user_id = c.user_id AND v.behavior_type = 'pv'
                        AND v.timestamp BETWEEN c.timestamp - {WEEK} AND c.timestamp
                )
            ),
            (
                SELECT COUNT(DISTINCT b.user_id)
                FROM behaviour AS b
                WHERE b.behavior_type = 'buy' AND EXISTS (
                    SELECT 1
                    FROM behaviour AS c
                    INNER JOIN behaviour AS v ON v.user_id = c.user_id AND v.behavior_type = 'pv'
                        AND v.timestamp BETWEEN b.timestamp - {WEEK} AND c.timestamp
                    WHERE c.user_id = b.user_id AND c.behavior_type = 'cart'
                        AND c.timestamp BETWEEN b.timestamp - {WEEK} AND b.timestamp
                )
            )""",
}


def in_mariadb(store: Store, dataset: Dataset, folder: Path) -> list[Peer]:
    """Ask MariaDB, which keeps the rows in the folder for the next run."""
    with _loaded(store, dataset, folder) as (cursor, pid):
        return [_asked(cursor, pid, name, sql) for name, sql in QUESTIONS.items()]


def _asked(cursor: Cursor, pid: int, name: str, sql: str) -> Peer:
    def ask() -> list[Any] | None:
        try:
            cursor.execute(f"SET STATEMENT max_statement_time = {LIMIT} FOR {sql}")
            return list(cursor.fetchall())
        except MySQLdb.OperationalError as error:
            if error.args[0] == TOO_LONG:
                return None
            raise

    rows, cost = measured(ask, pid)
    say(f"{name}: MariaDB {cost.seconds:.2f} s{'' if rows is not None else ', and was ended'}")
    return Peer("MariaDB", name, plain(rows or ()), cost if rows is not None else None)


@contextmanager
def _loaded(store: Store, dataset: Dataset, folder: Path) -> Iterator[tuple[Cursor, int]]:
    kept = folder / "mariadb" / dataset.stamp
    with running_mariadb(data=kept, options=OPTIONS) as server:
        pid = int((server.socket.parent / "pid").read_text())
        with MySQLdb.connect(unix_socket=str(server.socket), user="root", local_infile=True) as connection:
            cursor = connection.cursor()
            cursor.execute("SHOW DATABASES LIKE 'shop'")
            if not cursor.fetchall():
                _load(store, dataset, cursor, server.socket.parent / "rows.tsv")
            cursor.execute("USE shop")
            yield cursor, pid


def _load(store: Store, dataset: Dataset, cursor: Cursor, path: Path) -> None:
    """Make the table that people have: one row for each behaviour, with the indices that the questions want."""
    say(f"loading {dataset.rows:,} rows into MariaDB")
    event = Tables(store, dataset.name).event(dataset.version)
    columns = "user_id, item_id, category_id, behaviour, ts"
    with path.open("wb") as file:
        stream = store._client.raw_stream(f"SELECT {columns} FROM {event}", fmt="TabSeparated")
        for piece in iter(lambda: stream.read(1 << 20), b""):
            file.write(piece)
    cursor.execute("SET GLOBAL local_infile = 1")
    cursor.execute("CREATE DATABASE loading")
    cursor.execute(
        "CREATE TABLE loading.behaviour (id INT AUTO_INCREMENT PRIMARY KEY, user_id INT, item_id INT, category_id INT,"
        " behavior_type VARCHAR(8) CHARACTER SET ascii, timestamp INT)"
    )
    cursor.execute(
        f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE loading.behaviour"
        " (user_id, item_id, category_id, behavior_type, timestamp)"
    )
    path.unlink()
    for index in INDICES:
        cursor.execute(f"CREATE INDEX {index.replace(' ', ' ON loading.behaviour ', 1)}")
    cursor.execute("ANALYZE TABLE loading.behaviour")
    cursor.fetchall()
    cursor.execute("CREATE DATABASE shop")  # only once all is there: what was broken off is not taken for it
    cursor.execute("RENAME TABLE loading.behaviour TO shop.behaviour")
