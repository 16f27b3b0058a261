"""Check a module's parameters: one parse for the form, the API, the command line and the master."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sdk.describe import choices_of, fields_of
from sdk.errors import ParamError
from sdk.fields import Field
from sdk.file import File
from sdk.markers import Between, Choices, Help, Matches, Secret, When
from sdk.values import hidden, value

__all__ = [
    "Between",
    "Choices",
    "Field",
    "Help",
    "Matches",
    "ParamError",
    "Secret",
    "When",
    "check",
    "choices_of",
    "fields_of",
    "files_in",
    "parse",
]
P = TypeVar("P")


def parse(params: type[P], raw: Mapping[str, Any]) -> P:
    """Turn values from a form, a command line or JSON into a Params that cannot be wrong.

    raw: texts or JSON values by field name; a list also as one text with an item a line, a File as File.as_dict gives
    it. A missing or empty value takes the default. ParamError names every field that is wrong, unknown ones included.
    A ValueError that Params' own __post_init__ raises is a fault of the whole form.
    """
    fields = fields_of(params)
    values = check(fields, raw)
    try:
        return params(**values)
    except ValueError as error:
        raise ParamError({"": str(error)}) from error


def check(fields: Sequence[Field], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Check values against described fields, where the Params class itself is not at hand; as parse otherwise."""
    faults = {str(name)[:80]: "There is no such parameter." for name in raw if name not in {f.name for f in fields}}
    values: dict[str, Any] = {}
    for field in _causes_first(fields):
        if field.when and values.get(field.when.field) != field.when.value:
            values[field.name] = hidden(field)
            continue
        try:
            values[field.name] = value(field, raw.get(field.name))
        except ValueError as error:
            faults[field.name] = str(error)
    if faults:
        raise ParamError(faults)
    return {field.name: values[field.name] for field in fields}


def files_in(fields: Sequence[Field], raw: Mapping[str, Any]) -> list[File]:
    """Give the files that raw values name, each once; what is no file is left out."""
    found = {}
    for field in fields:
        if field.type == "file" and raw.get(field.name):
            with suppress(ValueError):
                file = value(field, raw[field.name])
                found[file.sha256] = file
    return list(found.values())


def _causes_first(fields: Sequence[Field]) -> list[Field]:
    """Order fields so that the one a When depends on comes before; a circle keeps the written order."""
    placed: dict[str, Field] = {}
    rest = list(fields)
    while rest:
        ready = [f for f in rest if not f.when or f.when.field in placed] or rest
        placed.update((f.name, f) for f in ready)
        rest = [f for f in rest if f.name not in placed]
    return list(placed.values())
