"""The audit log's page."""

from datetime import date, datetime, time, timedelta

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET

from webui import access
from webui.audit.models import Entry

PER_PAGE = 50
LAST_YEAR = 9999  # datetime knows no day after its last


@require_GET
def log(request: HttpRequest) -> HttpResponse:
    """List who did what, newest first; by person, act, words and day."""
    access.require_admin(access.may_see_audit(request.user))
    wanted = {name: request.GET.get(name, "").strip()[:80] for name in ("person", "verb", "q", "day")}
    page = Paginator(_found(wanted), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "wanted": wanted,
        "active": any(wanted.values()),
        "people": Entry.objects.order_by("person_name").values_list("person_name", flat=True).distinct()[:100],
        "verbs": Entry.objects.order_by("verb").values_list("verb", flat=True).distinct()[:100],
    }
    return render(request, "audit/list.html", context)


def _found(wanted: dict[str, str]) -> QuerySet[Entry]:
    found = Entry.objects.all()
    if wanted["person"]:
        found = found.filter(person_name=wanted["person"])
    if wanted["verb"]:
        found = found.filter(verb=wanted["verb"])
    if wanted["q"]:
        found = found.filter(subject__icontains=wanted["q"])
    day = _day(wanted["day"])
    if day is not None and day.year < LAST_YEAR:
        start = timezone.make_aware(datetime.combine(day, time()))
        found = found.filter(at__gte=start, at__lt=start + timedelta(days=1))
    return found


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:  # looks like a date but is none
        return None
