"""Describe and check a module's parameters: one parse for the form, the API, the command line and the master."""

import dataclasses
import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

P = TypeVar("P")
SCALARS = {str: "str", int: "int", float: "float", bool: "bool"}
TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})
TEXT_LIMIT = 1 << 20  # characters of one value; a longer text belongs into a file
INT_DIGITS = 20  # more than any bound a form needs; keeps int() of a hostile text cheap


@dataclass(frozen=True, slots=True)
class Between:
    """The value of an int or float lies in low..high, both included; of str and list[str], its length."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Matches:
    """The whole text matches the pattern; `rule` says it in words, for example "letters, digits, . _ @ -"."""

    pattern: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """One or two sentences below the field; `unit` stands behind the box, for example "lines"."""

    text: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Secret:
    """The value is sealed to the masters at once: never stored, logged or shown."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Values to offer, computed on the master by `compute(ctx, targets) -> list[str]`.

    They are an offer: what is allowed is said by Matches and the type.
    """

    compute: Callable[..., Sequence[str]]


@dataclass(frozen=True, slots=True)
class When:
    """The field is shown, and required, only while another field has this value."""

    field: str
    value: str | bool | int


class ParamError(Exception):
    """Some values are not as the form asks. `faults` maps a field's name ("" for the form) to one sentence each."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__("; ".join(f"{name}: {text}" if name else text for name, text in self.faults.items()))


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. type: "str", "int", "float", "bool", "choice" (a Literal) or "list[str]".

    default: None where there is none. options: a Literal's values. computed: Choices are offered by the master.
    """

    name: str
    type: str
    required: bool
    default: Any
    optional: bool
    help: str = ""
    unit: str = ""
    options: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    pattern: str = ""
    rule: str = ""
    secret: bool = False
    computed: bool = False
    when: When | None = None

    @property
    def label(self) -> str:
        """Give the name as a person reads it."""
        return self.name.replace("_", " ").capitalize()

    def as_dict(self) -> dict[str, Any]:
        """Give JSON values; a secret's default is left out."""
        plain = dataclasses.asdict(self)
        plain["when"] = [self.when.field, self.when.value] if self.when else None
        plain["options"] = list(self.options)
        plain["default"] = (
            None if self.secret else list(self.default) if self.type == "list[str]" and self.default else self.default
        )
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Field":
        """Read what as_dict gave; keys of a newer version are ignored."""
        known = {field.name for field in dataclasses.fields(cls)}
        values = {name: value for name, value in plain.items() if name in known}
        values["when"] = When(*plain["when"]) if plain.get("when") else None
        values["options"] = tuple(plain.get("options") or ())
        return cls(**values)


def fields_of(params: type) -> tuple[Field, ...]:
    """Read the fields of a Params dataclass; ModuleError names the first that the contract does not allow."""
    hints = get_type_hints(params, include_extras=True)
    fields = tuple(
        _field(field, hints[field.name], _line_of(params, field.name)) for field in dataclasses.fields(params)
    )
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


def parse(params: type[P], raw: Mapping[str, Any]) -> P:
    """Turn values from a form, a command line or JSON into a Params that cannot be wrong.

    raw: texts or JSON values by field name; a list also as one text with an item a line. A missing or empty value
    takes the default. ParamError names every field that is wrong, unknown ones included. A ValueError that Params'
    own __post_init__ raises is a fault of the whole form.
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
            values[field.name] = _default(field)
            continue
        try:
            values[field.name] = _value(field, raw.get(field.name))
        except ValueError as error:
            faults[field.name] = str(error)
    if faults:
        raise ParamError(faults)
    return {field.name: values[field.name] for field in fields}


def _field(field: "dataclasses.Field[Any]", hint: Any, line: int) -> Field:  # noqa: ANN401  # a type hint is any object
    kind, optional, options = _type(field.name, hint, line)
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
        return f"is {field.type}, and Between is for numbers, texts and lists; take it out"
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
    try:
        same = _value(field, field.default) == field.default
    except ValueError as error:
        return f"has a default that its own rules refuse: {error}"
    return "" if same and isinstance(field.default, bool) == (field.type == "bool") else "has a default of another type"


def _type(name: str, hint: Any, line: int) -> tuple[str, bool, tuple[str, ...]]:  # noqa: ANN401  # a type hint is any object
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
    raise _module_error(f"{name} is {shown}; a field is str, int, float, bool, Literal or list[str]", line)


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


def _causes_first(fields: Sequence[Field]) -> list[Field]:
    """Order fields so that the one a When depends on comes before; a circle keeps the written order."""
    placed: dict[str, Field] = {}
    rest = list(fields)
    while rest:
        ready = [f for f in rest if not f.when or f.when.field in placed] or rest
        placed.update((f.name, f) for f in ready)
        rest = [f for f in rest if f.name not in placed]
    return list(placed.values())


def _default(field: Field) -> Any:  # noqa: ANN401  # a value of the field's type
    if field.type == "list[str]":
        return list(field.default or [])
    if field.default is None and not field.optional:
        return {"str": "", "int": 0, "float": 0.0, "bool": False}.get(
            field.type, field.options[0] if field.options else None
        )
    return field.default


def _value(field: Field, raw: Any) -> Any:  # noqa: ANN401  # whatever a peer sent
    if raw is None or raw in ("", []):
        return _empty(field)
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
    items = re.split(r"\r*\n", raw) if isinstance(raw, str) else raw
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise ValueError("This is not a list of texts; write one item a line.")
    one = dataclasses.replace(field, type="item", low=None, high=None)
    kept = [_text(one, item) for item in items if item]
    if not kept:
        return list(_empty(field) or [])
    _length(field, len(kept), "items")
    return kept


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
    text = re.sub(r"\r+\n", "\n", raw)  # a browser's textarea sends CR LF
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


def _line_of(params: type, name: str) -> int:
    try:
        lines, first = inspect.getsourcelines(params)
    except (OSError, TypeError):
        return 0
    for offset, line in enumerate(lines):
        if re.match(rf"\s*{re.escape(name)}\s*:", line):
            return first + offset
    return first


def _fault(sentence: str, params: type, name: str) -> Exception:
    return _module_error(sentence, _line_of(params, name))


def _module_error(sentence: str, line: int) -> Exception:
    from sdk.module import ModuleError  # it imports this file

    return ModuleError(sentence, line)
