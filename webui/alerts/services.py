"""Write alerts: one transaction and one audit entry for each act."""

import secrets
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics import sealed
from sdk.text import Text
from webui import access
from webui.alerts.judging import tell
from webui.alerts.models import Alert, Delivery, Firing
from webui.alerts.rules import condition
from webui.alerts.telling import SECRET
from webui.servers.services import By, Conflict, Refused

ALERTS = 500  # of one installation; each costs a question for each import


def save_alert(by: By, alert: Alert, seen: int | None = None) -> Alert:
    """Add or change an alert; it is judged anew from the latest complete bucket on. Refused where there are too many.

    What fired by the old rule ends, untold. seen: the revision that the person had before them; else Conflict.
    """
    access.require_dashboards(by.person)
    adding = alert.pk is None
    if adding and Alert.objects.count() >= ALERTS:
        raise Refused(_("There are %s alerts already; remove one that nobody needs.") % ALERTS)
    if alert.webhook and not alert.secret:
        alert.secret = sealed.seal(secrets.token_urlsafe(32), settings.SECRET_KEY, SECRET)
    with transaction.atomic():
        if adding:
            alert.owner = by.person
        else:
            there = Alert.objects.select_for_update().filter(pk=alert.pk).first()
            if there is None:
                raise Refused(_("%s was removed meanwhile.") % alert.name)
            if seen not in (None, there.revision):
                raise Conflict(_("Somebody else has changed this alert meanwhile."))
            _close(alert, Text("The alert was changed."))
            alert.revision, alert.active = there.revision + 1, there.active  # which is switched beside the form
        alert.state, alert.judged, alert.seen, alert.problem, alert.look_at = Alert.State.NEW, None, 0, "", None
        alert.save()
        by.log("alert.add" if adding else "alert.change", alert.name, **_told(alert))
    return alert


def remove_alert(by: By, alert: Alert) -> None:
    """Remove an alert with its history."""
    access.require_dashboards(by.person)
    with transaction.atomic():
        by.log("alert.remove", alert.name, **_told(alert))
        alert.delete()


def set_active(by: By, alert: Alert, *, active: bool) -> None:
    """Stop judging an alert, or begin again with the latest complete bucket."""
    access.require_dashboards(by.person)
    with transaction.atomic():
        locked = Alert.objects.select_for_update().get(pk=alert.pk)
        _close(locked, Text("The alert was switched off."))
        locked.active, locked.revision = active, locked.revision + 1
        locked.state, locked.judged, locked.seen, locked.problem = Alert.State.NEW, None, 0, ""
        locked.save()
        by.log("alert.activate" if active else "alert.deactivate", alert.name)


def send_test(by: By, alert: Alert) -> list[Delivery]:
    """Have the worker send a test to each of the alert's places; Refused where it has none."""
    access.require_dashboards(by.person)
    if not (alert.mails or alert.webhook):
        raise Refused(_("This alert has no mail address and no webhook; add one."))
    with transaction.atomic():
        by.log("alert.test", alert.name, mails=len(alert.mails), webhook=bool(alert.webhook))
        return tell(alert, None, Delivery.Kind.TEST, timezone.now())


def _close(alert: Alert, why: Text) -> None:
    Firing.objects.filter(alert=alert, ended=None).update(ended=timezone.now(), closed=why)


def _told(alert: Alert) -> dict[str, object]:
    """Give what the audit log keeps. Of a webhook only its host: the rest of an address is often a secret."""
    return {
        "dataset": alert.dataset.name,
        "rule": condition(alert),
        "mails": list(alert.mails),
        "webhook": urlsplit(alert.webhook).hostname or "",
    }
