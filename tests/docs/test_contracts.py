"""What import-linter cannot say: sdk and the modules stand on the standard library."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "modules").glob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Give the top names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0] if not node.level else "."


@pytest.mark.parametrize("path", sorted((ROOT / "sdk").glob("*.py")), ids=lambda path: path.name)
def test_the_sdk_stands_on_the_standard_library(path: Path) -> None:
    assert set(imported(path)) <= {*sys.stdlib_module_names, "sdk"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_imports_the_sdk_and_the_standard_library_only(path: Path) -> None:
    assert set(imported(path)) <= {*sys.stdlib_module_names, "sdk"}


def test_only_modules_live_in_their_folder() -> None:
    others = [p.name for p in (ROOT / "modules").iterdir() if p.suffix != ".py" and p.name != "__pycache__"]
    assert others == []
    assert MODULES, "there are modules"
    assert not (ROOT / "modules/__init__.py").exists(), "it would be listed as a broken module"
