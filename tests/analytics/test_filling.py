"""Filling a version: equal rows count once wherever they stand, by shares of users, and it stops between them."""

import random
from pathlib import Path

import pytest

from analytics.importing import filling
from analytics.importing.running import Progress
from analytics.store.client import Store
from tests.analytics.test_import import StoppedError, bring, content, lines, written


@pytest.mark.parametrize(("part", "held"), [(1, 1), (300, 10_000)])
def test_equal_rows_are_found_wherever_they_stand(  # the fixtures and how it is shared out
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int, held: int
) -> None:
    """In one block, in several, in several passes of users, in rows of an import before; few or many of them."""
    monkeypatch.setattr(filling, "PASS_ROWS", 400)
    monkeypatch.setattr(filling, "PART_ROWS", part)
    monkeypatch.setattr(filling, "HELD", held)
    rows, chance = lines(1500), random.Random(3)
    first = [*rows[:800], *chance.choices(rows[:800], k=300)]
    second = [*rows[600:], *chance.choices(rows, k=300)]
    dataset = None
    for run, lot in enumerate((first, second), 1):
        source = written(tmp_path / f"{run}.csv", chance.sample(lot, len(lot)))
        source._block_bytes = 5000
        told: list[Progress] = []
        got = bring(store, "equal", source, dataset, run=run, tell=told.append)
        before, dataset = dataset.rows if dataset else 0, got.dataset
        done = [progress.done for progress in told if progress.step == "publish"]
        assert (done[0], sorted(done), done[-1]) == (0, done, 1)
        assert len(set(done)) > 6, "it is told on the way"
        assert (got.added, got.duplicates) == (dataset.rows - before, len(lot) - got.added)
    bring(store, "each_once", written(tmp_path / "each_once.csv", rows))
    assert content(store, "equal", 2) == content(store, "each_once", 1)


def test_an_import_of_equal_rows_can_be_stopped_between_some_users_and_others(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "PASS_ROWS", 400)
    run, copied, rows = store.run, [], lines(1000)

    def noted(sql: str, bind: object = None) -> None:
        copied.extend([sql] if sql.startswith("INSERT") and "SELECT DISTINCT" in sql else [])
        run(sql, bind)

    def tell(_: Progress) -> None:
        if copied:
            raise StoppedError

    monkeypatch.setattr(store, "run", noted)
    with pytest.raises(StoppedError):
        bring(store, "all_twice", written(tmp_path / "all_twice.csv", rows * 2), tell=tell)
    assert len(copied) == 1


def test_where_many_rows_are_equal_no_block_looks_for_its_own_among_all(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PASS_ROWS": 1000, "PART_ROWS": 1, "HELD": 100}.items():
        monkeypatch.setattr(filling, name, value)
    run, copied, rows = store.run, [], lines(1000)

    def noted(sql: str, bind: object = None) -> None:
        copied.extend([sql] if "INSERT INTO `om_most_twice`.`event_v1`" in sql else [])
        run(sql, bind)

    monkeypatch.setattr(store, "run", noted)
    source = written(tmp_path / "most_twice.csv", rows + rows[:900])
    source._block_bytes = 5000
    got = bring(store, "most_twice", source)
    assert (got.added, got.duplicates) == (1000, 900)
    assert len(copied) == 4, "two for each of the two shares of users"
