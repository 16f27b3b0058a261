"""The steps of a funnel as its page shows and edits them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from analytics.steps import STEP
from webui.reports.special.settings import Pair, behaviour_word

USUAL_STEPS = ("view", "cart", "buy")


@dataclass(frozen=True, slots=True)
class Step:
    """A step read from its text. names: its behaviours; where: its filters as written."""

    text: str
    names: tuple[str, ...]
    where: str

    @property
    def word(self) -> str:
        """Say its behaviours as people do."""
        return _(" or ").join(behaviour_word(name) for name in self.names) or self.text

    @property
    def code(self) -> str:
        """Give its behaviours as the command line has them, and its filters."""
        return "|".join(self.names) + (f" where {self.where}" if self.where else "")


def read(text: str) -> Step:
    """Read a step; one that cannot be read is only its text, and the card says why."""
    match = STEP.fullmatch(text)
    if not match:
        return Step(text, (), "")
    names = tuple(name.strip() for name in match[1].split("|") if name.strip())
    return Step(text, names, (match[2] or "").strip())


def row_word(text: str) -> str:
    """Say a row of a result, "2. fav|cart where channel=ads", with its behaviours as people do."""
    place, _dot, rest = text.partition(". ")
    step = read(rest)
    return f"{place}. {step.word}" + (f" ({step.where})" if step.where else "")


def editor(text: str, behaviours: Sequence[Pair]) -> dict[str, Any]:
    """Give what a step's editor shows: its behaviours to choose from, those that the dataset lacks included."""
    step = read(text)
    known = [name for name, _word in behaviours]
    more = [(name, name) for name in step.names if name not in known]
    return {
        "step": step,
        "choices": [(name, word, name in step.names) for name, word in (*behaviours, *more)],
    }


def moved(words: Sequence[str], at: int, url: Callable[[tuple[str, ...]], str]) -> dict[str, str]:
    """Give the addresses of the page with a step one up, one down, or gone; "" where that cannot be."""

    def swapped(one: int, other: int) -> str:
        changed = list(words)
        changed[one], changed[other] = changed[other], changed[one]
        return url(tuple(changed))

    return {
        "up": swapped(at, at - 1) if at else "",
        "down": swapped(at, at + 1) if at + 1 < len(words) else "",
        "gone": url((*words[:at], *words[at + 1 :])) if len(words) > 1 else "",
    }
