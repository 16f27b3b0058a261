"""The users behind a number: from the report's own list, so that there are as many as the number says."""

import csv
import io
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse

from analytics.forms import harmless
from analytics.store.errors import StoreError
from sdk import ParamError
from sdk.report import NotSupported
from webui.reports import numbers
from webui.reports.answering import Line, Trouble, answered, trouble, users
from webui.reports.ask import Ask
from webui.reports.exports import file_name
from webui.reports.words import column_word, title_of

MOST = 10_000  # users of one list
PER_PAGE = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """Users, and the number they stand behind: None where it is not one number of the result."""

    users: list[Any]
    number: int | None
    words: str


def found(ask: Ask, line: Line) -> Listed | Trouble:
    """Give the users of ask.at and the number that was clicked."""
    there = users(ask, line, MOST)
    if isinstance(there, Trouble):
        return there
    try:
        number, words = _number(ask, line)
    except (ParamError, NotSupported, StoreError) as error:
        return trouble(error)
    return Listed(there, number, words)


def _number(ask: Ask, line: Line) -> tuple[int | None, str]:
    """Give the number whose users these are, and what it counts: "Buyers, Fri 1 Dec"."""
    answer = answered(ask, line)
    columns = {column.name: column for column in answer.result.columns}
    keys = [name for name, column in columns.items() if column.key and name in ask.at]
    name = ask.at.get("column", "")
    row = next((row for row in answer.result.named() if all(str(row[key]) == ask.at[key] for key in keys)), None)
    listed = columns.get(name)
    words = [column_word(listed, ask.report.name)] if listed else []
    words += [numbers.label(row[key] if row else ask.at[key], columns[key], ask.report.name) for key in keys]
    number = row[name] if row and listed and keys else None
    return (number if isinstance(number, int) else None), ", ".join(words)


def context(ask: Ask, listed: Listed, page: int) -> dict[str, Any]:
    """Give what the page of a list needs."""
    shown = Paginator(listed.users, PER_PAGE).get_page(page)
    return {
        "ask": ask,
        "title": title_of(ask.report),
        "back": ask.but(at={}).url(),
        "listed": listed,
        "many": listed.number if listed.number is not None else len(listed.users),
        "cut": len(listed.users) >= MOST and (listed.number is None or listed.number > MOST),
        "most": MOST,
        "page": shown,
        "rows": [(user, _url(ask, user)) for user in shown],
        "csv": f"{ask.url('report-users')}&form=csv",
    }


def _url(ask: Ask, user: Any) -> str:  # noqa: ANN401  # a number or a text
    try:
        return reverse("dataset-user", args=[ask.dataset.name, str(user)])
    except NoReverseMatch:  # a text that is no part of an address
        return ""


def as_file(ask: Ask, listed: Listed) -> HttpResponse:
    """Give the users as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["user"])
    writer.writerows([harmless(user)] for user in listed.users)
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name(ask)}-users.csv"'
    return response
