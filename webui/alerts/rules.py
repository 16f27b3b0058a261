"""When an alert fires, and how its numbers and troubles read."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from sdk.text import Text
from webui.alerts.models import Alert, Delivery
from webui.language import sentences
from webui.reports.said import fault, said, whole

SHARES = (Alert.Metric.CONVERSION, Alert.Metric.EVENT_CONVERSION)
NUMBERED = (Alert.Rule.BELOW, Alert.Rule.ABOVE)


def fires(alert: Alert, row: Mapping[str, Any]) -> bool | None:
    """Judge a row of the report anomalies; None where it has no number to judge by, which changes nothing."""
    value, change, limit = row["value"], row["change"], alert.limit or 0.0
    if value is None:
        return None
    if alert.rule in NUMBERED:
        line = limit / 100 if alert.metric in SHARES else limit
        return bool(value < line if alert.rule == Alert.Rule.BELOW else value > line)
    if not row["points"]:
        return None
    if alert.rule == Alert.Rule.ANOMALY:
        return bool(row["flagged"])
    if change is None:  # usually there is nothing at all
        return alert.rule == Alert.Rule.RISE and value > 0
    return bool(change <= -limit / 100 if alert.rule == Alert.Rule.DROP else change >= limit / 100)


def number(alert: Alert, value: float | None) -> str:
    """Write a value of the alert's metric."""
    if value is None:
        return _("no data")
    if alert.metric in SHARES:
        return f"{value:.2%}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def condition(alert: Alert) -> str:
    """Say when the alert fires."""
    what = _("%s of an hour") if alert.unit == Alert.Unit.HOUR else _("%s of a day")
    texts = {
        Alert.Rule.BELOW: _("%(what)s is below %(limit)s"),
        Alert.Rule.ABOVE: _("%(what)s is above %(limit)s"),
        Alert.Rule.DROP: _("%(what)s is at least %(limit)s below the usual one"),
        Alert.Rule.RISE: _("%(what)s is at least %(limit)s above the usual one"),
        Alert.Rule.ANOMALY: _("%(what)s is out of the ordinary"),
        Alert.Rule.SILENT: _("no new data for %(limit)s hours"),
    }
    return texts[Alert.Rule(alert.rule)] % {"what": what % alert.get_metric_display(), "limit": number_of(alert)}


def problem(alert: Alert) -> str:
    """Say why it cannot be judged, in the reader's language; "" where it can."""
    if not alert.problem or not alert.faults:  # of older alerts there is the English only
        return alert.problem
    kept = (Text.from_dict(one) if isinstance(one, dict) else one for one in alert.faults)
    return sentences(*(whole(fault(one)) for one in kept))


def undelivered(delivery: Delivery) -> str:
    """Say why a message did not arrive, in the reader's language; "" where it has, or was not tried yet."""
    return said(Text.from_dict(delivery.fault)) if delivery.fault else delivery.error  # older ones: as it was said


def number_of(alert: Alert) -> str:
    """Write the rule's own number."""
    if alert.limit is None:
        return ""
    text = f"{alert.limit:,.4f}".rstrip("0").rstrip(".")
    if alert.rule == Alert.Rule.SILENT:
        return text
    return f"{text}%" if alert.rule not in NUMBERED or alert.metric in SHARES else text
