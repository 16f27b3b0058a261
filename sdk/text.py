"""Sentences that remember what they were made of, so that a page can say them in another language."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Self


class Text(str):
    """A sentence of a template and its values; as a text it is English.

    `Text("Before: {first} to {last}.", first=.., last=..)`: the template is a text of the program, never of people, and
    is the key for translators; values are numbers, texts, and other Texts. A format may follow: `{rows:,}`.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> Self:
        """Make the English text. Days become texts, so that a kept Text is the one that was made."""
        plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
        made = super().__new__(cls, template.format(**plain))
        made.template, made.values = template, plain
        return made

    @classmethod
    def of(cls, sentence: object) -> Self:
        """Give a sentence as it is, with its template where it has one."""
        return sentence if isinstance(sentence, cls) else cls("{text}", text=str(sentence))

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        """Say how a copy is made."""
        return (self.template,), dict(self.values)

    def as_dict(self) -> dict[str, Any]:
        """Give JSON values."""
        values = {name: v.as_dict() if isinstance(v, Text) else v for name, v in self.values.items()}
        return {"template": self.template, "values": values}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self:
        """Read what as_dict gave."""
        values = {name: cls.from_dict(v) if isinstance(v, dict) else v for name, v in kept["values"].items()}
        return cls(kept["template"], **values)
