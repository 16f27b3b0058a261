"""Every report gives on two shards what it gives on one: the engine asks each shard and merges what they found.

Two shards are made of one table by views of half of its users each. The engine plans and merges as for a cluster, all
in one process: what passes between servers is not tested here.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analytics import answers, catalog
from analytics.asking import Data
from analytics.dataset import Dataset
from analytics.store.client import Rows, Store
from analytics.store.schema import Tables
from sdk.report import NotSupported
from tests.analytics.generated_data import generated

ROWS = 20_000
NAMES = sorted(path.stem for path in Path(catalog.__file__).with_name("reports").glob("[a-z]*.py"))
MORE: dict[str, list[dict[str, Any]]] = {
    "activity": [{"by": "hour of week"}, {"where": ["channel=search"], "users": ["did buy"]}],
    "funnel": [{"same": "nothing", "times": False}, {"same": "nothing", "order": "strict"}, {"window": "same visit"}],
    "paths": [{"node": "behaviour and category"}, {"direction": "end at", "users": ["did not fav"]}],
    "retention": [{"membership": "recurring", "kind": "unbounded", "count": "24 hours"}],
    "quadrant": [{"show": "summary"}, {"show": "summary", "of": "item"}],
    "trends": [{"breakdown": "channel", "measure": "users"}],
    "repurchase": [{"show": "intervals"}],
    "rfm": [{"show": "grid"}],
}


@pytest.fixture(scope="module")
def whole(store: Store) -> Iterator[Dataset]:
    """Give a generated dataset on one server."""
    with generated(store, "whole", ROWS) as made:
        yield made


@pytest.fixture(scope="module")
def halves(store: Store, whole: Dataset) -> Iterator[Dataset]:
    """Give the same dataset on two shards by user."""
    one, two = Tables(store, "whole"), Tables(store, "halves")
    two.drop_database()
    two.create_database()
    for table, key in (
        ("event_v1", "user_id"),
        ("user_day_v1", "user_id"),
        ("hour_v1", "(day, hour)"),
        ("buy_hour_v1", "user_id"),
    ):
        half = two.name(f"{table}_local")
        own = f"cityHash64({key}) % 2 = shardNum() - 1"
        store.run(f"CREATE VIEW {half} AS SELECT * FROM {one.name(table)} WHERE {own}")
        store.run(f"CREATE TABLE {two.name(table)} AS remote('127.0.0.1,localhost', {half})")
    yield replace(whole, name="halves")
    two.drop_database()


def test_each_user_lies_on_one_shard(store: Store, whole: Dataset, halves: Dataset) -> None:
    event = Tables(store, "halves").event(1)
    found = store.ask(f"SELECT shardNum() AS shard, count() AS n, uniqExact(user_id) AS u FROM {event} GROUP BY shard")
    assert len(found.rows) == 2
    assert sum(row["n"] for row in found.named()) == whole.rows
    assert sum(row["u"] for row in found.named()) == whole.users


@pytest.mark.parametrize(("name", "params"), [(name, params) for name in NAMES for params in ({}, *MORE.get(name, []))])
def test_a_report_gives_the_same_on_two_shards(
    store: Store, whole: Dataset, halves: Dataset, name: str, params: dict[str, Any]
) -> None:
    report = catalog.one(name)
    one, two = _answered(store, whole, report, params), _answered(_Views(store), halves, report, params)
    assert _rounded(one) == _rounded(two)


class _Views:
    """A store whose tables are views: they know no PREWHERE, which says only what is to be read first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        """Be the store otherwise."""
        return getattr(self._store, name)

    def ask(self, sql: str, *more: Any, **named: Any) -> Any:
        """Ask with one WHERE."""
        return self._store.ask(re.sub(r"PREWHERE (.*)\nWHERE (.*)", r"WHERE (\1) AND (\2)", sql), *more, **named)


def _rounded(value: Any) -> Any:
    """Give a value with its fractions at nine digits: sums of them depend on who is added first."""
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def _answered(store: Any, dataset: Dataset, report: Any, params: dict[str, Any]) -> Any:
    try:
        found = answers.answer(store, dataset, report, params, now=0)
    except NotSupported as error:
        return str(error)
    return found.result.rows, found.result.notes


def test_no_report_uses_window_functions(store: Store, whole: Dataset) -> None:
    for name in NAMES:
        data = Data(store, whole)
        report = catalog.one(name)
        try:
            report.run(data, answers.parsed(report, {}))
        except NotSupported:
            continue
        assert not re.search(r"\bOVER\s*\(", data.sql), name


def test_a_cluster_is_made_by_statements_that_the_engine_reads(store: Store) -> None:
    said: list[str] = []
    cluster = _Listening(said)
    tables = Tables(cluster, "shop")  # type: ignore[arg-type]  # it only has to be told
    version = tables.create_version(Dataset(name="shop"))
    tables.build_rollups(Dataset(name="shop"), version)
    tables.settle(version)
    tables.create_version(Dataset(name="shop", version=1))
    tables.drop_database()
    assert any("Distributed(`prod`, `om_shop`, `event_v1_local`, cityHash64(user_id))" in sql for sql in said)
    assert any("ATTACH PARTITION tuple() FROM `om_shop`.`event_v1_local`" in sql for sql in said)
    for sql in said:
        assert "ON CLUSTER `prod`" in sql or sql.startswith("INSERT INTO"), sql
        assert store.ask("SELECT formatQuery({sql:String}) AS read", {"sql": sql}).one()["read"]


class _Listening:
    """A store of a cluster that keeps what it is told."""

    cluster, prefix = "prod", "om_"

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def run(self, sql: str, bind: object = None) -> None:
        """Keep a statement."""
        self._said.append(sql.strip())

    def ask(self, sql: str, bind: object = None) -> Rows:
        """Say that there is one row, whatever is counted."""
        return Rows(("n",), [(1,)])
