"""docs/modules-catalogue.md lists the modules as they are.

`python -m tests.docs.test_catalogue` writes its table anew.
"""

import re
from pathlib import Path

from rpcgate.loading import load_source
from sdk.module import Module

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "modules-catalogue.md"
HEAD = "| Number | Name | Title | Risk | Engines | Dry run |\n|---:|---|---|---|---|---|\n"
TABLE = re.compile(r"^\| Number .*?(?=^[^|]|\Z)", re.DOTALL | re.MULTILINE)


def table() -> str:
    """Give the table of all modules, those with a number first."""
    paths = sorted((ROOT / "modules").glob("*.py"))
    modules = [load_source(path.stem, path.read_bytes()) for path in paths]
    modules.sort(key=lambda module: (module.declaration.number or 1_000_000, module.name))
    return HEAD + "".join(_row(module) for module in modules)


def _row(module: Module) -> str:
    declared = module.declaration
    engines = "all" if module.portable else ", ".join(module.engines)
    dry = "changes nothing anyway" if declared.risk == "read" else "yes" if declared.check else "no"
    return f"| {declared.number or ''} | `{module.name}` | {module.title} | {declared.risk} | {engines} | {dry} |\n"


def test_the_table_of_modules_is_what_the_files_say() -> None:
    found = TABLE.search(PAGE.read_text())
    assert found
    assert found[0] == table(), "write it anew: .venv/bin/python -m tests.docs.test_catalogue"


def test_no_two_modules_have_one_number() -> None:
    numbers = re.findall(r"^\| (\d+) \|", table(), re.MULTILINE)
    assert len(numbers) == len(set(numbers))


if __name__ == "__main__":
    PAGE.write_text(TABLE.sub(lambda _: table(), PAGE.read_text()))
