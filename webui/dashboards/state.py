"""What an address asks of a dashboard: range, comparison and filters, over those it was saved with."""

from collections.abc import Mapping, Sequence

from django.http import QueryDict

from analytics import catalog
from analytics.models import Dataset
from webui.dashboards.content import Content, OneCard
from webui.reports import ask as asking
from webui.reports.ask import Ask

RANGE = ("range", "from", "to", "last")
PLAIN = "overview"  # the report in whose name the page itself asks
KNOWN = frozenset({*RANGE, "compare", "where", "users", "tasks"})


def read(query: QueryDict, dataset: Dataset, content: Content) -> Ask:
    """Read the state of a page. ParamError says which part cannot be read.

    An address with d= says everything itself; any other says only what differs from what was saved.
    """
    own = QueryDict(mutable=True)
    for name, values in query.lists():
        if name in KNOWN:
            own.setlist(name, values)
    if "d" not in query:
        given = set(query)
        if not given & set(RANGE):
            _fill(own, {"range": content.preset, "from": content.start, "to": content.end})
        _fill(own, {name: value for name, value in {"compare": content.compare}.items() if name not in given})
        if not given & {"where", "users"}:
            own.setlist("where", list(content.where))
            own.setlist("users", list(content.users))
    return asking.read(PLAIN, own, dataset)


def into(content: Content, ask: Ask) -> Content:
    """Give a content with the range, comparison and filters that an address asks."""
    return content.but(
        preset=ask.preset, start=ask.start, end=ask.end, compare=ask.compare, where=ask.where, users=ask.users
    )


def of_card(ask: Ask, card: OneCard) -> Ask:
    """Give what a card asks on a page. LookupError where its report is gone."""
    return ask.but(
        report=catalog.one(card.report),
        params=card.params,
        view=card.view,
        where=_joined(ask.where, card.where),
        users=_joined(ask.users, card.users),
    )


def _fill(query: QueryDict, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        if value:
            query[name] = value


def _joined(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))
