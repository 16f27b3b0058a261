"""Dashboards as a person meets them: stored ones and the overviews that need none, and who may see and change which."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q
from django.http import Http404
from django.utils.translation import gettext as _

from analytics.models import Dataset
from webui import access
from webui.dashboards import overview
from webui.dashboards.content import Content, OneCard
from webui.dashboards.models import Card, Dashboard

if TYPE_CHECKING:
    from webui.access import Person


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard to show. row: None for an overview that nobody has changed; then its version is 0.

    dataset: its name; there may be none of that name any more.
    """

    slug: str
    dataset: str
    content: Content
    row: Dashboard | None = None

    @property
    def version(self) -> int:
        """Give the version that a save has to name."""
        return self.row.version if self.row else 0

    @property
    def standard(self) -> bool:
        """Say whether it is the dataset's own overview."""
        return self.row is None or self.row.standard

    @property
    def shared(self) -> bool:
        """Say whether everybody who is signed in may see it."""
        return self.row is None or self.row.shared or self.row.standard


def may_change(person: "Person", row: Dashboard | None) -> bool:
    """Say whether the person may change a dashboard: their own, an overview, and as an admin any."""
    if not access.may_write_dashboards(person):
        return False
    return row is None or row.standard or row.owner_id == person.pk or access.role_of(person) is access.Role.ADMIN


def visible(person: "Person") -> Q:
    """Give the condition that a person may see a dashboard."""
    if access.role_of(person) is access.Role.ADMIN:
        return Q()
    return Q(shared=True) | Q(standard=True) | Q(owner=person.pk)


def find(slug: str, person: "Person") -> Board:
    """Give the dashboard of an address; Http404 where there is none that the person may see."""
    row = Dashboard.objects.filter(visible(person), slug=slug).select_related("owner").first()
    if row:
        return of_row(row)
    dataset = overview.dataset_of(slug)
    if Dataset.objects.filter(name=dataset).exists():
        return Board(slug, dataset, overview.overview(dataset))
    raise Http404(_("There is no such dashboard, or its owner has not shared it."))


def of_row(row: Dashboard, cards: Iterable[Card] | None = None) -> Board:
    """Give a stored dashboard. One query, unless the cards are given."""
    content = Content(
        title=row.title,
        preset=row.preset,
        start=row.start,
        end=row.end,
        compare=row.compare,
        where=tuple(row.where),
        users=tuple(row.users),
        cards=tuple(_card(card) for card in (row.cards.all() if cards is None else cards)),
    )
    return Board(row.slug, row.dataset, content, row)


def listed(person: "Person") -> list[Board]:
    """Give all dashboards that a person may see, cards left out; the overviews of all datasets too. Two queries."""
    rows = list(Dashboard.objects.filter(visible(person)).select_related("owner"))
    stored = {row.dataset for row in rows if row.standard}
    names = [name for name in Dataset.objects.values_list("name", flat=True) if name not in stored]
    made = [Board(overview.slug_of(name), name, overview.overview(name)) for name in names]
    return [*(of_row(row, ()) for row in rows), *made]


def _card(card: Card) -> OneCard:
    return OneCard(
        kind=card.kind,
        title=card.title,
        width=card.width,
        report=card.report,
        view=card.view,
        params=card.params,
        where=tuple(card.where),
        users=tuple(card.users),
    )
