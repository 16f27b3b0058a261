"""Check one value against its field: what a person wrote becomes a value that cannot be wrong."""

import dataclasses
import json
import math
import re
from typing import Any

from sdk.fields import Field
from sdk.file import File

TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})
TEXT_LIMIT = 1 << 20  # characters of one value; a longer text belongs into a file
FILE_TEXT = 4096  # characters of a File's JSON; a name has at most 255 bytes
INT_DIGITS = 20  # more than any bound a form needs; keeps int() of a hostile text cheap


def hidden(field: Field) -> Any:  # noqa: ANN401  # a value of the field's type
    """Give what a field holds while its When hides it."""
    if field.type == "list[str]":
        return list(field.default or [])
    if field.default is None and not field.optional:
        return {"str": "", "int": 0, "float": 0.0, "bool": False}.get(
            field.type, field.options[0] if field.options else None
        )
    return field.default


def value(field: Field, raw: Any) -> Any:  # noqa: ANN401  # whatever a peer sent
    """Turn what was given into the field's value; ValueError with a sentence for whoever gave it."""
    if raw is None or raw in ("", []):
        return _empty(field)
    if field.type == "file":
        return _file(field, raw)
    if field.type == "list[str]":
        return _list(field, raw)
    if field.type == "bool":
        return _bool(raw)
    if field.type in ("int", "float"):
        return _bounded(field, _number(field, raw))
    if not isinstance(raw, str):
        raise ValueError(f"{type(raw).__name__} is not a text; write a text.")
    text = _text(field, raw)
    if field.type == "choice" and text not in field.options:
        raise ValueError(f"{_shown(field, text)} is not offered; choose {' or '.join(field.options)}.")
    return text


def _empty(field: Field) -> Any:  # noqa: ANN401  # a value of the field's type
    if field.required:
        raise ValueError("A value is needed here.")
    return list(field.default) if isinstance(field.default, list) else field.default


def _list(field: Field, raw: Any) -> list[str]:  # noqa: ANN401  # whatever a peer sent
    items = _lines(raw) if isinstance(raw, str) else raw
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise ValueError("This is not a list of texts; write one item a line.")
    one = dataclasses.replace(field, type="item", low=None, high=None)
    kept = [_text(one, item) for item in items if item]
    if not kept:
        return list(_empty(field) or [])
    _length(field, len(kept), "items")
    return kept


def _lines(text: str) -> list[str]:
    r"""Split at line ends, \n or \r\n; in one go, however many \r somebody sends."""
    *ended, last = text.split("\n")
    return [*(line.rstrip("\r") for line in ended), last]


def _file(field: Field, raw: Any) -> File:  # noqa: ANN401  # whatever a peer sent
    """Read a File: as a dict, or as its JSON where a form or an address carries only texts."""
    if isinstance(raw, File):
        return raw
    try:
        plain = json.loads(raw) if isinstance(raw, str) and len(raw) <= FILE_TEXT else raw
        file = File.from_dict(plain)
    except (ValueError, RecursionError):
        raise ValueError("This is no file; upload it first, then give its name, size and sha256.") from None
    if field.high is not None and file.size > field.high:
        raise ValueError(f"The file has {file.size} bytes; at most {field.high:.0f} are allowed.")
    if field.low is not None and file.size < field.low:
        raise ValueError(f"The file has {file.size} bytes; at least {field.low:.0f} are needed.")
    return file


def _bool(raw: Any) -> bool:  # noqa: ANN401  # whatever a peer sent
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in TRUE | FALSE:
        return raw.lower() in TRUE
    raise ValueError(f"{str(raw)[:60]!r} is neither yes nor no; write true or false.")


def _number(field: Field, raw: Any) -> int | float:  # noqa: ANN401  # whatever a peer sent
    kind, word = (int, "a whole number") if field.type == "int" else (float, "a number")
    long = raw.bit_length() > 100 if isinstance(raw, int) else len(str(raw)[: INT_DIGITS + 11]) > INT_DIGITS + 10
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)) or long:
        raise ValueError(f"This is not {word}; {_range(field, word)}.")
    try:
        number = kind(raw.strip() if isinstance(raw, str) else raw)
    except (ValueError, OverflowError):
        raise ValueError(f"{str(raw)[:60]!r} is not {word}; {_range(field, word)}.") from None
    if not math.isfinite(number) or (kind is int and isinstance(raw, float) and number != raw):
        raise ValueError(f"{str(raw)[:60]!r} is not {word}; {_range(field, word)}.")
    return number


def _bounded(field: Field, number: int | float) -> int | float:
    if field.high is not None and number > field.high:
        raise ValueError(f"{number} is above {field.high:g}; {_range(field, 'a number')}.")
    if field.low is not None and number < field.low:
        raise ValueError(f"{number} is below {field.low:g}; {_range(field, 'a number')}.")
    return number


def _range(field: Field, word: str) -> str:
    if field.low is None or field.high is None:
        return f"write {word}"
    return f"write {word} from {field.low:g} to {field.high:g}"


def _text(field: Field, raw: str) -> str:
    if len(raw) > TEXT_LIMIT:
        raise ValueError(f"The text has {len(raw)} characters; at most {TEXT_LIMIT} are taken. Put it into a file.")
    text = "\n".join(_lines(raw))  # a browser's textarea sends CR LF
    if "\x00" in text:
        raise ValueError("The text holds a NUL character, which no program can be given; remove it.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("The text holds half of a character (a lone surrogate); remove it.") from None
    _matches(field, text)
    if field.type == "str":
        _length(field, len(text), "characters")
    return text


def _matches(field: Field, text: str) -> None:
    if field.pattern and not re.fullmatch(field.pattern, text):
        rule = field.rule or f"it must match {field.pattern}"
        raise ValueError(f"{_shown(field, text)} is not allowed here; {rule}.")


def _length(field: Field, length: int, unit: str) -> None:
    if field.high is not None and length > field.high:
        raise ValueError(f"There are {length} {unit}; at most {field.high:g} are allowed.")
    if field.low is not None and length < field.low:
        raise ValueError(f"There are {length} {unit}; at least {field.low:g} are needed.")


def _shown(field: Field, text: str) -> str:
    if field.secret:
        return "The value"
    return repr(text if len(text) <= 60 else text[:57] + "...")
