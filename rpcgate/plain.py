"""Frozen dataclasses as JSON and back, each field checked against its annotation: messages, and what processes tell."""

import dataclasses
import json
import math
from collections.abc import Hashable
from dataclasses import MISSING
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

MAX_INT = 1 << 62  # what SQLite and every peer can hold


class ShapeError(ValueError):
    """The JSON does not fit the dataclass. The text names the place, never the value."""


def as_dict(value: Any) -> dict[str, Any]:  # noqa: ANN401  # any dataclass
    """Give a dataclass's fields that are not their defaults, one level deep, so that 10,000 hosts fit a message.

    TypeError for anything else, as json.dumps wants it.
    """
    values = ((name, default, getattr(value, name)) for name, default in _defaults(type(value)).items())  # type: ignore[arg-type]  # a class is hashable
    return {name: item for name, default, item in values if item != default}


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _defaults(kind: Hashable) -> dict[str, Any]:
    """Give what each field is when it is left out; MISSING where it may not be."""
    return {
        item.name: item.default if item.default_factory is MISSING else item.default_factory()
        for item in dataclasses.fields(kind)  # type: ignore[arg-type]  # a dataclass is hashable
    }


def read_json(data: bytes) -> Any:  # noqa: ANN401  # any JSON
    """Read JSON; ValueError or RecursionError when it is none, or holds a number that is not finite."""
    return json.loads(data, parse_constant=_finite, parse_float=_finite)


def _finite(text: str) -> float:
    """Read a JSON number; NaN, Infinity and 1e999 are refused because no JSON can say them again."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number


def build(kind: type[Any], plain: Any) -> Any:  # noqa: ANN401  # JSON in, a dataclass out
    """Build a dataclass from JSON, checking each field's type against its annotation.

    ShapeError, ValueError or TypeError where it does not fit; the texts never hold a value.
    """
    if not isinstance(plain, dict):
        raise ShapeError(f"{kind.__name__} is no object")
    hints = _hints(kind)  # type: ignore[arg-type]  # a class is hashable
    unknown = plain.keys() - hints.keys()
    if unknown:
        raise ShapeError(f"{kind.__name__} has {len(unknown)} unknown fields")
    return kind(**{name: _checked(hints[name], value, f"{kind.__name__}.{name}") for name, value in plain.items()})


def _checked(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401, C901, PLR0911  # one return for each kind of type
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return build(hint, value)  # type: ignore[arg-type]  # a hint is a class
    if origin is list and isinstance(value, list):
        return [_checked(args[0], item, where) for item in value]
    if origin is dict and isinstance(value, dict):
        return {key: _checked(args[1], item, where) for key, item in value.items()}
    if origin is UnionType:  # X | None
        return None if value is None else _checked(args[0], value, where)
    if origin is Literal and isinstance(value, str) and value in args:
        return value
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if hint is float and type(value) in (int, float):
        return float(value)  # OverflowError for 10**400
    if hint is int and type(value) is int and abs(value) > MAX_INT:
        raise ShapeError(f"{where} is too large")
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise ShapeError(f"{where} is {type(value).__name__}")
