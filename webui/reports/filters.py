"""Filters and segment rules of a page: as chips that can be removed, and the forms that add one."""

from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.clauses import DID, FIELDS, FILTER, values_of
from analytics.dataset import ROLES, Dataset, Kind
from webui.reports.ask import Ask
from webui.reports.words import EMPTY, field_word, role_word

SIGNS = {"=": "=", "!=": "≠", ">=": "≥", "<=": "≤", ">": ">", "<": "<"}
ADD = "add."
LONGEST = 200  # characters of a value that is typed


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter or a rule in words, and the address of the page without it."""

    text: str
    url: str
    kind: str


def chips(ask: Ask) -> list[Chip]:
    """Give the filters and rules of a page."""
    found = []
    for place, word in enumerate(ask.where):
        rest = (*ask.where[:place], *ask.where[place + 1 :])
        found.append(Chip(filter_words(word), f"?{ask.but(where=rest).query()}", "where"))
    for place, word in enumerate(ask.users):
        rest = (*ask.users[:place], *ask.users[place + 1 :])
        found.append(Chip(rule_words(word), f"?{ask.but(users=rest).query()}", "users"))
    return found


def filter_words(word: str) -> str:
    """Say a filter: Category = 12, 13, "a, b"."""
    match = FILTER.fullmatch(word)
    if not match:
        return word
    values = [f'"{one}"' if "," in one else one or str(EMPTY) for one in values_of(match[3]) or [match[3]]]
    return f"{field_word(match[1])} {SIGNS[match[2]]} {', '.join(values)}"


def rule_words(word: str) -> str:
    """Say a rule of a segment: Users who did not buy."""
    match = DID.fullmatch(word)
    if not match:
        return word
    what = _(" or ").join(role_word(piece.strip()) for piece in match[2].split("|"))
    times = int(match[3] or 1)
    if match[1]:
        least = ngettext("%(n)d time", "%(n)d times", times) % {"n": times}
        return (
            _("users without %(what)s") % {"what": what}
            if times == 1
            else _("users with %(what)s less than %(least)s") % {"what": what, "least": least}
        )
    if times == 1:
        return _("users with %(what)s") % {"what": what}
    return _("users with %(what)s at least %(n)d times") % {"what": what, "n": times}


def fields(dataset: Dataset) -> list[tuple[str, str, bool]]:
    """Give what can be filtered by: name, word, whether it holds numbers."""
    kinds = {"user": dataset.layout.user, "item": dataset.layout.item, "category": dataset.layout.category}
    own = dict(dataset.layout.dimensions)
    names = ["behaviour", *(n for n in FIELDS if n in dataset.mapped), *(n for n in own if n in dataset.mapped), "user"]
    return [
        (name, field_word(name), name == "amount" or {**kinds, **own}.get(name) is Kind.NUMBER)
        for name in dict.fromkeys(names)
    ]


def behaviours(dataset: Dataset) -> list[tuple[str, str]]:
    """Give what a rule of a segment can be about: the roles the dataset has, then behaviours of its own."""
    held = set(dataset.roles.values())
    own = [code for code in dataset.behaviours if code not in dataset.roles]
    return [*((role, role_word(role)) for role in ROLES if role in held), *((code, code) for code in own)]


def added(query: QueryDict) -> QueryDict | None:
    """Give an address with what a form wants added as a filter or a rule; None where it adds none.

    A value is taken as it is written: what it means is for the report to say.
    """
    if not any(key.startswith(ADD) for key in query):
        return None
    found = QueryDict(mutable=True)
    for key, values in query.lists():
        if not key.startswith(ADD) and key != "page":
            found.setlist(key, values)
    value = query.get("add.value", "").strip()[:LONGEST]
    field, sign = query.get("add.field", ""), query.get("add.sign", "=")
    if field and value and sign in SIGNS:
        found.appendlist("where", f"{field}{sign}{value}")
    what, did = query.get("add.what", ""), query.get("add.did", "did")
    if what:
        times = query.get("add.times", "").strip()
        least = f" >= {times}" if times.isdecimal() and int(times[:9]) > 1 else ""
        found.appendlist("users", f"{'did not' if did == 'not' else 'did'} {what}{least}")
    return found
