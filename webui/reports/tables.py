"""The table under a chart: the same numbers as the CSV, written for people; counts lead to their users."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from analytics.answers import Answer
from sdk.report import Column
from webui.reports import changes, numbers
from webui.reports.ask import Ask
from webui.reports.drawn import users_url
from webui.reports.figures import changed
from webui.reports.words import FLAGS, column_word, unit_word, value_word

ROWS = 100  # on a page; all of them are in the CSV
COUNTS = frozenset({"users", "events", "views", "visits", "purchases", "pairs", "buys", "intervals"})
SELF_EVIDENT = frozenset({"", "share", "s", "h"})  # units that the cells themselves say
WORDS = {"why": changes.whole, "sentence": changes.whole, "moved": changes.moved}  # columns of sentences
UNNAMED = frozenset({"value", "expected", "spread"})  # columns whose name does not say what they count


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head. name: the field's name, as in the CSV."""

    name: str
    word: str
    unit: str
    number: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as people read it. url: the users behind it; why: beside "no data"."""

    text: str
    number: bool
    url: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A page of rows. first, last: which of `total` they are, from 1."""

    heads: Sequence[Head]
    rows: Sequence[Sequence[Shown]]
    total: int
    first: int
    last: int
    page: int
    pages: int


def table(ask: Ask, answer: Answer, page: int = 1) -> Table:
    """Write a page of a result's rows."""
    columns = answer.result.columns
    total = len(answer.result.rows)
    pages = max(1, -(-total // ROWS))
    page = min(max(1, page), pages)
    first = (page - 1) * ROWS
    rows = [dict(zip(answer.result.names, row, strict=True)) for row in answer.result.rows[first : first + ROWS]]
    return Table(
        heads=[_head(column, answer.report) for column in columns],
        rows=[[_cell(ask, answer, row, column) for column in columns] for row in rows],
        total=total,
        first=min(total, first + 1),
        last=first + len(rows),
        page=page,
        pages=pages,
    )


def _head(column: Column, report: str) -> Head:
    said = column.unit in SELF_EVIDENT or (column.unit in COUNTS and column.name not in UNNAMED)
    word = column_word(column, report)
    unit = "" if said or unit_word(column.unit).casefold() == word.casefold() else unit_word(column.unit)
    if (report, column.name) == ("overview", "change"):  # as the figures above the table have it
        unit = _("in %; of shares in points")
    return Head(column.name, word, unit, _is_number(column))


def _is_number(column: Column) -> bool:
    name = "" if (column.name, column.key) == ("value", True) else column.name  # of a breakdown: a word
    return bool(column.unit) or name in ("value", "before", "numerator", "denominator", "rank", "offset")


def _cell(ask: Ask, answer: Answer, row: dict[str, Any], column: Column) -> Shown:
    value, number = row[column.name], _is_number(column)
    if value is None and column.name in ("numerator", "denominator"):
        return Shown("—", number)  # a count is divided by nothing
    if value is None:
        return Shown(str(numbers.NO_DATA), number, why=_why(row, column))
    if value == "" or (column.name in FLAGS and value in (0, 1)):
        return Shown(value_word(value, column.name) if value != "" or column.key else "—", number=False)
    if not number:
        text = WORDS[column.name](value) if column.name in WORDS else numbers.label(value, column, answer.report)
        return Shown(text, number=False)
    if column.unit == "h":
        return Shown(numbers.label(value, column, answer.report), number)
    return Shown(_written(value, row, column), number, users_url(ask, answer, row, column))


def _written(value: Any, row: dict[str, Any], column: Column) -> str:  # noqa: ANN401  # a cell
    if column.name != "change":
        return numbers.written(value, _by_unit(row, column))
    if row.get("unit") == "share":
        return changed(row["value"], row["before"], "share")
    return numbers.change(value)


def _by_unit(row: dict[str, Any], column: Column) -> Column:
    """Give a column of figures the unit that its row says."""
    if column.name in ("value", "before") and not column.unit and row.get("unit"):
        return Column(column.name, str(row["unit"]))
    return column


def _why(row: dict[str, Any], column: Column) -> str:
    """Say why there is no number."""
    if column.of:
        below = row.get(column.of[1])
        if not below:
            return _("There is nothing to divide by.")
    if "complete" in row and not row["complete"]:
        return _("This is not over yet.")
    return _("The data do not reach that far, or there is none of it.")
