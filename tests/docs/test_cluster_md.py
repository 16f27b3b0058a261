"""docs/analytics-cluster.md: its statements are read by the engine's own parser, and are those that the code says."""

import re
from pathlib import Path

import pytest

from analytics.store.client import Store
from analytics.store.schema import VERSIONED

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "analytics-cluster.md").read_text()
STATEMENTS = [
    statement.strip()
    for block in re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
    for statement in re.sub(r"--.*", "", block).split(";")
    if statement.strip()
]


def test_its_statements_are_read_by_the_engine(store: Store) -> None:
    assert len(STATEMENTS) >= 8
    for statement in STATEMENTS:
        whole = statement.replace("...) ENGINE", "`x` Int64) ENGINE")
        assert store.ask("SELECT formatQuery({sql:String}) AS read", {"sql": whole}).one()["read"], whole


def test_it_names_every_table_of_a_version() -> None:
    assert [table for table in VERSIONED if f"`{table}_v1`" not in TEXT] == []


@pytest.mark.parametrize("wrong", ["GRANT KILL EVERYTHING ON *.* TO omserver", "CREATE TABLE x (a Int64) ENGINE ="])
def test_a_statement_that_is_none_would_be_noticed(store: Store, wrong: str) -> None:
    with pytest.raises(Exception, match=r"(?i)syntax|unknown|expected"):
        store.ask("SELECT formatQuery({sql:String}) AS read", {"sql": wrong})
