"""The servers page's reading: filters from the address, facets with counts, and the rows of one page."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_
from urllib.parse import urlencode

from django.db.models import Case, Count, F, Q, QuerySet, Value, When
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webui.servers.models import Engine, Server
from webui.servers.selectors import SelectorError, condition
from webui.statuses import LOOKS

PER_PAGE = 50
ANSWERED_WITHIN = timedelta(minutes=5)
EXPRESSION = re.compile(r"[=@(),*?\[]|\b(?:and|or|not)\b|^all$")
FACETS = ("health", "idc", "engine", "category")
TITLES = {
    "health": gettext_lazy("Health"),
    "idc": gettext_lazy("IDC"),
    "engine": gettext_lazy("Engine"),
    "category": gettext_lazy("Category"),
}
HEALTH = ("healthy", "unreachable", "maintenance", "unknown")
SORTS = {
    "name": ("name",),
    "address": ("address", "name"),
    "idc": ("idc__name", "name"),
    "category": ("category", "application", "name"),
    "engine": ("engine", "name"),
    "health": ("shown_health", "name"),
    "seen": ("last_seen", "name"),
}
NONE = "-"  # stands for the empty category in the address
Cube = dict[tuple[str, str, str, str], int]
SHOWN_VALUES = 6  # of a facet; the rest is behind "All 13 categories"


@dataclass(frozen=True, slots=True)
class Filter:
    """What the address asks for. text: plain words or a selector. chosen: facet -> values."""

    text: str
    chosen: dict[str, tuple[str, ...]]
    sort: str

    @classmethod
    def read(cls, query: QueryDict) -> "Filter":
        """Read a query string; what it does not know is left out."""
        chosen = {name: tuple(dict.fromkeys(v[:64] for v in query.getlist(name) if v)) for name in FACETS}
        chosen["health"] = tuple(value for value in chosen["health"] if value in HEALTH)
        sort = query.get("sort", "")
        return cls(
            text=query.get("q", "").strip(),
            chosen={name: values for name, values in chosen.items() if values},
            sort=sort if sort.lstrip("-") in SORTS else "name",
        )

    @property
    def active(self) -> bool:
        """Say whether anything is filtered at all."""
        return bool(self.text or self.chosen)

    def query(self) -> str:
        """Write the filter as a query string, without sort and page."""
        pairs = [("q", self.text)] if self.text else []
        return urlencode([*pairs, *((name, value) for name, values in self.chosen.items() for value in values)])

    def without(self, name: str) -> "Filter":
        """Leave out one facet, or "q"."""
        if name == "q":
            return replace(self, text="")
        return replace(self, chosen={key: values for key, values in self.chosen.items() if key != name})

    def selector(self) -> str | None:
        """Write the filter in the selector language; None where that language has no words for it."""
        plain = bool(self.text) and not EXPRESSION.search(self.text)
        if plain or "health" in self.chosen or any(NONE in values for values in self.chosen.values()):
            return None
        parts = [f"({self.text})"] if self.text and self.chosen else [self.text] if self.text else []
        parts += [f"{name}={','.join(values)}" for name, values in self.chosen.items()]
        return " and ".join(parts) or "all"


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One box of a facet."""

    value: str
    word: str
    count: int
    checked: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet with its values; `more` are those that are folded away."""

    name: str
    title: str
    values: Sequence[FacetValue]
    more: Sequence[FacetValue]


@dataclass(frozen=True, slots=True)
class Summary:
    """The fleet in numbers."""

    servers: int
    idcs: int
    answered: int


def summary(now: datetime) -> Summary:
    """Count the fleet. One query."""
    found = Server.objects.aggregate(
        servers=Count("pk"),
        idcs=Count("idc", distinct=True),
        answered=Count("pk", filter=Q(last_seen__gte=now - ANSWERED_WITHIN, health=Server.Health.HEALTHY)),
    )
    return Summary(**found)


def matching(wanted: Filter, now: datetime) -> QuerySet[Server]:
    """Give the servers of a filter with `shown_health`, unsorted; SelectorError where the text is not sound."""
    found = with_health(Server.objects.all(), now)
    if wanted.text:
        found = found.filter(text_condition(wanted.text))
    for name, values in wanted.chosen.items():
        found = found.filter(_facet_condition(name, values))
    return found


def rows(wanted: Filter, found: QuerySet[Server]) -> QuerySet[Server]:
    """Sort, and fetch what a row shows: IDC and tags."""
    backwards = wanted.sort.startswith("-")
    keys = SORTS[wanted.sort.lstrip("-")]
    order = [F(key).desc(nulls_last=True) if backwards else F(key).asc(nulls_last=True) for key in keys]
    return found.order_by(*order).select_related("idc").prefetch_related("tags")


def text_condition(text: str) -> Q:
    """Read the search box: an expression if it looks like one, else words that all must occur."""
    if EXPRESSION.search(text):
        return condition(text)
    places = ("name__icontains", "address__icontains", "application__icontains", "category__icontains")
    words = text.split()[:10]
    return reduce(and_, (reduce(or_, (Q(**{place: word}) for place in places)) for word in words))


def with_health(servers: QuerySet[Server], now: datetime) -> QuerySet[Server]:
    """Add `shown_health`: maintenance comes before what was seen, so that the four words share out all servers."""
    return servers.annotate(
        shown_health=Case(When(maintenance_until__gt=now, then=Value("maintenance")), default=F("health"))
    )


def facets(wanted: Filter, now: datetime) -> list[Facet]:
    """Count the values of each facet among the servers that all other filters leave. Two queries, whatever the fleet.

    Values keep their order and show zero, so that nothing jumps while boxes are checked.
    """
    fleet = _cube(with_health(Server.objects.all(), now))
    found = fleet
    if wanted.text:
        try:
            found = _cube(matching(Filter(wanted.text, {}, ""), now))
        except SelectorError:  # the page says it beside the search box; here the fleet is counted
            found = fleet
    return [_facet(place, name, fleet, found, wanted.chosen) for place, name in enumerate(FACETS)]


def _cube(servers: QuerySet[Server]) -> Cube:
    """Count the servers of each combination of the four facets; there are few, however large the fleet."""
    columns = ("shown_health", "idc__name", "engine", "category")
    rows = servers.order_by().values_list(*columns).annotate(n=Count("pk"))
    return {(health, idc, engine, category or NONE): n for health, idc, engine, category, n in rows}


def _facet(place: int, name: str, fleet: Cube, found: Cube, chosen: dict[str, tuple[str, ...]]) -> Facet:
    others = [(i, chosen[other]) for i, other in enumerate(FACETS) if i != place and other in chosen]
    counts: Counter[str] = Counter()
    for key, n in found.items():
        if all(key[i] in values for i, values in others):
            counts[key[place]] += n
    checked = chosen.get(name, ())
    boxes = [FacetValue(v, word(name, v), counts[v], v in checked) for v in _values(place, name, fleet, checked)]
    first = [box for i, box in enumerate(boxes) if i < SHOWN_VALUES or box.checked]
    return Facet(name, str(TITLES[name]), first, [box for box in boxes if box not in first])


def _values(place: int, name: str, fleet: Cube, checked: tuple[str, ...]) -> list[str]:
    """Give a facet's values in an order that only the fleet decides, whatever is checked."""
    sizes: Counter[str] = Counter()
    for key, n in fleet.items():
        sizes[key[place]] += n
    known = [*sizes, *(value for value in checked if value not in sizes)]
    if name == "health":
        return [value for value in HEALTH if value != "unknown" or value in known]
    if name == "engine":
        return [value for value in Engine.values if value in known]
    return sorted(known, key=lambda value: (value == NONE, -sizes[value], value))


def _facet_condition(name: str, values: tuple[str, ...]) -> Q:
    column = {"health": "shown_health", "idc": "idc__name"}.get(name, name)
    return Q(**{f"{column}__in": ["" if value == NONE else value for value in values]})


def word(name: str, value: str) -> str:
    """Give a facet value as a person reads it."""
    if name == "health":
        return str(LOOKS[value].word)
    if name == "engine":
        return str(dict(Engine.choices).get(value, value))
    return _("None") if value == NONE else value
