"""A dimension may have any name: no report takes it for a name of its own SQL."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics import answers, catalog
from analytics.dataset import Dataset
from analytics.importing import mapping
from analytics.spans import WORDS as FILTERS
from analytics.store.client import Store
from analytics.store.schema import RESERVED
from sdk.report import NotSupported
from tests.analytics.generated_data import generated

CORE = Path(catalog.__file__).parent
NAMES = sorted(path.stem for path in (CORE / "reports").glob("[a-z]*.py"))
# Each word that is given as a name in any SQL of ours, and that a dimension may have.
WORDS = sorted({word for path in CORE.rglob("*.py") for word in re.findall(r"\bAS ([a-z]\w*)", path.read_text())})
WORDS = [word for word in WORDS if word not in {*RESERVED, *mapping.FIELDS, *mapping.SPELLINGS}]
PLAIN = "nothing_is_called_so"


@pytest.fixture(scope="module")
def named(store: Store) -> Iterator[Dataset]:
    """Give a dataset that has the channel under each of these names, too."""
    with generated(store, "named_so", 5000, (PLAIN, *WORDS)) as made:
        yield made


def test_there_are_such_words() -> None:
    assert {"name", "bucket", "events", "people", "thing"} <= set(WORDS)


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_on_any_name_counts_the_same(store: Store, named: Dataset, name: str) -> None:
    plain = answered(store, named, name, [PLAIN])
    for at in range(0, len(WORDS), FILTERS):
        some = WORDS[at : at + FILTERS]
        assert answered(store, named, name, some) == plain, some


@pytest.mark.parametrize("word", ["name", "bucket", "events", "value", "rest"])
def test_a_breakdown_by_any_name_is_the_same(store: Store, named: Dataset, word: str) -> None:
    found = answered(store, named, "trends", [word], breakdown=word)
    assert found == answered(store, named, "trends", [PLAIN], breakdown=PLAIN)
    assert sum(row[2] for row in found[0]) > 0


def answered(store: Store, dataset: Dataset, name: str, words: list[str], **params: Any) -> Any:
    asked = {"where": [f"{word}=search" for word in words], **params}
    try:
        found = answers.answer(store, dataset, catalog.one(name), asked, now=0)
    except NotSupported as error:
        return str(error)
    return found.result.rows, found.result.notes
