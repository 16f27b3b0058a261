"""What the core says can be said in another language: its sentences are Texts, and translators find every one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from webui.management.commands.makemessages import SAID

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "analytics").rglob("*.py"))
REFUSALS = (
    "ParamError",
    "NotSupported",
    "NoCurveError",
    "StoreError",
    "StoreAwayError",
    "StoreLimitError",
)  # what pages show of the core


def calls(path: Path, *names: str) -> Iterator[ast.Call]:
    """Give the calls of these names in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
            yield node


def at(path: Path, node: ast.AST) -> str:
    """Say where something stands."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def test_a_template_of_the_core_stands_in_its_call_where_translators_find_it() -> None:
    hidden = []
    for path in CORE:
        texts = {t.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Assign)
                 for t in n.targets if isinstance(t, ast.Name) and _is_text(n.value)}  # fmt: skip
        for call in calls(path, *SAID):
            place = SAID[call.func.id] - 1  # type: ignore[attr-defined]  # calls() gives these only
            text = call.args[place] if len(call.args) > place else None
            known = isinstance(text, ast.Attribute) or (isinstance(text, ast.Name) and text.id in texts)
            if text is not None and not known and not isinstance(text, ast.Constant):
                hidden.append(at(path, call))
    assert not hidden, "write the text itself into Text(...), Help(...) or Matches(...)"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("Text", "Text.of")


def bare(node: ast.AST) -> Iterator[ast.AST]:
    """Give the sentences in an expression that are no Text: an f-string, a constant, a format."""
    if _is_text(node):
        return
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from bare(value)
    elif isinstance(node, ast.Call):
        yield node
    else:
        for child in ast.iter_child_nodes(node):
            yield from bare(child)


@pytest.mark.parametrize("name", REFUSALS)
def test_what_the_core_refuses_is_a_text(name: str) -> None:
    left = [at(path, node) for path in CORE for call in calls(path, name) for arg in call.args for node in bare(arg)]
    assert not left, f"write {name}(Text(...)): pages say it in the reader's language"
