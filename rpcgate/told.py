"""Believe of what a module file's own process says only what can be the description of a module.

That process runs foreign code, which may write its answer itself: nothing in it is taken for more than its own words.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rpcgate.plain import build
from sdk.engines import ENGINES
from sdk.fields import Field
from sdk.module import Risk

FORGED = {"error": "what it says of itself is no description of a module", "line": 0}
DEFAULTS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "choice": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list[str]": (list,),
    "file": (),
}


@dataclass(frozen=True, slots=True)
class _Sound:
    number: int | None
    title: str
    help: str
    category: str
    risk: Risk
    engines: list[str]
    idempotent: bool
    check: bool
    timeout: float
    portable: bool
    params: list[dict[str, Any]]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Faulty:
    error: str
    line: int


@dataclass(frozen=True, slots=True)
class _Judged:
    faults: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Param:
    name: str
    type: str
    required: bool
    optional: bool
    default: Any = None
    help: str = ""
    unit: str = ""
    options: list[str] | None = None
    low: float | None = None
    high: float | None = None
    pattern: str = ""
    rule: str = ""
    secret: bool = False
    computed: bool = False
    when: list[Any] | None = None


def believable(plain: Any) -> dict[str, Any]:  # noqa: ANN401  # whatever came
    """Give a description, a fault or a judgement as it came where its shape is right, else FORGED."""
    try:
        _check(plain)
    except (ValueError, TypeError, KeyError, re.error, RecursionError, OverflowError):
        return dict(FORGED)
    found: dict[str, Any] = plain
    return found


def _check(plain: Mapping[str, Any]) -> None:
    if "error" in plain:
        build(_Faulty, plain)
    elif "faults" in plain:
        build(_Judged, plain)
    else:
        sound: _Sound = build(_Sound, plain)
        if not set(sound.engines) <= set(ENGINES) or not 0 < sound.timeout <= 86_400:
            raise ValueError("engines or timeout")
        names = [_name(param) for param in sound.params]
        if len(set(names)) < len(names):
            raise ValueError("two params of one name")


def _name(plain: Mapping[str, Any]) -> str:
    param: _Param = build(_Param, plain)
    default, wanted = param.default, DEFAULTS[param.type]
    fits = default is None or (isinstance(default, wanted) and isinstance(default, bool) == (param.type == "bool"))
    items = default if isinstance(default, list) else []
    when = param.when or ["", ""]
    if not (fits and param.name.isidentifier() and all(isinstance(item, str) for item in items)):
        raise ValueError("a default of another type, or no name")
    if len(when) != 2 or not isinstance(when[0], str) or not isinstance(when[1], str | bool | int):
        raise ValueError("no condition")
    re.compile(param.pattern)
    Field.from_dict(plain)
    return param.name
