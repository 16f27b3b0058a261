"""Pages of alerts: all of them, one with its history, and the form."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from analytics.models import Dataset
from webui import access
from webui.alerts import services
from webui.alerts.forms import AlertForm, initial
from webui.alerts.messages import place, sentence
from webui.alerts.models import Alert, Delivery, Firing
from webui.alerts.offers import filled_in
from webui.alerts.rules import condition, problem, undelivered
from webui.alerts.telling import secret_of
from webui.by import by_of
from webui.forms import differing
from webui.language import sentences
from webui.reports.changes import moved, why
from webui.reports.said import said
from webui.servers.services import Conflict, Refused

FIRINGS, TESTS = 20, 5  # on a page


@require_GET
def alerts(request: HttpRequest) -> HttpResponse:
    """List the alerts with their state and when each last fired."""
    found = Alert.objects.select_related("dataset", "owner").annotate(fired=Max("firings__began"))
    rows = [
        {"alert": alert, "condition": condition(alert), "look": look(alert), "problem": problem(alert)}
        for alert in found
    ]
    firing = sum(row["alert"].active and row["alert"].state == Alert.State.FIRING for row in rows)
    context = {
        "rows": rows,
        "fact": _fact(len(rows), firing),
        "may_write": access.may_write_dashboards(request.user),
        "no_mail": not settings.EMAIL_HOST and any(row["alert"].mails for row in rows),
        "datasets": Dataset.objects.filter(version__gt=0).exists(),
    }
    return render(request, "alerts/list.html", context)


@require_GET
def alert(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one alert: its rule, whom it tells, when it fired, what arrived."""
    found = get_object_or_404(Alert.objects.select_related("dataset", "owner"), pk=pk)
    firings = found.firings.prefetch_related("deliveries")
    page = Paginator(firings, FIRINGS).get_page(request.GET.get("page"))
    context = {
        "alert": found,
        "condition": condition(found),
        "look": look(found),
        "problem": problem(found),
        "report": place(found, None),
        "page": page,
        "rows": [_row(found, firing) for firing in page.object_list],
        "tests": _told(found.deliveries.filter(firing=None).order_by("-pk")[:TESTS]),
        "may_write": access.may_write_dashboards(request.user),
        "no_mail": bool(found.mails and not settings.EMAIL_HOST),
        "webhook": found.webhook,
    }
    if not context["may_write"]:  # the rest of an address is often a secret
        context["webhook"] = urlsplit(found.webhook).hostname or ""
    if context["may_write"] and found.webhook:
        context["secret"] = _secret(found)
    return render(request, "alerts/alert.html", context)


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add an alert; the address fills in what a page already knows: ?d=, metric=, unit=, rule=, where=."""
    access.require_dashboards(request.user)
    known = Dataset.objects.filter(name=request.GET.get("d", ""), version__gt=0).first()
    given = ({"dataset": known.pk} if known else {}) | filled_in(request.GET)
    return _form(request, Alert(), AlertForm(request.POST or None, initial=given))


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change an alert."""
    access.require_dashboards(request.user)
    found = get_object_or_404(Alert.objects.select_related("dataset"), pk=pk)
    return _form(request, found, AlertForm(request.POST or None, initial=initial(found)))


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove an alert, after a question."""
    access.require_dashboards(request.user)
    found = get_object_or_404(Alert.objects.select_related("dataset"), pk=pk)
    if request.method == "GET":
        return render(request, "alerts/delete.html", {"alert": found, "firings": found.firings.count()})
    services.remove_alert(by_of(request), found)
    messages.success(request, _("The alert %s is removed.") % found.name)
    return redirect("alerts")


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a test sent."""
    found = get_object_or_404(Alert, pk=pk)
    try:
        sent = services.send_test(by_of(request), found)
    except Refused as error:
        messages.error(request, str(error))
    else:
        text = ngettext(
            "%s test is on its way; below stands whether it arrives.",
            "%s tests are on their way; below stands whether they arrive.",
            len(sent),
        )
        messages.success(request, text % len(sent))
    return redirect("alert", pk)


@require_POST
def active(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch an alert on or off."""
    found, on = get_object_or_404(Alert, pk=pk), request.POST.get("active") == "1"
    services.set_active(by_of(request), found, active=on)
    text = _("The alert %s is on.") if on else _("The alert %s is off.")
    messages.success(request, text % found.name)
    return redirect("alert", pk)


def look(alert: Alert) -> tuple[str, Any]:
    """Give the status word and the text of an alert's chip."""
    if not alert.active:
        return "inactive", _("Switched off")
    if alert.problem:
        return "held", _("Cannot be judged")
    names = {Alert.State.FIRING: "failed", Alert.State.OK: "ok", Alert.State.NEW: "queued"}
    return names[Alert.State(alert.state)], alert.get_state_display()


def _form(request: HttpRequest, found: Alert, form: AlertForm) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "alert": found if found.pk else None}
    if request.method == "POST" and form.is_valid():
        seen = form.cleaned_data.pop("seen")
        for name, value in form.cleaned_data.items():
            setattr(found, name, value)
        found.site = request.build_absolute_uri("/").rstrip("/")[:200]
        try:
            services.save_alert(by_of(request), found, seen)
        except Conflict as error:
            there = AlertForm(initial=initial(Alert.objects.get(pk=found.pk)))
            context |= {"why": str(error), "rows": differing(there, form), "seen": there["seen"].value()}
            return render(request, "alerts/form.html", context, status=409)
        except Refused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The alert %s is saved.") % found.name)
            return redirect("alert", found.pk)
    return render(request, "alerts/form.html", context)


def _row(alert: Alert, firing: Firing) -> dict[str, Any]:
    return {
        "firing": firing,
        "began": sentence(alert, firing.low, firing.facts),
        "over": sentence(alert, firing.end_low or 0, firing.end_facts) if firing.end_facts else said(firing.closed),
        "facts": firing.facts,
        "z": "" if firing.facts.get("z") is None else f"{firing.facts['z']:.1f}".replace("-", "−"),
        "why": capfirst(why(firing.facts.get("why", ""))),
        "moved": moved(firing.facts.get("moved", "")),
        "url": place(alert, firing),
        "deliveries": _told(firing.deliveries.all()),
    }


def _told(deliveries: Iterable[Delivery]) -> list[tuple[Delivery, str]]:
    """Give messages, each with why it did not arrive."""
    return [(one, undelivered(one)) for one in deliveries]


def _fact(count: int, firing: int) -> str:
    if not count:
        return _("An alert watches a metric of a dataset and tells by mail or webhook.")
    text = ngettext("%s alert.", "%s alerts.", count) % count
    fire = ngettext("%s is firing.", "%s are firing.", firing) % firing if firing else _("None is firing.")
    return sentences(text, fire)


def _secret(alert: Alert) -> str:
    try:
        return secret_of(alert)
    except ValueError:
        return ""
