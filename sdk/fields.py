"""One field of a form, described so that it can travel."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdk.markers import When


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. type: "str", "int", "float", "bool", "choice" (a Literal), "list[str]" or "file".

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
