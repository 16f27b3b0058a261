"""A report's numbers as a file: the same answer as on the page."""

import json
import re
import textwrap
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from analytics import forms
from analytics.answers import Answer
from analytics.store.errors import StoreError
from sdk import ParamError
from sdk.report import Column, NotSupported
from webui.language import in_chinese
from webui.reports import numbers
from webui.reports.answering import Line, Trouble, answered, trouble
from webui.reports.ask import Ask
from webui.reports.said import said
from webui.reports.span_words import days_of
from webui.reports.special.paths import step_word
from webui.reports.special.steps import row_word
from webui.reports.words import column_word, title_of, unit_word

KINDS = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "pdf": "application/pdf",
    "sql": "text/plain; charset=utf-8",
}

FITTING = 88  # full-width signs on a line of a picture


@dataclass(frozen=True, slots=True)
class File:
    """A file to download. kind: its content type."""

    name: str
    kind: str
    data: bytes


def made(ask: Ask, form: str, line: Line) -> File | Trouble:
    """Make a file of an answer."""
    try:
        answer = answered(ask, line)
        data = FORMS[form](ask, answer)
    except (ParamError, NotSupported, StoreError) as error:
        return trouble(error)
    return File(f"{file_name(ask)}.{form}", KINDS[form], data)


def file_name(ask: Ask) -> str:
    """Name a file by report, dataset and range."""
    span = days_of(ask)
    range_ = f"{span[0]}_{span[1]}" if span else "all"
    return re.sub(r"[^A-Za-z0-9_-]+", "-", f"{ask.report.name}-{ask.dataset.name}-{range_}")


def _csv(ask: Ask, answer: Answer) -> bytes:  # noqa: ARG001  # as its siblings
    return forms.as_csv(answer.result).encode()


def _json(ask: Ask, answer: Answer) -> bytes:  # noqa: ARG001  # as its siblings
    return json.dumps(answer.as_dict(), ensure_ascii=False, indent=1).encode()


def _sql(ask: Ask, answer: Answer) -> bytes:  # noqa: ARG001  # as its siblings
    return f"{answer.result.sql}\n".encode()


def _folded(sentence: str) -> str:
    """Break a Chinese sentence into lines that fit a picture, which breaks at spaces only."""
    return textwrap.fill(sentence, FITTING) if in_chinese() else sentence


def _picture(form: str, ask: Ask, answer: Answer) -> bytes:
    from analytics.charts import picture  # matplotlib costs half a second, and only these files need it

    span = days_of(ask)
    parts = [title_of(ask.report), ask.dataset.name, numbers.days(*span) if span else ""]
    zone = _("Time zone: %s") % ask.dataset.zone
    said_notes = [_folded(said(note)) for note in answer.result.notes]
    return picture(
        replace(answer.result, notes=(*said_notes, zone)),
        title=" · ".join(filter(None, parts)),
        form=form,
        column=lambda name: column_word(name, ask.report.name),
        unit=unit_word,
        label=partial(_label, ask, answer),
    )


def _label(ask: Ask, answer: Answer, value: Any, name: str) -> str:  # noqa: ANN401  # a cell
    """Write a name, a day or an hour of a row, in the words of the report's page."""
    if ask.report.name == "paths":
        return step_word(value, ask.dataset.as_core().roles)
    if (ask.report.name, name) == ("funnel", "step"):
        return row_word(value)
    column = next((one for one in answer.result.columns if one.name == name), Column(name))
    return numbers.label(value, column, ask.report.name)


FORMS = {
    "csv": _csv,
    "json": _json,
    "sql": _sql,
    "png": lambda ask, answer: _picture("png", ask, answer),
    "pdf": lambda ask, answer: _picture("pdf", ask, answer),
}
