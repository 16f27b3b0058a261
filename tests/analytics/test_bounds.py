"""One person's question does not hold the pages for minutes, and what was answered is found by any process."""

import subprocess
import sys
from pathlib import Path

import pytest

from analytics import answers
from analytics.store.client import Store
from sdk import ParamError
from tests.analytics.events import Event, stored
from tests.analytics.test_reports import ask

ROOT = Path(__file__).parents[2]
KEY = """
from analytics import answers
from analytics.dataset import Dataset
mapped = frozenset(("item", "category", "amount", "order", "channel", "city", "age"))
print(answers.key_of(Dataset(name="shop", mapped=mapped), "trends", answers.__file__, {}))
"""


@pytest.mark.parametrize("name", ["retention", "ltv"])
def test_a_table_of_millions_of_cells_is_refused(store: Store, name: str) -> None:
    bought = Event(1, 1_511_539_200, 4, 0, 1, 1, "buy", 5, "o", "ads", "x")  # type: ignore[arg-type]
    dataset = stored(store, "UTC", [bought])
    with pytest.raises(ParamError, match="cells; choose fewer offsets"):
        ask(store, dataset, name, start="1995-01-01", offsets=400)
    assert ask(store, dataset, name, start="2008-01-01", offsets=30).rows, "ten years of days are answered"


def test_every_process_finds_what_another_one_has_kept() -> None:
    keys = [
        subprocess.run(
            [sys.executable, "-c", KEY],
            env={"PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert len(set(keys)) == 1


def test_what_was_kept_goes_when_any_part_of_the_core_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    read, real = set(), Path.read_bytes

    def noted(path: Path) -> bytes:
        read.add(path.name)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    answers._core.__wrapped__()
    assert {"rollups.py", "clauses.py", "cohorts.py"} <= read
