"""Alerts by the API: which there are, when they fired, silenced and on again."""

from typing import Any
from urllib.parse import urlsplit

from django.db.models import Max
from django.http import Http404, HttpRequest, JsonResponse

from webui import access
from webui.alerts import services
from webui.alerts.messages import sentence
from webui.alerts.models import Alert, Firing
from webui.alerts.rules import condition
from webui.api.door import api, body, paged, typed
from webui.reports.said import said
from webui.servers.services import By


@api("GET")
def alerts(request: HttpRequest) -> JsonResponse:
    """List the alerts."""
    found = Alert.objects.select_related("dataset", "owner").annotate(fired=Max("firings__began"))
    found = found.order_by("name", "pk")  # which the annotation makes it forget
    rows, page = paged(request, found)
    return JsonResponse({"alerts": [_alert_json(alert, request.user) for alert in rows], **page})


@api("GET", "POST")
def alert(request: HttpRequest, pk: int) -> JsonResponse:
    """Give an alert with the times it fired, the newest first; or switch it off, or on again, by {"active": ...}."""
    found = Alert.objects.select_related("dataset", "owner").annotate(fired=Max("firings__began")).filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no alert {pk}.")
    if request.method == "POST":
        plain = body(request)
        typed(plain, {"active": (bool,)}, "an alert", needed=1)
        services.set_active(By(request.user, "api"), found, active=plain["active"])
        found.refresh_from_db()
    firings, page = paged(request, found.firings.all())
    told = {"firings": [_firing_json(found, firing) for firing in firings], **page}
    return JsonResponse(_alert_json(found, request.user) | told)


def _alert_json(alert: Alert, person: Any) -> dict[str, Any]:  # noqa: ANN401  # AUTH_USER_MODEL
    """Describe an alert; who may not write it sees of its webhook no more than the host, as on the page."""
    host = urlsplit(alert.webhook).hostname or ""
    return {
        "id": alert.pk,
        "name": alert.name,
        "dataset": alert.dataset.name,
        "active": alert.active,
        "state": alert.state,
        "problem": alert.problem,
        "condition": condition(alert),
        "metric": alert.metric,
        "unit": alert.unit,
        "rule": alert.rule,
        "limit": alert.limit,
        "where": alert.where,
        "mails": alert.mails,
        "webhook": alert.webhook if access.may_write_dashboards(person) else host,
        "owner": str(alert.owner or ""),
        "fired_at": int(alert.fired.timestamp()) if alert.fired else None,
    }


def _firing_json(alert: Alert, firing: Firing) -> dict[str, Any]:
    return {
        "bucket": firing.bucket,
        "began_at": int(firing.began.timestamp()),
        "ended_at": int(firing.ended.timestamp()) if firing.ended else None,
        "said": sentence(alert, firing.low, firing.facts),
        "value": firing.facts.get("value"),
        "expected": firing.facts.get("expected"),
        "closed": said(firing.closed),
    }
