"""The settings of a report's page: each parameter of its own, as links, a box or rows; all of them in the address."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from sdk import ParamError
from sdk.fields import Field
from sdk.params import check
from webui.reports import filters
from webui.reports.ask import Ask
from webui.reports.range_bar import Choice
from webui.reports.said import fault
from webui.reports.words import label_word, option_word

ELSEWHERE = frozenset({"start", "end", "where", "users", "compare"})  # in the bar above the page
OF_FIELDS = frozenset({"breakdown", "by"})  # texts that name a field of the dataset
OFFERED = {  # what a box of free text is offered, see webui.reports.offers
    **dict.fromkeys(("events", "begin", "back", "start_at", "end_at"), "behaviours"),
    "costs": "costs",
}
LINKS = 4  # options that stand side by side; more are a box to choose from


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter. kind: links, choice, yes, number, text, rows.

    values: of rows, as they stand, and one more that is empty. offers: what is offered where somebody writes.
    """

    name: str
    label: str
    help: str
    kind: str
    value: str
    choices: list[Choice]
    values: list[str]
    error: str = ""
    offers: str = ""


def settings(ask: Ask) -> list[Setting]:
    """Give the settings of a report for what is asked."""
    faults = _faults(ask)
    shown = [one for one in ask.report.fields if one.name not in ELSEWHERE and _applies(ask, one)]
    return [_setting(ask, one, faults.get(one.name, "")) for one in shown]


def kept(ask: Ask, shown: list[Setting]) -> list[tuple[str, str]]:
    """Give what the settings' form must carry on: everything but what it has boxes for."""
    boxes = {one.name for one in shown if one.kind != "links"}
    return [(name, value) for name, value in ask.pairs() if name not in boxes and not name.startswith("at.")]


def _setting(ask: Ask, one: Field, error: str) -> Setting:
    given = ask.params.get(one.name)
    value, kind = _text(one, given), _kind(one)
    return Setting(
        name=one.name,
        label=label_word(one.name, ask.report.name),
        help=_(one.help) if one.help else "",
        kind=kind,
        value=value,
        choices=_fields(ask, value) if one.name in OF_FIELDS and one.type == "str" else _options(ask, one, value),
        values=[*_rows(one, given), ""] if kind == "rows" else [],
        error=error,
        offers=OFFERED.get(one.name, ""),
    )


def _kind(one: Field) -> str:
    if one.name in OF_FIELDS and one.type == "str":
        return "choice"
    if one.type == "choice":
        return "links" if len(one.options) <= LINKS else "choice"
    return {"bool": "yes", "int": "number", "float": "number", "list[str]": "rows"}.get(one.type, "text")


def _options(ask: Ask, one: Field, value: str) -> list[Choice]:
    """Give a parameter's fixed values."""
    return [
        Choice(
            option, option_word(option), f"?{ask.but(params=_with(ask, one, option), at={}).query()}", option == value
        )
        for option in one.options
    ]


def _fields(ask: Ask, value: str) -> list[Choice]:
    """Give the dataset's fields, none first; what an address names stays there, for the report to refuse it."""
    fields = filters.fields(ask.dataset.as_core())
    there = [("", pgettext("a choice", "nothing")), *((name, word) for name, word, _number in fields)]
    if value not in dict(there):
        there.append((value, value))
    return [Choice(name, word, "", name == value) for name, word in there]


def _rows(one: Field, given: Any) -> list[str]:  # noqa: ANN401  # rows, or nothing
    return list(given if isinstance(given, tuple) else ()) or [str(value) for value in one.default or ()]


def _text(one: Field, given: Any) -> str:  # noqa: ANN401  # a text, rows, or nothing
    value = one.default if given in (None, "", ()) else given
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or isinstance(value, (list, tuple)) else str(value)


def _with(ask: Ask, one: Field, option: str) -> dict[str, Any]:
    """Give the parameters with one of them chosen; the default is left out, so that equal pages have one address."""
    rest = {name: value for name, value in ask.params.items() if name != one.name}
    return rest if option == one.default else {**rest, one.name: option}


def _applies(ask: Ask, one: Field) -> bool:
    """Say whether a parameter means something as the others stand."""
    if one.when is None:
        return True
    cause = next(field for field in ask.report.fields if field.name == one.when.field)
    return _text(cause, ask.params.get(cause.name)) == _text(cause, one.when.value)


def _faults(ask: Ask) -> dict[str, str]:
    """Give what is wrong with which parameter, as far as the form itself can tell; the report may find more."""
    try:
        check(ask.report.fields, ask.raw)
    except ParamError as error:
        return {name: fault(text) for name, text in error.faults.items()}
    return {}
