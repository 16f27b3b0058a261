"""Variables as people write them, one a line: name=text is a text, name:=json is any JSON value."""

import json
import re
from collections.abc import Sequence
from typing import Any

LINE = re.compile(r"\s*(?P<name>[^=:\s]*)\s*(?P<sign>:?=)(?P<value>.*)", re.DOTALL)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def variables(lines: Sequence[str]) -> dict[str, Any]:
    """Read `port:=8080`, `packages:=["a", "b"]`, `motd=Hello, you`: an = alone takes the rest of the line as it is.

    ValueError with one sentence that says which line is wrong, and how it is to be.
    """
    read: dict[str, Any] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = LINE.fullmatch(line)
        if match is None or not NAME.fullmatch(match["name"]):
            raise ValueError(f"Variable {number} is {line[:40]!r}; write name=text, or name:=json for other than text.")
        if match["name"] in read:
            raise ValueError(f"Variable {number}: {match['name']} stands twice.")
        read[match["name"]] = match["value"] if match["sign"] == "=" else _json(match["value"], number)
    return read


def _json(text: str, number: int) -> Any:  # noqa: ANN401  # any JSON
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        sentence = f'{text[:40]!r} is no JSON; write 3, true, ["a", "b"] or {{"a": 1}}, or = instead of := for a text.'
        raise ValueError(f"Variable {number}: {sentence}") from None


def _no_number(text: str) -> Any:  # noqa: ANN401  # never returns
    raise ValueError(f"{text} is no number")
