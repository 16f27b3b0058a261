"""Every definition of a report is there for translators, and every name has a word."""

from typing import Any

import pytest

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


def test_translators_find_every_definition() -> None:
    there, needed = set(texts.DEFINITIONS), definitions()
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
    known = {**words.COLUMNS, **words.AMBIGUOUS, **words.FIELDS, **words.FIGURES}
    columns = found.answer.result.columns
    assert not {c.name for c in columns if c.name not in known and f"{name}.{c.name}" not in known}
    units = {c.unit for c in columns} | {row["unit"] for row in found.answer.result.named() if "unit" in row}
    assert not units - set(words.UNITS) - {""}
    figures = {row["metric"] for row in found.answer.result.named() if "metric" in row}
    assert not figures - set(words.FIGURES) - set(known)
