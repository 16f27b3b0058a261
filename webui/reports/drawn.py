"""What a plot is drawn from: an answer with its chart, read by names; and where its numbers lead."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from analytics.answers import Answer
from sdk.report import Chart, Column
from webui.reports import numbers
from webui.reports.ask import Ask
from webui.reports.words import OTHER, column_word, option_word


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn from: the answer with its chart, by names. before: the answer compared with; its range in words."""

    ask: Ask
    answer: Answer
    before: Answer | None = None
    before_words: str = ""

    @property
    def chart(self) -> Chart:
        """Give the chart; only asked where there is one."""
        assert self.answer.result.chart  # noqa: S101  # `plot` has looked
        return self.answer.result.chart

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Give the rows by column."""
        return self.answer.result.named()

    def column(self, name: str) -> Column:
        """Give a column."""
        return next(column for column in self.answer.result.columns if column.name == name)

    def label(self, row: dict[str, Any], name: str) -> str:
        """Write a row's name or day."""
        return numbers.label(row[name], self.column(name), self.answer.report)

    def word(self, name: str) -> str:
        """Give a column's name as people say it; what anomalies judge by its own name."""
        return word_of(self.answer, name)

    def url(self, row: dict[str, Any], name: str) -> str:
        """Give the address of the users behind a number; "" where there is no list."""
        column = self.column(name)
        return users_url(self.ask, self.answer, row, column)


def users_url(ask: Ask, answer: Answer, row: dict[str, Any], column: Column) -> str:
    """Give the address of the users behind a row's number; "" where there is no list, or nobody on it."""
    if not row[column.name] or not answer.result.is_listed(list(row.values()), column):
        return ""
    keys = {key.name: str(row[key.name]) for key in answer.result.columns if key.key}
    return ask.but(at={**keys, "column": column.name}).url("report-users")


def word_of(answer: Answer, name: str) -> str:
    """Give a column's name as people say it; what anomalies judge by its own name."""
    if answer.report == "anomalies" and name == "value":
        return option_word(str(answer.params["metric"]))
    return column_word(name, answer.report)


def words() -> dict[str, str]:
    """Give what the drawing itself says."""
    return {
        "no_data": _("no data"),
        "open": _("not over yet"),
        "other": str(OTHER),
        "went_on": _("went on"),
        "dropped": _("dropped off"),
        "this": _("this period"),
        "faint": _("too few to judge"),
    }
