"""How far the queries are that a card waits for.

A browser names each of its requests for a card; the name of the line to the store is made of that and the person, so
that a name opens nobody else's, and any web process can answer.
"""

import re

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from analytics.connected import connected
from analytics.store.errors import StoreError
from analytics.store.marks import Progress, new_name
from webui.language import in_chinese
from webui.reports import numbers
from webui.templatetags.ui import NBSP

HEADER = "X-Card-Request"  # as static/omserver/reports/progress.js sends it
GIVEN = re.compile(r"[0-9a-f]{32}")


@never_cache
@require_GET
def progress(request: HttpRequest) -> HttpResponse:
    """Say how far the request is that this person's header names; nothing where it is not known."""
    found = _found(name_of(request, request.user.get_username()))
    return JsonResponse(
        {"said": said(found), "read": found.read, "total": found.total} if found else {"said": ""},
        json_dumps_params={"ensure_ascii": False},
    )


def name_of(request: HttpRequest, person: str) -> str:
    """Give the name of the line for a person's request: one that nobody knows where the browser gave none."""
    given = request.headers.get(HEADER, "")
    if not GIVEN.fullmatch(given):
        return new_name()
    digest: str = salted_hmac("webui.reports.progress", f"{given} {person}").hexdigest()
    return digest[:20]


def said(found: Progress) -> str:
    """Say it in a few words: 41 of 100 M rows read."""
    if found.waits:
        return _("Waiting for its turn")
    text = _rows(found)
    return text if found.number < 2 else _("Query %(number)s: %(text)s") % {"number": found.number, "text": text}


def _rows(found: Progress) -> str:
    read, unit = numbers.large(found.read)
    total, unit_of_total = numbers.large(found.total)
    whole = _with(total, unit_of_total)
    if not found.total or found.total < found.read:  # the store does not know, or not yet of all tables
        return _("%s rows read") % _with(read, unit)
    alike = unit == unit_of_total and not in_chinese()
    return _("%(read)s of %(total)s rows read") % {"read": read if alike else _with(read, unit), "total": whole}


def _with(amount: str, unit: str) -> str:
    return f"{amount}{unit}" if in_chinese() or not unit else f"{amount}{NBSP}{unit}"


def _found(name: str) -> Progress | None:
    try:
        return connected().progress(name)
    except StoreError:  # the card itself says what is wrong
        return None
