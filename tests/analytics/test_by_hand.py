"""What script/bench analytics compares with gives the same answers as the reports: the SQL by hand, and pandas."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics import catalog
from analytics.dataset import DAY, Dataset
from analytics.generate import DAYS, FIRST, ZONE, Generated
from analytics.importing import mapping
from analytics.importing.running import Position, clear, run_import
from analytics.store.client import Store
from analytics.store.schema import Tables
from bench.reports import asking, frames, peers, told
from bench.reports.by_hand import CASES
from bench.reports.case import Case, differences
from bench.reports.cost import measured

ROWS = 30_000


@pytest.fixture(scope="module")
def shop(store: Store) -> Iterator[Dataset]:
    """Give a generated dataset."""
    source, tables = Generated(ROWS, 7), Tables(store, "by-hand")
    tables.drop_database()
    columns = mapping.completed(mapping.written(""), source.columns, source.sample(), named=True)
    dataset = Dataset(
        name="by-hand",
        zone=ZONE,
        layout=mapping.layout_of(columns, source.columns, source.sample()),
        mapped=frozenset({"item", "category", "amount", "order", "channel"}),
        valid=(FIRST, FIRST + DAYS * DAY),
    )
    told_ = run_import(
        tables, dataset, source, columns, run=1, now=1_600_000_000, position=Position(), tell=lambda _: None
    )
    clear(tables, 1, 1)
    yield told_.dataset
    tables.drop_database()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_the_sql_by_hand_gives_what_the_report_gives(store: Store, shop: Dataset, case: Case) -> None:
    ours = asking.asked(store, shop, case)
    assert differences(case, ours, asking.by_hand(store, shop, case)) == []


def test_every_report_has_its_sql_by_hand() -> None:
    assert {case.report for case in CASES} == set(catalog.names())


def test_another_answer_is_seen(store: Store, shop: Dataset) -> None:
    case = next(case for case in CASES if case.title == "trends")
    ours = asking.asked(store, shop, case)
    (theirs,) = asking.by_hand(store, shop, case)
    theirs[3]["users"] += 1
    assert [text.split(":")[0] for text in differences(case, ours, [theirs])] == [f"trends {theirs[3]['day']} users"]


def test_pandas_gives_what_the_reports_give(store: Store, shop: Dataset) -> None:
    found = asking.compared(store, shop, [case for case in CASES if case.title in peers.QUESTIONS], 1, os.getpid())
    judged = peers.judged(found, frames.in_pandas(store, shop, 1))
    assert {name: sorted(one) for name, one in judged.items()} == {key: ["ours", "pandas"] for key in peers.QUESTIONS}


def test_a_cost_has_seconds_processor_seconds_and_a_peak() -> None:
    found, cost = measured(lambda: sum(n * n for n in range(400_000)), os.getpid())
    assert found == sum(n * n for n in range(400_000))
    assert cost.seconds > 0
    assert cost.cpu > 0
    assert cost.mib > 10


def test_figures_of_several_runs_are_kept_beside_each_other_and_drawn(
    store: Store, shop: Dataset, tmp_path: Path
) -> None:
    case = next(case for case in CASES if case.title == "retention")
    (one,) = asking.compared(store, shop, [case], 1, os.getpid())
    path = tmp_path / "results.json"
    told.kept(path, 1, {"reports": {"retention": one.as_dict()}})
    every = told.kept(path, 10, {"reports": {"retention": one.as_dict()}})
    assert list(every) == ["1", "10"]
    assert "| retention |" in told.tables(10, every["10"])
    told.draw(every, tmp_path / "curves.svg")
    assert "retention" in (tmp_path / "curves.svg").read_text()
