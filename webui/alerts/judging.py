"""Judge alerts: each complete bucket once, in order; a change is written together with what is to be told of it."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from analytics import answers, catalog
from analytics.connected import connected
from analytics.dataset import DAY, Dataset
from analytics.recurring import seconds_of
from analytics.store.client import Store
from analytics.store.errors import StoreError
from sdk import ParamError
from sdk.report import NotSupported
from sdk.text import Text
from webui.alerts.models import Alert, Delivery, Firing
from webui.alerts.rules import fires
from webui.curves import marks

log = logging.getLogger(__name__)
AGAIN_SECONDS = 60  # after the store failed
AT_ONCE = 200  # buckets; of a longer backlog the latest are judged
KEPT = ("value", "expected", "z", "change", "points", "flagged", "sure", "why", "moved", "numerator", "denominator")
FIRST_DAYS, MOST_DAYS = 3, 90  # before the data's end, that a new alert and one after a long pause look at


@dataclass(frozen=True, slots=True)
class Bucket:
    """A judged row: its name, its seconds, its numbers."""

    name: str
    low: int
    high: int
    row: Mapping[str, Any]


def judge_due(stopped: threading.Event) -> None:
    """Judge the alerts whose dataset has a version that they have not seen. A chore of the worker."""
    now = timezone.now()
    due = Alert.objects.filter(active=True, dataset__version__gt=0).exclude(seen=F("dataset__version"))
    due = due.exclude(rule=Alert.Rule.SILENT)  # its time comes without a version: webui.alerts.silence
    due = due.filter(Q(look_at__isnull=True) | Q(look_at__lte=now)).select_related("dataset").order_by("pk")
    store: Store | None = None
    for alert in due:
        if stopped.is_set():
            return
        try:
            store = store or connected()
            judge(store, alert, now)
        except StoreError as error:
            log.warning("alert %s cannot be judged: %s", alert.pk, error)
            again = now + timedelta(seconds=AGAIN_SECONDS)
            _of_same(alert).update(look_at=again, **_troubles(error.args[:1]))


def judge(store: Store, alert: Alert, now: datetime) -> bool:
    """Judge an alert's new buckets; False where another worker has done so meanwhile. StoreError: nothing changed."""
    core = alert.dataset.as_core()
    try:
        found = new_buckets(store, alert, core, now.timestamp())
        buckets, problem = [explained(store, alert, core, one, now.timestamp()) for one in found], ()
    except NotSupported:  # no bucket of the range is complete
        buckets, problem = [], ()
    except ParamError as error:
        buckets, problem = [], tuple(error.faults.values())
    return settle(alert, buckets, problem, seen=core.version, now=now)


def new_buckets(store: Store, alert: Alert, core: Dataset, now: float) -> list[Bucket]:
    """Give the complete buckets that have not been judged, in order; of a new alert the latest one."""
    begin = core.end - FIRST_DAYS * DAY if alert.judged is None else max(alert.judged, core.end - MOST_DAYS * DAY)
    if begin >= core.end:
        return []
    raw = asked(alert) | {"start": max(core.day_of(begin), core.first_day).isoformat()}
    latest = 1 if alert.judged is None else AT_ONCE
    report = catalog.one("anomalies")
    answer = answers.answer(store, core, report, raw | {"latest": latest}, now=now, client="alerts")
    found = []
    for row in answer.result.named():
        low, high = seconds_of(core, alert.unit, row)
        if alert.judged is None or low >= alert.judged:
            found.append(Bucket(str(row[alert.unit]), low, high, row))
    return found


def explained(store: Store, alert: Alert, core: Dataset, bucket: Bucket, now: float) -> Bucket:
    """Give a bucket that fires with where it came from, which the report says by itself only of what it flags."""
    if not fires(alert, bucket.row) or bucket.row["why"]:
        return bucket
    start, end = (core.local(ts).strftime("%Y-%m-%dT%H:%M") for ts in (bucket.low, bucket.high))
    raw = asked(alert) | {"start": start, "end": end, "latest": 1, "explain": "all"}
    answer = answers.answer(store, core, catalog.one("anomalies"), raw, now=now, client="alerts")
    (row,) = answer.result.named()
    return replace(bucket, row=row)


