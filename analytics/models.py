"""Datasets and their imports as they are stored; the rows themselves lie in the analytics store."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics import dataset as core


def _stamp() -> str:
    return uuid.uuid4().hex


class Dataset(models.Model):
    """A behaviour table that was connected.

    `version` names the tables that serve; 0 before the first import. read_ts: when the newest import began. mapping:
    field -> column of the source, and dimensions. valid_from, valid_to: Unix seconds, half-open. source: where it came
    from, for a sync; a password only in `secret`, sealed. stamp: tells it from one of the same name that was removed.
    claim: "host pid start" of the program that imports into it now; one at a time.
    sync_minutes: how often a sync is due by itself, 0 never; sync_next: when. people_*: the users table, with the
    moment each was registered; version 0 where there is none; people_mapping: fields, source and counts of its import.
    concern: which tasks of the operations half concern it, for webui.curves.concern.
    """

    name = models.CharField(max_length=50, unique=True)
    title = models.CharField(max_length=200, blank=True)
    zone = models.CharField(max_length=64, default="UTC")
    valid_from = models.BigIntegerField(null=True, blank=True)
    valid_to = models.BigIntegerField(null=True, blank=True)
    mapping = models.JSONField(default=dict)
    layout = models.JSONField(default=dict)
    roles = models.JSONField(default=dict)
    roles_given = models.BooleanField(default=False)
    activity = models.JSONField(default=list, blank=True)
    version = models.PositiveIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    users = models.PositiveBigIntegerField(default=0)
    first_ts = models.BigIntegerField(default=0)
    last_ts = models.BigIntegerField(default=0)
    read_ts = models.BigIntegerField(default=0)
    behaviours = models.JSONField(default=dict)
    duplicates = models.PositiveBigIntegerField(default=0)
    quarantined = models.PositiveBigIntegerField(default=0)
    generated = models.BooleanField(default=False)
    stamp = models.CharField(max_length=32, default=_stamp, editable=False)
    claim = models.CharField(max_length=200, blank=True)
    source = models.JSONField(default=dict)
    secret = models.TextField(blank=True)
    sync_minutes = models.PositiveIntegerField(default=0)
    sync_next = models.DateTimeField(null=True, blank=True)
    people_mapping = models.JSONField(default=dict, blank=True)
    people_version = models.PositiveIntegerField(default=0)
    people = models.PositiveBigIntegerField(default=0)
    concern = models.JSONField(default=dict, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def as_core(self) -> core.Dataset:
        """Give it as the core sees it."""
        fields = self.mapping.get("fields", {})
        registered = ["registered_channel"] if "channel" in self.people_mapping.get("fields", {}) else []
        return core.Dataset(
            name=self.name,
            zone=self.zone,
            version=self.version,
            stamp=self.stamp,
            layout=core.Layout.from_dict(self.layout) if self.layout else core.Layout(),
            roles=self.roles,
            roles_given=self.roles_given,
            activity=tuple(self.activity),
            mapped=frozenset({*fields, *self.mapping.get("dimensions", {}), *registered} - {"user", "behaviour", "ts"}),
            valid=(self.valid_from, self.valid_to),
            first_ts=self.first_ts,
            last_ts=self.last_ts,
            read_ts=self.read_ts,
            rows=self.rows,
            users=self.users,
            behaviours=self.behaviours,
            people_version=self.people_version,
            people=self.people,
        )


class ImportRun(models.Model):
    """One import: how far it is, and what it gave. identity: what tells its source from others, without any password.

    identity also says of a sync that it is one.
    request: what a page asked for, for the program that runs it; its password only in `secret`, sealed. asked_by: who.
    error: why it failed; fault: the same as a sdk.text.Text. attempts: how often a worker began with it and has not
    said how that ended. position: where it goes on when it is taken up again. began: when work on it did, moved on by
    the time in which nobody worked on it.
    """

    class State(models.TextChoices):
        """Where it stands."""

        QUEUED = "queued", _("Waiting to begin")
        RUNNING = "running", _("Running")
        STOPPED = "stopped", _("Stopped, can go on")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        DONE = "done", _("Done")

    MOST_ATTEMPTS = 3  # workers that may die over one import, one after the other

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    identity = models.JSONField(default=dict)
    mapping = models.JSONField(default=dict)
    position = models.JSONField(default=dict)
    cancel = models.BooleanField(default=False)
    step = models.CharField(max_length=10, blank=True)
    done = models.FloatField(default=0)
    rows_read = models.PositiveBigIntegerField(default=0)
    added = models.BigIntegerField(default=0)
    duplicates = models.PositiveBigIntegerField(default=0)
    quarantined = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    fault = models.JSONField(default=dict, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    request = models.JSONField(default=dict, blank=True)
    secret = models.TextField(blank=True)
    asked_by = models.CharField(max_length=150, blank=True)
    started = models.DateTimeField(auto_now_add=True)
    began = models.DateTimeField(null=True, blank=True)
    seen = models.DateTimeField(auto_now=True)
    ended = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.dataset_id}/{self.pk}"

    @property
    def open(self) -> bool:
        """Say whether it is still to be done: it waits, it runs, or it goes on by itself."""
        stopped = self.state == self.State.STOPPED and bool(self.request)
        return stopped or self.state in (self.State.QUEUED, self.State.RUNNING)

    @property
    def is_sync(self) -> bool:
        """Say whether it reads what is new in the dataset's own table, however it was begun."""
        return bool(self.identity.get("sync") or self.request.get("source", {}).get("sync"))

    @property
    def seconds(self) -> float:
        """Give how long was worked on it."""
        return max(0.0, ((self.ended or self.seen) - self.began).total_seconds()) if self.began else 0.0

    @property
    def speed(self) -> float | None:
        """Give rows a second while they are read, None where nothing is known yet."""
        known = self.step == "read" and self.seconds > 0.5
        return self.rows_read / self.seconds if known else None

    @property
    def left(self) -> float | None:
        """Give the seconds left of reading, None where nothing is known yet."""
        return self.seconds * (1 - self.done) / self.done if self.speed and self.done > 0.01 else None
