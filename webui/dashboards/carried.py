"""A dashboard as JSON, to be carried to another dataset or installation: by the command line, by the API."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from analytics.models import Dataset
from webui.dashboards import services
from webui.dashboards.boards import Board
from webui.dashboards.content import Content, read_cards
from webui.dashboards.models import Dashboard
from webui.servers.services import By, Refused

TEXTS = ("title", "preset", "start", "end", "compare")
LISTS = ("where", "users")


def listed_json(board: Board) -> dict[str, Any]:
    """Give a dashboard as a list names it."""
    owner = str(board.row.owner or "") if board.row else ""
    return {
        "dashboard": board.slug,
        "title": board.content.title,
        "dataset": board.dataset,
        "owner": owner,
        "shared": board.shared,
    }


def exported(board: Board) -> dict[str, Any]:
    """Give a dashboard's whole content."""
    parts = {name: getattr(board.content, name) for name in (*TEXTS, *LISTS)}
    return {"dataset": board.dataset, **parts, "cards": [card.as_dict() for card in board.content.cards]}


def brought(by: By, plain: Mapping[str, Any], *, dataset: str = "", shared: bool = False) -> Dashboard:
    """Make a dashboard of the person's own from what `exported` gave. dataset: instead of the one it was written for.

    Refused, ValidationError: what is wrong with it; nothing is stored then.
    """
    name = dataset or str(plain.get("dataset", ""))
    if not Dataset.objects.filter(name=name).exists():
        raise Refused(f"there is no dataset {name[:60]!r}; name another one")
    if "title" not in plain:
        raise Refused("a dashboard has a title; manage.py dashboard export writes one")
    content = Content(
        **{name: str(plain[name]) for name in TEXTS if name in plain},
        **{name: tuple(_list(plain, name)) for name in LISTS},
        cards=read_cards(json.dumps(_list(plain, "cards"))),
    )
    return services.create(by, name, content, shared=shared)


def _list(plain: Mapping[str, Any], name: str) -> list[Any]:
    found = plain.get(name, [])
    if not isinstance(found, list):
        raise ValidationError({name: f"{name} is no list."})
    return found
