"""Write dashboards: one transaction and one audit entry for each act."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils.text import slugify
from django.utils.translation import gettext as _

from webui import access
from webui.dashboards.boards import Board, may_change
from webui.dashboards.content import Content, OneCard, checked
from webui.dashboards.models import TITLE, Card, Dashboard
from webui.dashboards.overview import SUFFIX, slug_of
from webui.servers.services import By, Conflict, Refused

TRIES = 50  # of names for one title


def create(by: By, dataset: str, content: Content, *, shared: bool = False) -> Dashboard:
    """Make a dashboard of the person's own. ValidationError says what cannot be stored."""
    access.require_dashboards(by.person)
    content = checked(content)
    row = Dashboard(dataset=dataset, owner=by.person, shared=shared, **_fields(content))
    for number in range(1, TRIES):
        row.slug, row.pk = _slug(content.title, number), None
        try:
            with transaction.atomic():
                row.save()
                _write_cards(row, content)
                by.log("dashboard.add", row.slug, title=row.title, dataset=dataset, cards=len(content.cards))
        except IntegrityError:
            if not Dashboard.objects.filter(slug=row.slug).exists():
                raise
        else:
            return row
    raise Refused(_("There are too many dashboards of this title; choose another."))


def save(by: By, board: Board, content: Content, seen: int) -> Dashboard:
    """Put another content into a dashboard. seen: the version that the person had before them; else Conflict."""
    _require(by, board.row)
    content = checked(content)
    if board.row is None:
        return _establish(by, board, content, seen)
    with transaction.atomic():
        rows = Dashboard.objects.filter(pk=board.row.pk, version=seen)
        if rows.update(**_fields(content), version=F("version") + 1) != 1:
            raise Conflict(_("Somebody else has saved this dashboard meanwhile."))
        row = Dashboard.objects.get(pk=board.row.pk)
        row.save(update_fields=["updated"])
        row.cards.all().delete()
        _write_cards(row, content)
        by.log("dashboard.change", row.slug, title=row.title, cards=len(content.cards))
    return row


def add_card(by: By, board: Board, card: OneCard) -> Dashboard:
    """Put a card at the end of a dashboard; what others save at the same time stays."""
    _require(by, board.row)
    content = checked(board.content.but(cards=(*board.content.cards, card)))
    if board.row is None:
        return _establish(by, board, content, 0)
    with transaction.atomic():
        row = Dashboard.objects.select_for_update().get(pk=board.row.pk)
        last = row.cards.aggregate(last=Max("position"))["last"]
        Card.objects.create(dashboard=row, position=0 if last is None else last + 1, **content.cards[-1].as_dict())
        row.version += 1
        row.save(update_fields=["version", "updated"])
        by.log("dashboard.change", row.slug, title=row.title, added=card.title or card.report)
    return row


def share(by: By, row: Dashboard, *, shared: bool) -> None:
    """Let everybody who is signed in see a dashboard, or only its owner."""
    _require(by, row)
    with transaction.atomic():
        Dashboard.objects.filter(pk=row.pk).update(shared=shared)
        by.log("dashboard.share", row.slug, shared=shared)


def copy(by: By, board: Board, content: Content) -> Dashboard:
    """Make a dashboard of the person's own from one that they see."""
    title = (_("%s (copy)") % content.title)[:TITLE]
    return create(by, board.dataset, content.but(title=title))


def delete(by: By, row: Dashboard) -> None:
    """Remove a dashboard; an overview is then as it was before anybody changed it."""
    _require(by, row)
    with transaction.atomic():
        by.log("dashboard.reset" if row.standard else "dashboard.delete", row.slug, title=row.title)
        row.delete()


def _establish(by: By, board: Board, content: Content, seen: int) -> Dashboard:
    """Store a dataset's overview for the first time."""
    row = Dashboard(slug=slug_of(board.dataset), dataset=board.dataset, shared=True, standard=True, **_fields(content))
    try:
        with transaction.atomic():
            if seen != 0:  # what the person saw was stored, and has been reset since
                raise Conflict(_("Somebody else has reset this dashboard meanwhile."))
            row.save()
            _write_cards(row, content)
            by.log("dashboard.change", row.slug, title=row.title, cards=len(content.cards))
    except IntegrityError as error:
        raise Conflict(_("Somebody else has saved this dashboard meanwhile.")) from error
    return row


def _require(by: By, row: Dashboard | None) -> None:
    access.require_dashboards(by.person)
    if not may_change(by.person, row):
        raise access.NotAllowed(_("Only its owner and an admin may change this dashboard; copy it instead."))


def _fields(content: Content) -> dict[str, Any]:
    names = ("title", "preset", "start", "end", "compare")
    lists = {"where": list(content.where), "users": list(content.users)}
    return {**{name: getattr(content, name) for name in names}, **lists}


def _write_cards(row: Dashboard, content: Content) -> None:
    Card.objects.bulk_create(
        [Card(dashboard=row, position=place, **card.as_dict()) for place, card in enumerate(content.cards)]
    )


def _slug(title: str, number: int) -> str:
    """Give an address from a title; the ends of overviews' addresses are kept for them."""
    base = slugify(title)[:60].strip("-_") or "dashboard"
    return f"{base}-{number}" if number > 1 or base.endswith(SUFFIX) else base
