"""Alerts that fire when a dataset has had no new data for hours: judged by the clock, whether or not anything comes."""

import threading
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from webui.alerts.judging import tell
from webui.alerts.models import Alert, Delivery, Firing

NOTHING: dict[str, Any] = {  # what a firing of a bucket has, and one of a silence has not
    "expected": None, "z": None, "change": None, "points": 0, "flagged": 0, "sure": 0, "why": "", "moved": "",
    "tasks": [],
}  # fmt: skip


def judge_silent(stopped: threading.Event) -> None:
    """Judge the alerts on silence. A chore of the worker; one conditional update lets one of many workers tell."""
    now = timezone.now()
    rows = Alert.objects.filter(active=True, rule=Alert.Rule.SILENT, dataset__version__gt=0)
    for alert in rows.select_related("dataset"):
        if stopped.is_set():
            return
        settle(alert, now)


def settle(alert: Alert, now: datetime) -> bool:
    """Write what the clock changes, and what is to be told; False where nothing changes, or another was first."""
    hours = (now.timestamp() - alert.dataset.last_ts) / 3600
    state = Alert.State.FIRING if hours > (alert.limit or 0) else Alert.State.OK
    if state == alert.state:
        return False
    with transaction.atomic():
        same = Alert.objects.filter(pk=alert.pk, revision=alert.revision, state=alert.state, active=True)
        if not same.update(state=state, judged=alert.dataset.last_ts, seen=alert.dataset.version, problem=""):
            return False
        facts = NOTHING | {"silent": True, "value": round(hours, 2), "high": alert.dataset.last_ts}
        if state == Alert.State.FIRING:
            _begin(alert, facts, now)
        else:
            _end(alert, facts, now)
    return True


def _begin(alert: Alert, facts: dict[str, Any], now: datetime) -> None:
    last = alert.dataset.last_ts
    firing = Firing.objects.create(alert=alert, bucket=_named(alert), low=last, facts=facts, began=now)
    tell(alert, firing, Delivery.Kind.BEGIN, now)


def _end(alert: Alert, facts: dict[str, Any], now: datetime) -> None:
    firing = alert.firings.filter(ended=None).first()
    if firing is None:  # it was new, and there are data
        return
    firing.end_bucket, firing.end_low, firing.end_facts = _named(alert), alert.dataset.last_ts, facts
    firing.ended = now
    firing.save()
    tell(alert, firing, Delivery.Kind.END, now)


def _named(alert: Alert) -> str:
    return f"{alert.dataset.as_core().local(alert.dataset.last_ts):%Y-%m-%dT%H:%M}"
