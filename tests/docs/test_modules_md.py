"""docs/modules.md teaches what is so."""

import re
from pathlib import Path

import sdk
from rpcgate.catalog import load_source

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "modules.md").read_text()


def test_the_example_loads_and_is_what_the_text_says() -> None:
    (source,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    module = load_source("days_up", source.encode())
    assert module.title == "Show how long servers have been up"
    assert module.portable
    assert [field.name for field in module.fields] == ["at_least"]


def test_every_marker_of_the_contract_is_explained() -> None:
    for name in ("Between", "Matches", "Help", "Secret", "Choices", "When"):
        assert hasattr(sdk, name)
        assert f"`{name}(" in TEXT
