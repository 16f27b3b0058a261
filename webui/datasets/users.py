"""One user's timeline: what the person did, in local time, grouped by visit."""

import base64
import binascii
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from analytics.connected import connected
from analytics.models import Dataset
from analytics.store.errors import StoreError
from analytics.timeline import Facts, User
from webui.datasets.wizard import ROLE_WORDS, WORDS
from webui.reports.said import why

PER_PAGE = 100
ROLES = {1: "view", 2: "fav", 3: "cart", 4: "buy"}
NOTHING = ("item", "category", "amount")  # whose 0 is none
PLAIN = re.compile(r"[A-Za-z0-9_@:+=,-][A-Za-z0-9_@:+=,.-]*(/[A-Za-z0-9_@:+=,-][A-Za-z0-9_@:+=,.-]*)*")


class UserConverter:
    """A user in an address: as it is where every browser and proxy leaves it so, else ~ and base64 of its UTF-8."""

    regex = "[^?#]+?"

    def to_python(self, value: str) -> str:
        """Read it; ValueError, which is a 404, where it is none."""
        if not value.startswith("~"):
            return value
        try:
            raw = base64.urlsafe_b64decode(value[1:] + "=" * (-len(value[1:]) % 4))
            return raw.decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValueError(value) from error

    def to_url(self, value: object) -> str:
        """Write it."""
        text = str(value)
        if PLAIN.fullmatch(text):
            return text
        return "~" + base64.urlsafe_b64encode(text.encode("utf-8", "surrogateescape")).decode().rstrip("=")


@require_GET
def user(request: HttpRequest, name: str, user: str) -> HttpResponse:
    """Show what one user did."""
    row = get_object_or_404(Dataset, name=name, version__gt=0)
    only = [code for code in request.GET.getlist("behaviour") if code in row.behaviours]
    try:
        asked = User(connected(), row.as_core(), user)
        facts = asked.facts()
        if facts is None:
            raise Http404(_("There is no user %(user)s in %(name)s.") % {"user": user[:80], "name": name})
        page = _page(facts, only, request.GET.get("page"))
        events = asked.events(facts, only=only, after=page.start_index() - 1 if page else 0, most=PER_PAGE)
    except StoreError as error:
        context = {"icon_name": "database", "title": _("This user cannot be shown now"), "why": why(error)}
        return render(request, "errors/problem.html", context, status=503)
    context = {
        "row": row,
        "user_id": user,
        "facts": facts,
        "page": page,
        "only": only,
        "filters": _filters(facts, only),
    }
    return render(request, "datasets/user.html", {**context, **_facts(row, facts), **_table(row, facts, events)})


def _page(facts: Facts, only: list[str], number: str | None) -> Page:
    total = sum(one.events for one in facts.behaviours if not only or one.code in only)
    return Paginator(range(min(total, facts.looked_at)), PER_PAGE).get_page(number)


def _filters(facts: Facts, only: list[str]) -> list[dict[str, Any]]:
    """Give each behaviour with the address that adds it to the filter, or takes it out."""
    found = []
    for one in facts.behaviours:
        chosen = [code for code in only if code != one.code] if one.code in only else [*only, one.code]
        word = ROLE_WORDS.get(ROLES.get(one.role, ""), "") if one.role in ROLES else ""
        query = urlencode([("behaviour", code) for code in chosen])
        found.append({"code": one.code, "word": word, "events": one.events, "on": one.code in only, "url": f"?{query}"})
    return found


def _facts(row: Dataset, facts: Facts) -> dict[str, Any]:
    return {
        "first": _local(row, facts.first),
        "last": _local(row, facts.last),
        "has_amount": "amount" in row.as_core().mapped,
    }


def _table(row: Dataset, facts: Facts, events: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the events in groups by visit, and which columns there are."""
    core = row.as_core()
    names = [name for name in ("item", "category", "amount", "order", "channel") if name in core.mapped]
    keys = {"item": "item_id", "category": "category_id", "order": "order_id"}
    dimensions = [name for name, _kind in core.layout.dimensions]
    heads = [*(WORDS[name] for name in names), *dimensions]
    names += dimensions
    groups: list[dict[str, Any]] = []
    for event in events:
        visit = facts.visit_of(event["ts"])
        if visit and (not groups or groups[-1]["visit"] != visit):
            begun = _local(row, visit.first)
            groups.append({"visit": visit, "begun": begun, "seconds": visit.last - visit.first, "events": []})
        if not groups:
            continue
        cells = [_cell(event[keys.get(name, name)], absent=name in NOTHING) for name in names]
        local = _local(row, event["ts"])
        groups[-1]["events"].append({"at": local, "behaviour": event["behaviour"], "cells": cells})
    return {"groups": groups, "names": heads, "wide": len(names) + 2}


def _cell(value: Any, *, absent: bool) -> str:  # noqa: ANN401  # what the store gave
    """Write a value. absent: a 0 stands for none."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if re.fullmatch(r"-?\d+\.\d+", text):
        text = text.rstrip("0").rstrip(".")
    return "" if absent and text == "0" else text[:200]


def _local(row: Dataset, ts: int) -> datetime:
    """Give the dataset's local time, without a zone: templates would turn it into the pages' own."""
    return row.as_core().local(ts).replace(tzinfo=None)
