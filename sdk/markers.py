"""What stands beside a type in Annotated[...]: how a field looks, and what it allows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Between:
    """The value of an int or float lies in low..high, both included; so does the length of a str or list[str].

    Of a File it is the size in bytes.
    """

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
