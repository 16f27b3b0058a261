"""Dashboards are written by those who may, never over another's save unawares, and each act is in the audit log."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404

from analytics.models import Dataset
from webui.access import NotAllowed
from webui.audit.models import Entry
from webui.dashboards import boards, overview, services
from webui.dashboards.boards import Board
from webui.dashboards.content import CARDS, Content, OneCard, read_cards
from webui.dashboards.models import Card, Dashboard
from webui.servers.services import By, Conflict

pytestmark = [pytest.mark.db, pytest.mark.django_db]
FUNNEL = OneCard(report="funnel", title="Way to buy", width=4, params={"steps": ("view", "buy"), "window": "24h"})


def verbs() -> list[str]:
    return [entry.verb for entry in Entry.objects.order_by("pk")]


def test_a_saved_dashboard_comes_back_as_it_was(by: Callable[[str], By], shop: Dataset, people: Any) -> None:
    content = Content(
        title="Sales", preset="", start="2017-11-25", end="2017-11-28", compare="weekdays", where=("channel=ads",),
        users=("did buy",), cards=(FUNNEL, OneCard(kind=Card.Kind.MARKS, width=2)),
    )  # fmt: skip
    row = services.create(by("chen.jie"), "shop", content)
    assert boards.find("sales", people["chen.jie"]).content == content
    assert (row.slug, row.owner, row.shared, verbs()) == ("sales", people["chen.jie"], False, ["dashboard.add"])


def test_two_of_one_title_have_two_addresses_and_none_takes_that_of_an_overview(by: Any, shop: Dataset) -> None:
    slugs = [
        services.create(by("chen.jie"), "shop", Content(title=title)).slug
        for title in ("Sales", "Sales", "销售", "Shop overview")
    ]
    assert slugs == ["sales", "sales-2", "dashboard", "shop-overview-1"]


def test_who_saves_second_is_told_and_nothing_is_lost(by: Any, board: Callable[..., Board]) -> None:
    row = services.create(by("chen.jie"), "shop", Content(title="Sales", cards=(FUNNEL,)))
    seen = board("sales")
    services.save(by("chen.jie"), seen, seen.content.but(title="First"), seen.version)
    with pytest.raises(Conflict):
        services.save(by("lin.wei"), seen, seen.content.but(title="Second", cards=()), seen.version)
    kept = board("sales")
    assert (kept.content.title, len(kept.content.cards), kept.version) == ("First", 1, row.version + 1)


def test_an_overview_needs_no_row_until_it_is_changed_and_can_be_reset(by: Any, board: Callable[..., Board]) -> None:
    plain = board()
    assert (plain.row, plain.version, plain.shared) == (None, 0, True)
    services.save(by("chen.jie"), plain, plain.content.but(cards=(FUNNEL,)), 0)
    changed = board("shop-overview", "zhao.min")
    assert (changed.content.cards, changed.row.standard, changed.row.owner) == ((FUNNEL,), True, None)
    with pytest.raises(Conflict):  # both saw it unchanged
        services.save(by("wang.fang"), plain, plain.content, 0)
    services.delete(by("wang.fang"), changed.row)
    assert board().content == overview.overview("shop")
    assert verbs() == ["dashboard.change", "dashboard.reset"]
    with pytest.raises(Conflict):  # what the person saw has been reset
        services.save(by("chen.jie"), board(), changed.content, changed.version)


def test_cards_that_two_people_add_at_once_are_both_there(by: Any, board: Callable[..., Board]) -> None:
    services.create(by("chen.jie"), "shop", Content(title="Sales"), shared=True)
    seen = board("sales")
    for report in ("funnel", "rfm", "paths"):
        services.add_card(by("lin.wei"), seen, OneCard(report=report))
    now = board("sales")
    assert ([card.report for card in now.content.cards], now.version) == (["funnel", "rfm", "paths"], 4)


def test_a_card_added_to_an_untouched_overview_stands_behind_its_own(by: Any, board: Callable[..., Board]) -> None:
    services.add_card(by("chen.jie"), board(), FUNNEL)
    assert board().content.cards == (*overview.overview("shop").cards, FUNNEL)


@pytest.mark.parametrize("act", ["create", "save", "copy", "add_card", "share", "delete", "other"])
def test_who_may_not_write_changes_nothing(by: Any, board: Callable[..., Board], act: str) -> None:
    row = services.create(by("chen.jie"), "shop", Content(title="Sales"), shared=True)
    seen = board("sales")
    acts: dict[str, Callable[[By], Any]] = {
        "create": lambda who: services.create(who, "shop", Content(title="x")),
        "copy": lambda who: services.copy(who, seen, seen.content),
        "save": lambda who: services.save(who, seen, seen.content.but(title="x"), seen.version),
        "add_card": lambda who: services.add_card(who, seen, FUNNEL),
        "share": lambda who: services.share(who, row, shared=False),
        "delete": lambda who: services.delete(who, row),
        "other": lambda who: services.save(who, board(), overview.overview("shop"), 0),
    }
    before = Entry.objects.count()
    with pytest.raises(NotAllowed):
        acts[act](by("zhao.min"))  # a viewer
    if act not in ("create", "copy", "other"):
        with pytest.raises(NotAllowed):
            acts[act](by("wang.fang"))  # an operator, but not the owner
    assert (board("sales"), Entry.objects.count(), Dashboard.objects.count()) == (seen, before, 1)


def test_a_private_dashboard_is_for_its_owner_and_admins_only(by: Any, board: Callable[..., Board]) -> None:
    row = services.create(by("chen.jie"), "shop", Content(title="Sales"))
    assert board("sales", "chen.jie").row == board("sales", "lin.wei").row == row
    for name in ("wang.fang", "zhao.min"):
        with pytest.raises(Http404):
            board("sales", name)
    services.share(by("chen.jie"), row, shared=True)
    assert board("sales", "zhao.min").row == row


def test_the_dashboard_of_somebody_who_left_stays_private(by: Any, board: Callable[..., Board], people: Any) -> None:
    services.create(by("chen.jie"), "shop", Content(title="Sales"))
    people["chen.jie"].delete()
    with pytest.raises(Http404):
        board("sales", "wang.fang")
    assert board("sales", "lin.wei").content.title == "Sales"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (Content(title=" \n "), "Write something"),
        (Content(title="x" * 10_000), "10,000 characters"),
        (Content(title="a\u202eb"), "direction of text"),
        (Content(title="a\x00b"), "control characters"),
        (Content(title="x", preset="1000d"), "not offered"),
        (Content(title="x", preset="", start="yesterday"), "2017-11-25"),
        (Content(title="x", cards=(OneCard(report="../../etc/passwd"),)), "no report's name"),
        (Content(title="x", cards=(OneCard(kind="page", report="funnel"),)), "kind"),
        (Content(title="x", cards=(OneCard(report="funnel", width=5),)), "wide"),
        (Content(title="x", cards=(OneCard(report="funnel", params={"a b": "1"}),)), "cannot be read"),
        (Content(title="x", cards=(OneCard(report="funnel", params={"a": {}}),)), "no text"),  # type: ignore[dict-item]
        (Content(title="x", cards=(OneCard(report="funnel", where=("x" * 2001,)),)), "2000"),
        (Content(title="x", cards=(OneCard(report="funnel", params={"a": "\ud800"}),)), "no text"),
        (Content(title="x", where=("a\x00b",)), "no text"),
        (Content(title="\ud800"), "control characters"),
        (Content(title="x", cards=(OneCard(report="funnel"),) * (CARDS + 1)), "at most 40 cards"),
    ],
)
def test_what_cannot_be_stored_is_said(by: Any, shop: Dataset, content: Content, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        services.create(by("chen.jie"), "shop", content)
    assert said in " ".join(caught.value.messages)
    assert not Dashboard.objects.exists()


@pytest.mark.parametrize(
    "text", ["", "{", "null", "7", '"x"', "[1]", '[{"width": "wide"}]', '[{"params": 7}]', '[{"where": 7}]',
             '[{"width": 1e999}]', "[" * 100_000],
)  # fmt: skip
def test_cards_that_are_none_are_refused_as_a_whole(text: str) -> None:
    with pytest.raises(ValidationError):
        read_cards(text)


def test_cards_are_read_back_as_they_were_written() -> None:
    import json

    cards = (FUNNEL, *overview.overview("shop").cards)
    assert read_cards(json.dumps([card.as_dict() for card in cards])) == cards
