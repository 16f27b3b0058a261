"""Reports: ours beside hand-written SQL on the same engine, pandas, polars (where it is there) and MariaDB, in one run.

python -m bench.analytics [--rows 10] [--mariadb 1] [--rounds 3] [--all]      millions of rows

The same rows for all; every peer's answer to the three questions is compared with ours before its time counts.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import MySQLdb
import pandas as pd

from analytics import answers, catalog
from analytics.dataset import Dataset
from analytics.generate import Generated
from analytics.store.client import Store
from analytics.store.reach import reached
from analytics.store.schema import Tables
from bench.analytics_import import MILLION, bring, load, seconds, write
from sdk.report import NotSupported
from tests.fleet.mariadb import running_mariadb

WEEK = 7 * 86_400
EIGHT = 8 * 3600  # China's offset, the same all year
FUNNEL = {"same": "nothing", "times": False}
ASKED: tuple[tuple[str, dict[str, Any]], ...] = (("activity", {}), ("retention", {}), ("funnel", FUNNEL))
DAY = "toDate(toDateTime(ts, 'Asia/Shanghai'), 'Asia/Shanghai')"
BY_HAND = {
    "activity": f"SELECT {DAY} AS day, countIf(role = 1) AS pv, uniqExactIf(user_id, role = 1) AS uv FROM $event"
    " GROUP BY day ORDER BY day",
    "retention": "SELECT days[1] AS cohort, arrayJoin(arrayMap(d -> d - days[1], days)) AS n, count() AS users"
    f" FROM (SELECT user_id, arraySort(groupUniqArray(toInt32({DAY}))) AS days FROM $event GROUP BY user_id)"
    " GROUP BY cohort, n",
    "funnel": "SELECT countIf(level >= 1) AS a, countIf(level >= 2) AS b, countIf(level >= 3) AS c FROM ("
    f"SELECT user_id, windowFunnel({WEEK})(toUInt64(ts), role = 1, role = 3, role = 4) AS level FROM $event"
    " GROUP BY user_id)",
}
LATEST = "MAX({what}) OVER (PARTITION BY user_id ORDER BY timestamp, rank ROWS UNBOUNDED PRECEDING)"
RANK = "FIELD(behavior_type, 'pv', 'fav', 'cart', 'buy')"
IN_MARIADB = {
    "activity": f"""
        SELECT (timestamp + {EIGHT}) DIV 86400 AS day, SUM(behavior_type = 'pv'),
            COUNT(DISTINCT IF(behavior_type = 'pv', user_id, NULL))
        FROM behaviour GROUP BY day""",
    "retention": f"""
        SELECT cohort, day - cohort, COUNT(*)
        FROM (
            SELECT user_id, day, MIN(day) OVER (PARTITION BY user_id) AS cohort
            FROM (SELECT DISTINCT user_id, (timestamp + {EIGHT}) DIV 86400 AS day FROM behaviour) AS days
        ) AS both_
        GROUP BY cohort, day - cohort""",
    "funnel": f"""
        SELECT
            COUNT(DISTINCT IF(rank = 1, user_id, NULL)),
            COUNT(DISTINCT IF(second IS NOT NULL, user_id, NULL)),
            COUNT(DISTINCT IF(rank = 4 AND timestamp - reached <= {WEEK}, user_id, NULL))
        FROM (
            SELECT *, {LATEST.format(what="second")} AS reached
            FROM (
                SELECT *, IF(rank = 3 AND timestamp - first <= {WEEK}, first, NULL) AS second
                FROM (
                    SELECT *, {LATEST.format(what="IF(rank = 1, timestamp, NULL)")} AS first
                    FROM (SELECT user_id, timestamp, {RANK} AS rank FROM behaviour) AS a
                ) AS b
            ) AS c
        ) AS d""",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10, help="millions of rows")
    parser.add_argument("--mariadb", type=int, default=1, help="millions of rows that MariaDB is asked for; 0: none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--all", action="store_true", help="every report with its own defaults as well")
    parser.add_argument("--no-frames", action="store_true", help="without pandas and polars, which need the memory")
    parser.add_argument("--folder", type=Path, help="where the files go; default: a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder, reached(Path(folder)) as store:
        dataset = bring(store, "bench", Generated(given.rows * MILLION, 7))
        ours = measured(store, dataset, given.rounds)
        if not given.no_frames:
            frames(store, dataset, ours)
        if given.all:
            every(store, dataset)
        if given.mariadb:
            mariadb(store, Path(folder), given.mariadb)


@dataclass(frozen=True, slots=True)
class Ours:
    """Seconds of our answers, and the answers in the peers' form, by report."""

    seconds: dict[str, float]
    found: dict[str, Any]


def measured(store: Store, dataset: Dataset, rounds: int) -> Ours:
    """Ask each of the three questions by turns with hand-written SQL; print the ratios."""
    times: dict[str, float] = {}
    found: dict[str, Any] = {}
    for name, params in ASKED:
        hand = BY_HAND[name].replace("$event", Tables(store, dataset.name).event(dataset.version))
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(seconds(lambda: found.__setitem__(name, store.ask(hand).rows)))  # noqa: B023  # at once
            answer = answers.answer(store, dataset, catalog.one(name), params, now=0)
            ours.append(answer.seconds)
        assert plain(name, answer.result.named()) == sorted(map(numbers, found[name])), name
        times[name], by_hand = min(ours), min(theirs)
        print(f"{name}: ours {times[name]:.3f} s, by hand {by_hand:.3f} s, ratio {times[name] / by_hand:.2f}")
    return Ours(times, {name: sorted(map(numbers, rows)) for name, rows in found.items()})


