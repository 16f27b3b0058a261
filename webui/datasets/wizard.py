"""What the columns and codes of a source are: guessed, shown with choices, and read back from the form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from analytics.dataset import NAME, ROLES, Kind
from analytics.importing.mapping import FIELDS, NEEDED, Columns, roles_of, written_roles
from analytics.preview import Seen, dimension_names

MOST_CODES = 50  # in one form; more than a person would give roles to
IGNORE, TEXT, NUMBER = "ignore", "text", "number"
WORDS: dict[str, str | Promise] = {
    "user": gettext_lazy("User"),
    "item": gettext_lazy("Item"),
    "category": pgettext_lazy("of an item", "Category"),
    "behaviour": gettext_lazy("Behaviour"),
    "ts": gettext_lazy("Time"),
    "amount": gettext_lazy("Amount"),
    "order": gettext_lazy("Order number"),
    "channel": gettext_lazy("Channel"),
    TEXT: gettext_lazy("Dimension: text"),
    NUMBER: gettext_lazy("Dimension: number"),
    IGNORE: gettext_lazy("Leave out"),
}
ROLE_WORDS: dict[str, str | Promise] = {
    "view": gettext_lazy("View"),
    "fav": gettext_lazy("Favourite"),
    "cart": gettext_lazy("Cart"),
    "buy": pgettext_lazy("behaviour", "Buy"),
    "": gettext_lazy("A behaviour of its own"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What one column is. name: as a dimension."""

    number: int
    column: str
    chosen: str
    name: str
    error: str = ""

    @property
    def options(self) -> list[tuple[str, str | Promise, bool]]:
        """Give what can be chosen: value, word, whether it is."""
        return [(value, word, value == self.chosen) for value, word in WORDS.items()]


@dataclass(frozen=True, slots=True)
class Code:
    """The role of one behaviour's code, of how many first rows."""

    number: int
    code: str
    rows: int
    role: str

    @property
    def options(self) -> list[tuple[str, str | Promise, bool]]:
        """Give what can be chosen: value, word, whether it is."""
        return [(value, word, value == self.role) for value, word in ROLE_WORDS.items()]


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a person has said of all columns. missing: needed fields that no column is; "" where nothing is wrong."""

    choices: tuple[Choice, ...]
    missing: tuple[str, ...] = field(default=())

    @property
    def sound(self) -> bool:
        """Say whether rows can be read so."""
        return not self.missing and not any(choice.error for choice in self.choices)

    @property
    def sentence(self) -> str:
        """Say which needed fields no column is; "" where none lacks."""
        words = _(", ").join(str(WORDS[name]) for name in self.missing)
        return _("No column is chosen for: %s. Choose it in the head of the table.") % words if words else ""

    def columns(self) -> Columns:
        """Give it as the import takes it."""
        chosen = {choice.chosen: choice.column for choice in self.choices if choice.chosen in FIELDS}
        dimensions = {
            choice.name: (choice.column, Kind(choice.chosen))
            for choice in self.choices
            if choice.chosen in (TEXT, NUMBER)
        }
        return Columns(chosen, dimensions)


def mapped(seen: Seen, data: QueryDict, known: Columns | None = None) -> Mapped:
    """Read what was chosen for each column; what was not said yet is guessed. known: of the dataset that gets rows."""
    guess = {column: name for name, column in (known.fields if known else seen.likely).items()}
    dimensions = {column: (name, kind) for name, (column, kind) in known.dimensions.items()} if known else {}
    names = dimension_names(seen.columns)
    choices, taken = [], set[str]()
    for number, column in enumerate(seen.columns):
        given = data.get(f"c.{number}") if data.get(f"cn.{number}") == column else None
        usual = guess.get(column) or (dimensions[column][1].value if column in dimensions else IGNORE)
        chosen = given if given in WORDS else usual
        name = dimensions[column][0] if column in dimensions else names[column]
        choice = Choice(number, column, chosen, name)
        if chosen in taken:
            sentence = _("Another column is the %s already; choose one of them.") % WORDS[chosen]
            choice = replace(choice, error=sentence)
        if chosen in FIELDS:
            taken.add(chosen)
        choices.append(choice)
    return Mapped(tuple(choices), tuple(name for name in NEEDED if name not in taken))


def suggested(label: str) -> str:
    """Suggest a dataset's name from that of its table or file; "" where none comes of it."""
    plain = re.sub(r"[^a-z0-9_-]+", "_", label.partition(" · ")[0].lower().partition(".")[0]).strip("_-")[:50]
    return plain if NAME.fullmatch(plain) else ""


def codes(behaviours: Mapping[str, int], data: QueryDict) -> tuple[Code, ...]:
    """Read the role of each behaviour's code; what was not said yet is guessed."""
    likely = roles_of(list(behaviours))
    given = {
        data[f"rn.{number}"]: data[f"r.{number}"]
        for number in range(len(data))
        if f"rn.{number}" in data and f"r.{number}" in data
    }
    return tuple(
        Code(number, code, rows, given[code] if given.get(code) in ("", *ROLES) else likely.get(code, ""))
        for number, (code, rows) in enumerate(list(behaviours.items())[:MOST_CODES])
    )


def roles(found: tuple[Code, ...], more: str) -> dict[str, str] | None:
    """Give the role of each code; None where all is as guessed, so that codes of later rows get theirs by name.

    ImportFault where `more` cannot be read.
    """
    likely = roles_of([code.code for code in found])
    others = written_roles(more)
    if not others and all(code.role == likely.get(code.code, "") for code in found):
        return None
    return {**others, **{code.code: code.role for code in found if code.role}}
