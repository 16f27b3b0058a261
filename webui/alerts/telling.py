"""Send what alerts have to tell: each message by one worker, three times at most.

A message is claimed by one conditional update. A worker that dies with one in its hands leaves it claimed; after
CLAIM_SECONDS another sends it, which is why it may arrive twice, and is never lost.
"""

import logging
import smtplib
import threading
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F, Q
from django.utils import timezone

from analytics import answers, catalog, sealed
from analytics.connected import connected
from analytics.store.errors import StoreError
from analytics.store.lines import GoneError, Line
from sdk import ParamError
from sdk.report import NotSupported
from sdk.text import Text
from webui.alerts import webhooks
from webui.alerts.messages import Message, ask, message
from webui.alerts.models import Alert, Delivery
from webui.alerts.webhooks import UndeliveredError

log = logging.getLogger(__name__)
TRIES = 3
BACK_OFF = (30, 300)  # seconds after the first and the second attempt
CLAIM_SECONDS = 120  # longer than a message takes: the limits of mail, of a post and of a picture's question together
PICTURE_SECONDS = 30.0  # for a picture's question; the other messages wait meanwhile
BATCH = 100
SECRET = "alert webhook"  # noqa: S105  # what a sealed secret belongs to


def tell_due(stopped: threading.Event) -> None:
    """Send the messages that wait. A chore of the worker."""
    now = timezone.now()
    for pk in _waiting(now).values_list("pk", flat=True)[:BATCH]:
        if stopped.is_set():
            return
        deliver(pk)


def deliver(pk: int) -> bool:
    """Send one message, if it still waits and nobody else has it; say whether it arrived."""
    now = timezone.now()
    until = now + timedelta(seconds=CLAIM_SECONDS)
    if not _waiting(now).filter(pk=pk).update(claimed_until=until, tries=F("tries") + 1):
        return False
    delivery = Delivery.objects.select_related("alert__dataset", "firing").get(pk=pk)
    if delivery.tries > TRIES:  # whoever had it died of it, each time
        _failed(delivery, Text("the worker ended while it sent this"))
        return False
    try:
        SEND[delivery.channel](delivery, message(delivery))
    except UndeliveredError as error:
        _failed(delivery, Text.of(error.args[0]))
        return False
    Delivery.objects.filter(pk=pk).update(
        state=Delivery.State.SENT, sent=timezone.now(), error="", fault={}, claimed_until=None
    )
    return True


def _waiting(now: Any) -> Any:  # noqa: ANN401  # a datetime; a QuerySet
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)
    return Delivery.objects.filter(free, state=Delivery.State.WAITING, next_at__lte=now)


def _failed(delivery: Delivery, error: Text) -> None:
    log.warning("alert %s could not be told by %s: %s", delivery.alert_id, delivery.channel, error)
    again = delivery.tries < TRIES and delivery.kind != Delivery.Kind.TEST  # who tests waits for the answer
    wait = BACK_OFF[delivery.tries - 1] if again else 0
    Delivery.objects.filter(pk=delivery.pk).update(
        state=Delivery.State.WAITING if again else Delivery.State.FAILED,
        next_at=timezone.now() + timedelta(seconds=wait),
        claimed_until=None,
        error=error[:500],
        fault=error.as_dict(),
    )


def _mail(delivery: Delivery, said: Message) -> None:
    if not settings.EMAIL_HOST:
        raise UndeliveredError(Text("no mail server is set: EMAIL_URL"))
    subject = " ".join(f"[OMServer] {said.subject}".split())  # a header holds no line break
    mail = EmailMessage(subject, said.text, to=[delivery.target], headers={"X-OMServer-Delivery": str(delivery.key)})
    if drawn := _picture(delivery):
        mail.attach(f"{delivery.alert.dataset.name}.png", drawn, "image/png")
    try:
        mail.send()
    except (OSError, smtplib.SMTPException, ValueError) as error:
        why = webhooks.why_of(error)
        raise UndeliveredError(Text("{host}: {why}", host=settings.EMAIL_HOST, why=why)) from error


def _picture(delivery: Delivery) -> bytes | None:
    """Draw the curve around a firing; None where that cannot be done: the words go out without it."""
    if delivery.firing is None or delivery.firing.facts.get("silent"):
        return None
    from analytics.charts import picture  # matplotlib costs half a second and memory, and only a mail needs it

    alert, core = delivery.alert, delivery.alert.dataset.as_core()
    line = Line("alerts", connected)
    late = threading.Timer(PICTURE_SECONDS, line.end)
    late.daemon = True
    late.start()
    try:
        raw = ask(alert, delivery.firing).raw
        found = answers.answer(line, core, catalog.one("anomalies"), raw, now=timezone.now().timestamp())
        return picture(found.result, title=" ".join(alert.name.split()), form="png", zone=core.zone)
    except GoneError:
        log.warning("the picture of alert %s takes longer than %g s: the mail has none", alert.pk, PICTURE_SECONDS)
    except (StoreError, NotSupported, ParamError) as error:
        log.warning("the picture of alert %s cannot be drawn: %s", alert.pk, error)
    finally:
        late.cancel()
    return None


def _webhook(delivery: Delivery, said: Message) -> None:
    alert = delivery.alert
    content = {
        "alert": alert.name,
        "dataset": alert.dataset.name,
        "metric": alert.metric,
        "unit": alert.unit,
        "rule": alert.rule,
        "limit": alert.limit,
        "kind": delivery.kind,
        "subject": said.subject,
        "lines": list(said.lines),
        "url": said.url,
        **({"facts": said.facts} if said.facts else {}),
    }
    try:
        secret = secret_of(alert)
    except ValueError as error:
        raise UndeliveredError(*error.args) from error
    webhooks.post(
        delivery.target,
        webhooks.body_of(content),
        secret=secret,
        key=str(delivery.key),
        timestamp=int(timezone.now().timestamp()),
        private=settings.ALERT_PRIVATE_WEBHOOKS,
    )


def secret_of(alert: Alert) -> str:
    """Give what signs an alert's posts; ValueError when the installation's key has changed."""
    return sealed.unseal(alert.secret, settings.SECRET_KEY, SECRET)


SEND = {"mail": _mail, "webhook": _webhook}
