"""What a dashboard holds, as a value: read at the border, then trusted by all that save or show it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from webui.dashboards.models import TITLE, WIDTHS, Card
from webui.dashboards.texts import line
from webui.reports.ask import COMPARES, PRESETS

CARDS, WORDS, WORD = 40, 40, 2000  # of a dashboard; of a list; characters of one
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d([T ]\d\d:\d\d)?)?")
REPORT = re.compile(r"[a-z][a-z0-9_]{0,59}")
STORED = re.compile(r"[^\x00\ud800-\udfff]*")  # no database keeps the others
NAME = re.compile(r"[A-Za-z_]\w{0,59}")
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneCard:
    """A card's content; the fields are those of models.Card."""

    kind: str = Card.Kind.REPORT
    title: str = ""
    width: int = 3
    report: str = ""
    view: str = ""
    params: Mapping[str, str | Words] = None  # type: ignore[assignment]  # made empty below
    where: Words = ()
    users: Words = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", str(self.kind))
        lists = {name: tuple(v) if isinstance(v, list) else v for name, v in (self.params or {}).items()}
        object.__setattr__(self, "params", lists)

    def as_dict(self) -> dict[str, Any]:
        """Give JSON values."""
        params = {name: list(v) if isinstance(v, tuple) else v for name, v in self.params.items()}
        names = ("kind", "title", "width", "report", "view")
        lists = {"where": list(self.where), "users": list(self.users)}
        return {**{name: getattr(self, name) for name in names}, "params": params, **lists}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A dashboard's content; the fields are those of models.Dashboard."""

    title: str
    preset: str = "14d"
    start: str = ""
    end: str = ""
    compare: str = "previous"
    where: Words = ()
    users: Words = ()
    cards: tuple[OneCard, ...] = ()

    def but(self, **changes: Any) -> "Content":
        """Give the same with some of it changed."""
        return replace(self, **changes)


def checked(content: Content) -> Content:
    """Give a content whose every part may be stored; ValidationError says which part may not."""
    if content.preset not in ("", *PRESETS) or content.compare not in COMPARES:
        raise ValidationError(_("This range or comparison is not offered."))
    if not (MOMENT.fullmatch(content.start) and MOMENT.fullmatch(content.end)):
        raise ValidationError(_("A day of the range cannot be read; write it as 2017-11-25."))
    if len(content.cards) > CARDS:
        raise ValidationError(
            _("A dashboard holds at most %(most)d cards; these are %(n)d.") % {"most": CARDS, "n": len(content.cards)}
        )
    where, users = words(content.where), words(content.users)
    cards = tuple(_checked_card(card) for card in content.cards)
    return content.but(title=line(content.title, TITLE), where=where, users=users, cards=cards)


def read_cards(text: str) -> tuple[OneCard, ...]:
    """Read cards from the JSON that the page sends; ValidationError where it is none."""
    try:
        plain = json.loads(text)
        return tuple(
            OneCard(
                kind=str(one.get("kind", "report")),
                title=str(one.get("title", "")),
                width=int(one.get("width", 3)),
                report=str(one.get("report", "")),
                view=str(one.get("view", "")),
                params=dict(one.get("params") or {}),
                where=tuple(one.get("where") or ()),
                users=tuple(one.get("users") or ()),
            )
            for one in plain
        )
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValidationError(_("The cards cannot be read; load the page anew and try again.")) from error


def _checked_card(card: OneCard) -> OneCard:
    if card.kind not in Card.Kind.values:
        raise ValidationError(_("There is no card of the kind %s.") % card.kind[:60])
    if card.kind == Card.Kind.REPORT and not REPORT.fullmatch(card.report):
        raise ValidationError(_("“%s” is no report's name.") % card.report[:60])
    if card.width not in WIDTHS:
        raise ValidationError(_("A card is a third, a half, two thirds or the whole of the page wide."))
    if len(card.params) > WORDS or not all(isinstance(name, str) and NAME.fullmatch(name) for name in card.params):
        raise ValidationError(_("The settings of the card “%s” cannot be read.") % (card.title or card.report)[:60])
    params: dict[str, str | Words] = {
        name: words(value) if isinstance(value, tuple) else word(value) for name, value in card.params.items()
    }
    return replace(
        card,
        title=line(card.title, TITLE, needed=False),
        view=word(card.view)[:20],
        params=params,
        where=words(card.where),
        users=words(card.users),
    )


def words(given: Sequence[Any]) -> Words:
    """Give filters, rules or lines that may be stored; ValidationError where some may not."""
    if len(given) > WORDS:
        raise ValidationError(_("At most %d filters, rules or lines can be kept.") % WORDS)
    return tuple(word(one) for one in given)


def word(given: Any) -> str:  # noqa: ANN401  # JSON
    """Give a text that may be stored; ValidationError where it is none, or too long."""
    if not isinstance(given, str) or len(given) > WORD or not STORED.fullmatch(given):
        raise ValidationError(_("A setting is no text, or longer than %d characters.") % WORD)
    return given