def asked(alert: Alert) -> dict[str, Any]:
    """Give the parameters of the report anomalies that an alert stands for."""
    return {"metric": alert.metric, "by": alert.unit, "where": list(alert.where)}


def settle(alert: Alert, buckets: list[Bucket], problem: Sequence[str], *, seen: int, now: datetime) -> bool:
    """Write what the buckets change, and what is to be told, in one transaction; False where another was first."""
    judged = buckets[-1].high if buckets else alert.judged
    with transaction.atomic():
        same = _of_same(alert).filter(judged=alert.judged) if alert.judged else _of_same(alert).filter(judged=None)
        if not same.update(judged=judged, seen=seen, look_at=None, **_troubles(problem)):
            return False
        state = alert.state
        for bucket in buckets:
            firing = fires(alert, bucket.row)
            if firing is None:
                continue
            if firing and state != Alert.State.FIRING:
                _begin(alert, bucket, now)
            elif not firing and state == Alert.State.FIRING:
                _end(alert, bucket, now)
            state = Alert.State.FIRING if firing else Alert.State.OK
        Alert.objects.filter(pk=alert.pk).update(state=state)
    return True


def _troubles(sentences: Sequence[object]) -> dict[str, Any]:
    """Give the fields that say why an alert cannot be judged: in English, and with what the sentences were made of."""
    faults = [one.as_dict() if isinstance(one, Text) else str(one) for one in sentences]
    return {"problem": "; ".join(map(str, sentences)), "faults": faults}


def _of_same(alert: Alert) -> Any:  # noqa: ANN401  # a QuerySet
    """Give the alert's row as long as no person has changed it, and no worker has gone on."""
    return Alert.objects.filter(pk=alert.pk, revision=alert.revision, seen=alert.seen, active=True)


def _begin(alert: Alert, bucket: Bucket, now: datetime) -> None:
    firing = Firing.objects.create(
        alert=alert, bucket=bucket.name, low=bucket.low, facts=facts(alert, bucket), began=now
    )
    tell(alert, firing, Delivery.Kind.BEGIN, now)


def _end(alert: Alert, bucket: Bucket, now: datetime) -> None:
    firing = alert.firings.filter(ended=None).first()
    if firing is None:
        return
    firing.end_bucket, firing.end_low, firing.ended = bucket.name, bucket.low, now
    firing.end_facts = facts(alert, bucket)
    firing.save()
    tell(alert, firing, Delivery.Kind.END, now)


def facts(alert: Alert, bucket: Bucket) -> dict[str, Any]:
    """Give what is kept of a bucket: its numbers, and the tasks that began within one bucket of it."""
    length = bucket.high - bucket.low
    near = marks.on(alert.dataset, bucket.low - length, bucket.high + length)
    tasks = [
        {"text": mark.text, "detail": mark.detail, "url": mark.url, "at": mark.ts}
        for mark in near
        if mark.kind == "task"
    ]
    return {name: bucket.row[name] for name in KEPT if name in bucket.row} | {"high": bucket.high, "tasks": tasks}


def tell(alert: Alert, firing: Firing | None, kind: Delivery.Kind, now: datetime) -> list[Delivery]:
    """Write a message for each of the alert's places; webui.alerts.telling sends them."""
    places = [("mail", mail) for mail in alert.mails] + [("webhook", alert.webhook)] * bool(alert.webhook)
    return [
        Delivery.objects.create(
            alert=alert, firing=firing, kind=kind, channel=channel, target=target, key=uuid4(), next_at=now
        )
        for channel, target in places
    ]
