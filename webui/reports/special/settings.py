"""The settings that a special page shows itself: choices as links, and forms that keep the rest of what is asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from analytics.dataset import RANKS
from webui.reports.ask import Ask
from webui.reports.words import value_word

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values of a setting. url: the page with it; here: it is the one."""

    value: str
    word: str
    url: str
    here: bool


def choices(ask: Ask, name: str, now: object, words: Sequence[Pair], **other: str) -> list[Choice]:
    """Give a setting's values, each with the address of the page that has it. other: what changes with it."""
    return [Choice(value, word, with_params(ask, **{**other, name: value}), str(now) == value) for value, word in words]


def with_params(ask: Ask, **changes: str | tuple[str, ...]) -> str:
    """Give the page's address with some parameters changed; "" takes one away. It begins anew: no cell is open."""
    params = {name: value for name, value in {**ask.params, **changes}.items() if value not in ("", ())}
    return ask.but(params=params, at={}).url()


@dataclass(frozen=True, slots=True)
class Form:
    """A form of some parameters: where it goes, and the rest of the question as hidden fields."""

    action: str
    kept: Sequence[Pair]


def form(ask: Ask, *own: str) -> Form:
    """Give the form that sets the parameters `own`."""
    return Form(reverse("report", args=[ask.report.name]), list(_kept(ask, frozenset(own))))


def _kept(ask: Ask, own: frozenset[str]) -> Iterator[Pair]:
    from django.http import QueryDict

    for name, values in QueryDict(ask.but(at={}).query()).lists():
        if name not in own:
            yield from ((name, value) for value in values)


def behaviours(ask: Ask) -> list[Pair]:
    """Give the roles and the further behaviours of a dataset, each with its word."""
    core = ask.dataset.as_core()
    there = {core.roles.get(code, code) for code in core.behaviours} | set(core.roles.values())
    roles = [role for role in RANKS if role in there]
    own = sorted(code for code in core.behaviours if code not in core.roles and code not in RANKS)
    return [(name, behaviour_word(name)) for name in (*roles, *own)]


def behaviour_word(name: str, roles: Mapping[str, str] | None = None) -> str:
    """Say a role as people do; a behaviour of the data's own stays as it is. roles: of the dataset, by code."""
    name = (roles or {}).get(name, name)
    words = {"view": _("View"), "fav": _("Favourite"), "cart": _("Add to cart"), "buy": _("Buy")}
    return words.get(name) or value_word(name, "behaviour")


def dimensions(ask: Ask) -> list[Pair]:
    """Give what entries can be split by."""
    known = {
        "category": pgettext("of an item", "Category"),
        "item": _("Item"),
        "channel": _("Channel"),
        "behaviour": _("Behaviour"),
        "order": pgettext("a purchase", "Order"),
        "amount": _("Amount"),
    }
    mapped = ask.dataset.as_core().mapped
    first = [name for name in ("category", "item", "channel") if name in mapped]
    own = sorted(name for name in mapped if name not in known)
    return [(name, known.get(name, name)) for name in (*first, *own, "behaviour")]


def text_of(params: Mapping[str, Any], name: str, usual: str) -> str:
    """Give a parameter that is one text."""
    value = params.get(name)
    return value if isinstance(value, str) and value else usual
