"""pandas and polars: the three questions, on rows that lie in memory already."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analytics.dataset import Dataset
from analytics.store.client import Store
from analytics.store.schema import Tables
from bench.reports.cost import Cost, measured

WEEK = 7 * 86_400
EIGHT = 8 * 3600  # China's offset, the same all year
Rows = list[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Peer:
    """What a peer answered to one of the three questions, and what it cost. cost: None where it took too long."""

    peer: str
    question: str
    rows: Rows
    cost: Cost | None


def in_pandas(store: Store, dataset: Dataset, rounds: int) -> list[Peer]:
    """Ask pandas."""
    return _asked("pandas", PANDAS, _frame(store, dataset), rounds)


def in_polars(store: Store, dataset: Dataset, rounds: int) -> list[Peer]:
    """Ask polars; ImportError where it is not installed."""
    from bench.reports import in_polars  # it is not among what the tests need

    return _asked("polars", in_polars.QUESTIONS, in_polars.frame(_frame(store, dataset)), rounds)


def plain(rows: Iterable[Any]) -> Rows:
    """Give rows as whole numbers, in order."""
    return sorted(tuple(int(cell) for cell in row) for row in rows)


def _frame(store: Store, dataset: Dataset) -> pd.DataFrame:
    event = Tables(store, dataset.name).event(dataset.version)
    return store._client.query_df(f"SELECT user_id, ts, role FROM {event}")


def _asked(peer: str, questions: dict[str, Callable[[Any], Any]], frame: Any, rounds: int) -> list[Peer]:
    found = []
    for name, ask in questions.items():
        turns = [measured(lambda: ask(frame), os.getpid()) for _ in range(rounds)]  # noqa: B023  # at once
        best = min((cost for _, cost in turns), key=lambda cost: cost.seconds)
        found.append(Peer(peer, name, plain(turns[0][0]), best))
    return found


def activity(frame: pd.DataFrame) -> Any:
    """Count views and their users by day."""
    views = frame[frame["role"] == 1]
    found = views.groupby((views["ts"] + EIGHT) // 86_400)["user_id"].agg(["size", "nunique"])
    return found.reset_index().to_numpy()


def retention(frame: pd.DataFrame) -> Any:
    """Count by first day, and days after it."""
    days = pd.DataFrame({"user": frame["user_id"], "day": (frame["ts"] + EIGHT) // 86_400}).drop_duplicates()
    days["cohort"] = days.groupby("user")["day"].transform("min")
    days["n"] = days["day"] - days["cohort"]
    return days.groupby(["cohort", "n"]).size().reset_index().to_numpy()


def funnel(frame: pd.DataFrame) -> Any:
    """Follow view, cart, buy within a week: beside each cart its latest view, beside each purchase its latest cart."""
    views, carts, buys = (frame.loc[frame["role"] == role, ["user_id", "ts"]].sort_values("ts") for role in (1, 3, 4))
    users = views["user_id"].nunique()
    views["first"] = views["ts"]
    seconds = pd.merge_asof(carts, views, on="ts", by="user_id", tolerance=WEEK).dropna()
    thirds = pd.merge_asof(buys, seconds, on="ts", by="user_id", tolerance=WEEK).dropna()
    thirds = thirds[thirds["ts"] - thirds["first"] <= WEEK]
    return [(users, seconds["user_id"].nunique(), thirds["user_id"].nunique())]


PANDAS = {"activity": activity, "retention": retention, "funnel of anything": funnel}
