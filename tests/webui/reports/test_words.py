"""Every text of a report file is there for translators, and every name has a word."""

import ast
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from analytics import catalog
from sdk.report import Report
from tests.webui.reports.asks import ask, every
from webui.reports import answering, texts, words
from webui.reports.answering import Found, Line
from webui.templatetags.ui import paragraphs


def reports() -> list[Report]:
    return [catalog.one(name) for name in catalog.names()]


def definitions() -> set[str]:
    """Give the paragraphs of all definitions, as a page shows them."""
    return {text for report in reports() for text in paragraphs(report.help)}


def helps() -> set[str]:
    """Give what is said about parameters."""
    return {field.help for report in reports() for field in report.fields if field.help}


def sentences() -> set[str]:
    """Give the templates of all Texts of the core."""
    found = set()
    for path in (Path(settings.BASE_DIR) / "analytics").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        texts_of = [
            n.args[0] for n in nodes if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Text" and n.args
        ]
        named = {one.id for text in texts_of for one in ast.walk(text) if isinstance(one, ast.Name)}
        texts_of += [
            n.value for n in nodes if isinstance(n, ast.Assign) and {getattr(t, "id", "") for t in n.targets} & named
        ]
        found |= {one.value for text in texts_of for one in ast.walk(text) if isinstance(one, ast.Constant)}
    return {
        text
        for text in found
        if isinstance(text, str) and (" " in text or text in ("categories", "items", "medians", "means"))
    }


def test_translators_find_every_text_of_the_report_files() -> None:
    there = {*texts.DEFINITIONS, *texts.HELPS, *texts.SENTENCES}
    needed = definitions() | helps() | sentences()
    assert not needed - there, "write these into webui/reports/texts.py"
    assert not there - needed, "these are said no more; take them out of webui/reports/texts.py"


def test_every_parameter_and_option_has_a_word() -> None:
    fields = [(report.name, field) for report in reports() for field in report.fields]
    nameless = {f.name for name, f in fields if f.name not in words.LABELS and f"{name}.{f.name}" not in words.LABELS}
    assert not nameless
    assert not {option for _, field in fields for option in field.options} - set(words.OPTIONS)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "text"), every())
def test_every_column_and_unit_has_a_word(store: Any, shop: Any, long: Any, name: str, text: str) -> None:
    found = answering.found(ask(name, text), Line("test", lambda: store))
    assert isinstance(found, Found), found
    known = {**words.COLUMNS, **words.AMBIGUOUS, **words.FIELDS}
    columns = found.answer.result.columns
    assert not {c.name for c in columns if c.name not in known and f"{name}.{c.name}" not in known}
    units = {c.unit for c in columns} | {row["unit"] for row in found.answer.result.named() if "unit" in row}
    assert not units - set(words.UNITS) - {""}
    figures = {row["metric"] for row in found.answer.result.named() if "metric" in row}
    assert not figures - set(words.FIGURES) - set(known)
