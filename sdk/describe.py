"""Read from a Params class which fields its form has."""

import dataclasses
import inspect
import re
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from sdk.errors import ModuleError
from sdk.fields import Field
from sdk.file import File
from sdk.markers import Between, Choices, Help, Matches, Secret, When
from sdk.values import value

SCALARS = {str: "str", int: "int", float: "float", bool: "bool", File: "file"}


def fields_of(params: type) -> tuple[Field, ...]:
    """Read the fields of a Params dataclass; ModuleError names the first that the contract does not allow."""
    hints = get_type_hints(params, include_extras=True)
    fields = tuple(_described(params, field, hints[field.name]) for field in dataclasses.fields(params))
    for field in fields:
        fault = _marker_fault(field) or _when_fault(field, fields) or _default_fault(field)
        if fault:
            raise _fault(f"{field.name} {fault}", params, field.name)
    return fields


def choices_of(params: type, name: str) -> Choices:
    """Give the Choices marker of a field; KeyError when it has none."""
    for marker in _markers(get_type_hints(params, include_extras=True)[name]):
        if isinstance(marker, Choices):
            return marker
    raise KeyError(name)


def _described(params: type, field: "dataclasses.Field[Any]", hint: Any) -> Field:  # noqa: ANN401  # a type hint is any object
    """Describe a field; where that fails, say in which line: only then, for finding it reads the whole file."""
    try:
        return _field(field, hint)
    except ModuleError as error:
        raise _fault(str(error), params, field.name) from None


def _field(field: "dataclasses.Field[Any]", hint: Any) -> Field:  # noqa: ANN401  # a type hint is any object
    kind, optional, options = _type(field.name, hint)
    markers = {type(marker): marker for marker in _markers(hint)}
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    missing = default is dataclasses.MISSING
    bounds, matches, help_ = markers.get(Between), markers.get(Matches), markers.get(Help)
    return Field(
        name=field.name,
        type=kind,
        required=missing and not optional,
        default=None if missing else default,
        optional=optional,
        help=help_.text if help_ else "",
        unit=help_.unit if help_ else "",
        options=options,
        low=bounds.low if bounds else None,
        high=bounds.high if bounds else None,
        pattern=matches.pattern if matches else "",
        rule=matches.rule if matches else "",
        secret=Secret in markers,
        computed=Choices in markers,
        when=markers.get(When),
    )


def _marker_fault(field: Field) -> str:
    """Say what is wrong with a field's own markers; "" when nothing is."""
    if field.low is not None and field.high is not None and field.low > field.high:
        return f"is to lie between {field.low:g} and {field.high:g}; the lower bound comes first"
    if field.pattern and field.type not in ("str", "list[str]"):
        return f"is {field.type}, and Matches is for texts; take it out"
    if field.low is not None and field.type in ("bool", "choice"):
        return f"is {field.type}, and Between is for numbers, texts, lists and files; take it out"
    if field.type == "file" and (field.secret or field.computed):
        return "is a file, which can be neither Secret nor one of Choices; take that out"
    try:
        re.compile(field.pattern)
    except re.error as error:
        return f"matches {field.pattern!r}, which is no pattern: {error}"
    return ""


def _when_fault(field: Field, fields: Sequence[Field]) -> str:
    """Say what is wrong with what a field depends on."""
    seen = [field.name]
    at: Field | None = field
    while at and at.when:
        cause = next((other for other in fields if other.name == at.when.field), None)
        if cause is None:
            return f"depends on {at.when.field}, which is no field"
        if cause.name in seen:
            return f"depends on {at.when.field}, and that depends on {field.name} again"
        if cause.type == "choice" and at.when.value not in cause.options:
            return f"depends on {cause.name} being {at.when.value!r}, which it never is"
        seen.append(cause.name)
        at = cause
    return ""


def _default_fault(field: Field) -> str:
    """Say why a default is none that a person could write; an empty one means that nothing was written."""
    if field.default is None and not field.optional and not field.required:
        return f"has the default None and is {field.type}; write {field.type} | None"
    if field.default in (None, "", []):
        return ""
    if field.type == "file":
        return "has a default, and no file is there before one is uploaded; write File | None = None"
    try:
        same = value(field, field.default) == field.default
    except ValueError as error:
        return f"has a default that its own rules refuse: {error}"
    return "" if same and isinstance(field.default, bool) == (field.type == "bool") else "has a default of another type"


def _type(name: str, hint: Any) -> tuple[str, bool, tuple[str, ...]]:  # noqa: ANN401  # a type hint is any object
    base = _bare(hint)
    optional = False
    if get_origin(base) in (Union, UnionType):
        inner = [item for item in get_args(base) if item is not NoneType]
        optional = len(inner) < len(get_args(base))
        base = _bare(inner[0]) if len(inner) == 1 else base
    if base in SCALARS:
        return SCALARS[base], optional, ()
    if get_origin(base) is list and get_args(base) == (str,):
        return "list[str]", optional, ()
    if get_origin(base) is Literal and get_args(base) and all(isinstance(item, str) for item in get_args(base)):
        return "choice", optional, get_args(base)
    shown = getattr(base, "__name__", str(base)) if get_origin(base) is None else str(base)
    raise ModuleError(f"{name} is {shown}; a field is str, int, float, bool, Literal, list[str] or File")


def _bare(hint: Any) -> Any:  # noqa: ANN401  # a type hint is any object
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _markers(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401  # a type hint is any object
    """Collect markers, also those written inside a union: Annotated[str, Help("")] | None."""
    if get_origin(hint) is Annotated:
        base, *rest = get_args(hint)
        instances = tuple(Secret() if marker is Secret else marker for marker in rest)  # a slip that harms nobody
        return (*_markers(base), *instances)
    if get_origin(hint) in (Union, UnionType):
        return tuple(marker for item in get_args(hint) for marker in _markers(item))
    return ()


def _line_of(params: type, name: str) -> int:
    try:
        lines, first = inspect.getsourcelines(params)
    except (OSError, TypeError):
        return 0
    for offset, line in enumerate(lines):
        if re.match(rf"\s*{re.escape(name)}\s*:", line):
            return first + offset
    return first


def _fault(sentence: str, params: type, name: str) -> ModuleError:
    return ModuleError(sentence, _line_of(params, name))
