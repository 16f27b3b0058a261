"""The real slice of UserBehavior, where it lies beside the repository."""

from pathlib import Path

import pytest

from analytics import answers, catalog
from analytics.importing.csv_file import CsvFile
from analytics.store.client import Store
from tests.analytics.test_import import bring

SLICE = Path(__file__).parents[3] / "shared" / "data" / "userbehavior_slice.csv"


@pytest.mark.skipif(not SLICE.exists(), reason="the slice of UserBehavior is not here")
def test_the_slice_of_userbehavior_is_imported_and_reported(store: Store) -> None:
    got = bring(store, "slice", CsvFile(SLICE))
    assert (got.added, got.duplicates, got.quarantined) == (110_300, 0, {})
    assert got.dataset.behaviours == {"pv": 98_361, "cart": 6_063, "fav": 3_383, "buy": 2_493}
    found = answers.answer(store, got.dataset, catalog.one("overview"), {}, now=0).result.named()
    assert {row["metric"]: row["value"] for row in found if row["metric"] in ("pv", "uv", "buyers")} == {
        "pv": 98_361,
        "uv": 60_993,
        "buyers": 2_407,
    }
