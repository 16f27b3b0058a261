"""polars: the three questions. It is installed by script/bench only."""

from typing import Any

import pandas as pd
import polars as pl

from bench.reports.frames import EIGHT, WEEK

DAY = (pl.col("ts") + EIGHT) // 86_400


def frame(rows: pd.DataFrame) -> pl.DataFrame:
    """Give the rows as polars has them."""
    return pl.DataFrame({name: rows[name].to_numpy() for name in rows.columns})


def activity(rows: pl.DataFrame) -> Any:
    """Count views and their users by day."""
    views = rows.lazy().filter(pl.col("role") == 1)
    return views.group_by(DAY.alias("day")).agg(pl.len(), pl.col("user_id").n_unique()).collect().rows()


def retention(rows: pl.DataFrame) -> Any:
    """Count by first day, and days after it."""
    days = rows.lazy().select("user_id", DAY.alias("day")).unique()
    first = days.group_by("user_id").agg(pl.col("day").min().alias("cohort"))
    both = days.join(first, on="user_id")
    return both.group_by("cohort", (pl.col("day") - pl.col("cohort")).alias("n")).agg(pl.len()).collect().rows()


def funnel(rows: pl.DataFrame) -> Any:
    """Follow view, cart, buy within a week: beside each cart its latest view, beside each purchase its latest cart."""

    def of(role: int) -> pl.LazyFrame:
        return rows.lazy().filter(pl.col("role") == role).select("user_id", "ts").sort("ts")

    def users(found: pl.LazyFrame) -> pl.LazyFrame:
        return found.select(pl.col("user_id").n_unique())

    views = of(1).with_columns(first="ts")
    asof = {"on": "ts", "by": "user_id", "tolerance": WEEK, "check_sortedness": False}
    seconds = of(3).join_asof(views, **asof).drop_nulls()
    thirds = of(4).join_asof(seconds, **asof).drop_nulls().filter(pl.col("ts") - pl.col("first") <= WEEK)
    counts = pl.collect_all([users(of(1)), users(seconds), users(thirds)])
    return [tuple(one.item() for one in counts)]


QUESTIONS = {"activity": activity, "retention": retention, "funnel of anything": funnel}
