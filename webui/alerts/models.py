"""Alerts, when they fired, and what was told of it, as they are stored."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.models import Dataset

NAME = 120  # characters


class Alert(models.Model):
    """A rule over one metric of a dataset, judged once for each complete hour or day.

    metric: as the report anomalies names it. limit: the number of the rule, percent for drop, rise and for shares,
    hours for silent, which has neither metric nor buckets; None for an anomaly. where: filters, as reports take them.
    mails, webhook: where it is told. secret: what signs the webhook's posts, sealed.
    judged: until which second (Unix) buckets have been judged, None before the first; seen: the dataset's version that
    was looked at; look_at: not before then, after the store failed. problem: why it cannot be judged, "" where it can;
    faults: the same sentences with what they were made of (sdk.text), for readers of another language.
    revision: grows with each change by a person; who judged an older one writes nothing.
    """

    class Metric(models.TextChoices):
        """What is judged."""

        PV = "pv", _("PV")
        UV = "uv", _("UV")
        ACTIVE = "active users", _("Active users")
        BUYERS = "buyers", _("Buyers")
        PURCHASES = "purchases", _("Purchases")
        EVENTS = "events", _("Events")
        DEPTH = "pv per user", _("PV per user")
        CONVERSION = "user conversion", _("Buyers / UV")
        EVENT_CONVERSION = "event conversion", _("Buys / PV")

    class Unit(models.TextChoices):
        """The buckets."""

        HOUR = "hour", _("Hour")
        DAY = "day", _("Day")

    class Rule(models.TextChoices):
        """When it fires."""

        BELOW = "below", _("Below a number")
        ABOVE = "above", _("Above a number")
        DROP = "drop", _("Below usual by percent")
        RISE = "rise", _("Above usual by percent")
        ANOMALY = "anomaly", _("Out of the ordinary")
        SILENT = "silent", _("No new data for hours")

    class State(models.TextChoices):
        """How its last judged bucket stands."""

        NEW = "new", _("Not judged yet")
        OK = "ok", _("Quiet")
        FIRING = "firing", _("Firing")

    name = models.CharField(max_length=NAME)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="alerts")
    metric = models.CharField(max_length=20, choices=Metric.choices, default=Metric.PV)
    unit = models.CharField(max_length=4, choices=Unit.choices, default=Unit.HOUR)
    rule = models.CharField(max_length=10, choices=Rule.choices, default=Rule.ANOMALY)
    limit = models.FloatField(null=True, blank=True)
    where = models.JSONField(default=list, blank=True)
    mails = models.JSONField(default=list, blank=True)
    webhook = models.CharField(max_length=500, blank=True)
    secret = models.TextField(blank=True)
    site = models.CharField(max_length=200, blank=True)  # how its writer reached the pages; for links
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    active = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.NEW)
    judged = models.BigIntegerField(null=True, blank=True)
    seen = models.PositiveIntegerField(default=0)
    look_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    faults = models.JSONField(default=list, blank=True)
    revision = models.PositiveIntegerField(default=1)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name


class Firing(models.Model):
    """One time that an alert fired, from the bucket that began it to the one that ended it.

    bucket, end_bucket: as the report names them; low, end_low: their first second. facts, end_facts: the numbers of
    them, as webui.alerts.judging writes them. closed: why it ended without a bucket, in English: the alert was
    changed.
    """

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="firings")
    bucket = models.CharField(max_length=20)
    low = models.BigIntegerField()
    facts = models.JSONField(default=dict)
    began = models.DateTimeField()
    end_bucket = models.CharField(max_length=20, blank=True)
    end_low = models.BigIntegerField(null=True, blank=True)
    end_facts = models.JSONField(default=dict, blank=True)
    ended = models.DateTimeField(null=True, blank=True)
    closed = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.alert_id} {self.bucket}"


class Delivery(models.Model):
    """One message to one place: written with the judgement, sent afterwards, so that a crash loses none.

    key: the same on each attempt, so that who hears a message twice can tell. firing: None for a test. error: why the
    last attempt failed; fault: the same with what it was made of (sdk.text), for readers of another language.
    """

    class Kind(models.TextChoices):
        """What it tells."""

        BEGIN = "begin", _("Begins")
        END = "end", _("Ends")
        TEST = "test", _("Test")

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    firing = models.ForeignKey(Firing, null=True, on_delete=models.CASCADE, related_name="deliveries")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    channel = models.CharField(max_length=7, choices=(("mail", _("Mail")), ("webhook", _("Webhook"))))
    target = models.CharField(max_length=500)
    key = models.UUIDField(unique=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    fault = models.JSONField(default=dict, blank=True)
    sent = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        indexes = (models.Index(fields=("state", "next_at"), name="delivery_due"),)

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel}"
