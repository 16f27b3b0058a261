"""A dashboard's cards as its page shows them: where each is fetched from, or why it cannot be."""

import json
from dataclasses import dataclass, replace

from django.urls import reverse

from analytics import catalog
from analytics.spans import Span, span_of
from webui.dashboards import state
from webui.dashboards.boards import Board
from webui.dashboards.content import OneCard
from webui.dashboards.models import Card
from webui.reports.ask import Ask
from webui.reports.words import title_of


@dataclass(frozen=True, slots=True)
class Shown:
    """A card on a page. url: of the fragment, "" where trouble says why there is none, or the page itself holds it.

    title: its own, else that of what it shows; named: it is its own. The other fields are those of models.Card.
    """

    content: OneCard
    title: str
    url: str = ""
    trouble: str = ""

    @property
    def kind(self) -> str:
        """Give what it shows."""
        return self.content.kind

    @property
    def width(self) -> int:
        """Give its width in sixths of the page."""
        return self.content.width

    @property
    def named(self) -> bool:
        """Say whether a person gave it its title."""
        return bool(self.content.title)

    @property
    def json(self) -> str:
        """Give what the page sends back when it is saved."""
        return json.dumps(self.content.as_dict(), ensure_ascii=False)


def shown(board: Board, ask: Ask) -> list[Shown]:
    """Give the cards of a dashboard for what its page asks; equal ones have addresses of their own, and so ids."""
    found: list[Shown] = []
    for card in (one(card, ask) for card in board.content.cards):
        copies = sum(other.url.partition("&copy=")[0] == card.url for other in found)
        found.append(replace(card, url=f"{card.url}&copy={copies + 1}") if card.url and copies else card)
    return found


def one(card: OneCard, ask: Ask) -> Shown:
    """Give one card for what its page asks."""
    named = card.title or title(card)
    try:
        if card.kind == Card.Kind.REPORT:
            return Shown(card, named, url=state.of_card(ask, card).url("report-card"))
        if card.kind == Card.Kind.EFFECTS:
            return Shown(card, named, url=f"{reverse('curves-effects')}?{ask.query()}")
    except LookupError as error:  # the report, or its file's content
        return Shown(card, named, trouble=sentence(str(error)))
    return Shown(card, named)


def sentence(text: str) -> str:
    """Write the store's or the catalog's words as a sentence."""
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."


def title(card: OneCard) -> str:
    """Give the title of a card that has none of its own."""
    if card.kind != Card.Kind.REPORT:
        return str(Card.Kind(card.kind).label)
    try:
        return title_of(catalog.one(card.report))
    except LookupError:
        return card.report


def span(ask: Ask) -> Span:
    """Give the seconds of what is asked; ParamError and NotSupported as reports raise them."""
    return span_of(ask.dataset.as_core(), *ask.range)