def numbers(row: Any) -> tuple[int, ...]:
    """Give a row as whole numbers; days as their number since 1970."""
    return tuple((cell - EPOCH).days if hasattr(cell, "isoformat") else int(cell) for cell in row)


EPOCH = pd.Timestamp("1970-01-01").date()


def plain(name: str, rows: list[dict[str, Any]]) -> list[tuple[int, ...]]:
    """Give our answer in the peers' form."""

    def day(text: str) -> int:
        return (pd.Timestamp(text).date() - EPOCH).days

    if name == "activity":
        return sorted((day(r["day"]), r["pv"], r["uv"]) for r in rows)
    if name == "retention":
        cells = [r for r in rows if r["cohort"] != "mean" and r["retained"]]
        return sorted((day(r["cohort"]), r["offset"], r["retained"]) for r in cells)
    return [tuple(r["users"] for r in rows)]


def frames(store: Store, dataset: Dataset, ours: Ours) -> None:
    """Ask pandas, and polars where it is installed, the same of the same rows in memory."""
    event = Tables(store, dataset.name).event(dataset.version)
    columns = store._client.query_df(f"SELECT user_id, ts, role FROM {event}")
    shown("pandas", {name: lambda ask=ask: ask(columns) for name, ask in PANDAS.items()}, ours)
    if find_spec("polars") is None:
        print("polars: not installed here, left out")


def shown(peer: str, questions: dict[str, Callable[[], Any]], ours: Ours) -> None:
    """Print how long a peer takes for each question, and how many times as long that is."""
    for name, ask in questions.items():
        started = time.perf_counter()
        found = ask()
        took = time.perf_counter() - started
        same = "the same answer" if sorted(map(numbers, found)) == ours.found[name] else "ANOTHER ANSWER"
        print(f"{name}: {peer} {took:.2f} s, {took / ours.seconds[name]:.0f} times ours, {same}")


def pandas_activity(frame: pd.DataFrame) -> Any:
    """Count views and their users by day."""
    views = frame[frame["role"] == 1]
    found = views.groupby((views["ts"] + EIGHT) // 86_400)["user_id"].agg(["size", "nunique"])
    return found.reset_index().to_numpy()


def pandas_retention(frame: pd.DataFrame) -> Any:
    """Count by first day, and days after it."""
    days = pd.DataFrame({"user": frame["user_id"], "day": (frame["ts"] + EIGHT) // 86_400}).drop_duplicates()
    days["cohort"] = days.groupby("user")["day"].transform("min")
    days["n"] = days["day"] - days["cohort"]
    return days.groupby(["cohort", "n"]).size().reset_index().to_numpy()


def pandas_funnel(frame: pd.DataFrame) -> Any:
    """Follow view, cart, buy within a week, by the latest beginning at each row."""
    rows = frame.sort_values(["user_id", "ts", "role"], kind="stable")
    user, ts, role = rows["user_id"], rows["ts"], rows["role"]
    first = ts.where(role == 1).groupby(user).ffill()
    second = first.where((role == 3) & (ts - first <= WEEK))
    reached_ = second.groupby(user).ffill()
    third = (role == 4) & (ts - reached_ <= WEEK)
    return [(user[role == 1].nunique(), user[second.notna()].nunique(), user[third].nunique())]


PANDAS = {"activity": pandas_activity, "retention": pandas_retention, "funnel": pandas_funnel}


def mariadb(store: Store, folder: Path, millions: int) -> None:
    """Ask a private MariaDB the same of fewer rows, beside our answers of as many."""
    path = folder / "behaviour.csv"
    write(path, millions * MILLION)
    print(f"of {millions} M rows:")
    ours = measured(store, bring(store, "small", Generated(millions * MILLION, 7)), 3)
    with running_mariadb() as server:
        server.create("shop")
        with MySQLdb.connect(unix_socket=str(server.socket), user="root", db="shop", local_infile=True) as connection:
            cursor = connection.cursor()
            load(cursor, path)
            cursor.execute(
                "CREATE TABLE once AS SELECT DISTINCT user_id, behavior_type, timestamp, item_id FROM behaviour"
            )
            cursor.execute("RENAME TABLE behaviour TO twice, once TO behaviour")  # as the import left duplicates out
            cursor.execute("CREATE INDEX by_user ON behaviour (user_id, timestamp)")
            connection.commit()

            def asked(sql: str) -> Any:
                cursor.execute(sql)
                return cursor.fetchall()

            shown("MariaDB", {name: lambda sql=sql: asked(sql) for name, sql in IN_MARIADB.items()}, ours)


def every(store: Store, dataset: Dataset) -> None:
    """Print how long each report takes as it is asked by default."""
    for path in sorted(Path(catalog.__file__).with_name("reports").glob("[a-z]*.py")):
        try:
            found = [answers.answer(store, dataset, catalog.one(path.stem), {}, now=0).seconds for _ in range(2)]
        except NotSupported as error:
            print(f"{path.stem}: not supported: {error}")
        else:
            print(f"{path.stem}: {min(found):.2f} s")


if __name__ == "__main__":
    main()
