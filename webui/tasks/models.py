"""Tasks, waves, jobs and results as they are stored.

A task has one HostResult for each selected host, whatever happens; its status is the only record of how the host
stands. A job is the part of a wave that one master runs.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from webui.servers.models import Idc, Master, Server


class HostStatus(models.TextChoices):
    """sdk.Status with the words for people; the order is the one in which states are always shown."""

    OK = "ok", _("OK")
    CHANGED = "changed", _("Changed")
    FAILED = "failed", _("Failed")
    UNREACHABLE = "unreachable", _("Unreachable")
    TIMEOUT = "timeout", _("Timed out")
    LOST = "lost", _("Lost")
    SKIPPED = "skipped", _("Skipped")
    CANCELLED = "cancelled", _("Cancelled")
    RUNNING = "running", _("Running")
    QUEUED = "queued", _("Queued")


class Task(models.Model):
    """What a person asked for.

    params: the non-secret values as given; secret_names: the fields that were sealed (TaskSecret). timeout: seconds
    for one host. waves: as written, for example "1,10%,rest"; max_fail: percent of a wave, None for no limit.
    """

    class State(models.TextChoices):
        """Where the whole task stands."""

        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        HELD = "held", _("On hold")
        CANCELLING = "cancelling", _("Cancelling")
        ENDED = "ended", _("Ended")

    class Only(models.TextChoices):
        """Which hosts of the old task a retry took."""

        ALL = "all", _("All")
        FAILED = "failed", _("Failed")
        LOST = "lost", _("Lost")

    module = models.CharField(max_length=120, db_index=True)
    title = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    risk = models.CharField(max_length=10)
    idempotent = models.BooleanField(default=False)
    params = models.JSONField(default=dict)
    secret_names = models.JSONField(default=list)
    selector = models.TextField()
    check_only = models.BooleanField(default=False)
    timeout = models.FloatField()
    waves_text = models.CharField(max_length=120, default="rest")
    max_fail = models.PositiveIntegerField(null=True, blank=True)
    hosts = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, db_index=True)
    cancel_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retries")
    retry_only = models.CharField(max_length=10, blank=True, choices=Only.choices)
    version = models.PositiveBigIntegerField(default=0)  # grows with each stored change; pages ask "newer than?"
    totals = models.JSONField(default=dict, blank=True)  # hosts by status, written when it ends
    attention = models.BooleanField(default=True)  # a dispatcher has to look at it now
    hold_asked = models.BooleanField(default=False)  # a person wants it held after the wave that runs
    stop_asked = models.BooleanField(default=False)  # a person wants no further wave
    note = models.CharField(max_length=500, blank=True, default="")  # what went wrong beside the servers' own results

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("state", "id"), name="task_state"),
            models.Index(fields=("attention", "id"), name="task_attention"),
            models.Index(fields=("started_at",), name="task_started"),
        )

    def __str__(self) -> str:
        return f"#{self.pk} {self.title}"


class TaskSecret(models.Model):
    """A task's secret parameters, sealed to one master's key; nobody but that master can read them."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="secrets")
    master = models.ForeignKey(Master, on_delete=models.CASCADE, related_name="+")
    sealed = models.TextField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("task", "master"), name="secret_once_a_master"),)

    def __str__(self) -> str:
        return f"sealed for {self.master_id}"


class Wave(models.Model):
    """A part of a task that is released as one. number: 1, 2, 3 .."""

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", _("Waiting")
        RELEASED = "released", _("Running")
        HELD = "held", _("On hold")
        ENDED = "ended", _("Done")
        STOPPED = "stopped", _("Stopped")

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="waves")
    number = models.PositiveIntegerField()
    hosts = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    released_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("task", "number"), name="wave_once_a_task"),)

    def __str__(self) -> str:
        return f"wave {self.number} of {self.task_id}"


class Job(models.Model):
    """A wave's hosts on one master. seq: the last of the master's events that is stored."""

    class State(models.TextChoices):
        """Where it stands, as far as the web tier knows."""

        NEW = "new", _("To be sent")
        QUEUED = "queued", _("In the master's queue")
        RUNNING = "running", _("Running")
        CANCELLING = "cancelling", _("Cancelling")
        ENDED = "ended", _("Ended")
        MOVED = "moved", _("Moved to another master")

    id = models.UUIDField(primary_key=True)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="jobs")
    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="jobs")
    idc = models.ForeignKey(Idc, on_delete=models.PROTECT, related_name="+")
    master = models.ForeignKey(Master, on_delete=models.PROTECT, related_name="jobs")
    state = models.CharField(max_length=10, choices=State.choices, default=State.NEW)
    seq = models.PositiveBigIntegerField(default=0)
    position = models.PositiveIntegerField(default=0)
    behind = models.CharField(max_length=40, blank=True)
    # which dispatcher sends and polls it, and until when without a renewal
    claimed_by = models.CharField(max_length=80, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)  # first time it may have reached the master
    ended_at = models.DateTimeField(null=True, blank=True)
    cancel_sent_at = models.DateTimeField(null=True, blank=True)
    forgotten = models.BooleanField(default=False)  # the master was told that all its events are stored
    reason = models.CharField(max_length=500, blank=True)  # why it waits or was refused

    class Meta:
        ordering = ("created_at",)
        indexes = (
            models.Index(fields=("master", "state"), name="job_master_state"),
            models.Index(fields=("state", "claimed_until"), name="job_state_claim"),
            models.Index(fields=("forgotten", "state"), name="job_forgotten"),
        )

    def __str__(self) -> str:
        return str(self.id)


class Output(models.Model):
    """A text that servers said, stored once. digest: SHA-256 hex of the text. size: bytes before truncation."""

    digest = models.CharField(max_length=64, primary_key=True)
    text = models.TextField()
    size = models.PositiveBigIntegerField()
    truncated = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.digest[:8]


class HostResult(models.Model):
    """How one host stands in one task. host, idc_name: kept when the server's row is gone."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="results")
    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="results")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="results")
    server = models.ForeignKey(Server, null=True, blank=True, on_delete=models.SET_NULL, related_name="results")
    host = models.CharField(max_length=120)
    idc_name = models.CharField(max_length=64)
    status = models.CharField(max_length=12, choices=HostStatus.choices, default=HostStatus.QUEUED)
    rc = models.IntegerField(null=True, blank=True)
    output = models.ForeignKey(Output, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    summary = models.CharField(max_length=200, blank=True)  # the line that stands for the output in lists
    reason = models.CharField(max_length=500, blank=True)
    engine = models.CharField(max_length=10, blank=True)
    master_name = models.CharField(max_length=64, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("host",)
        constraints = (models.UniqueConstraint(fields=("task", "host"), name="host_once_a_task"),)
        indexes = (
            models.Index(fields=("task", "status"), name="result_task_status"),
            models.Index(fields=("job", "status"), name="result_job_status"),
            models.Index(fields=("server", "-ended_at"), name="result_server_ended"),
        )

    def __str__(self) -> str:
        return f"{self.host}: {self.status}"

    @property
    def taken_over(self) -> bool:
        """Say whether another engine ran it than its first; fallbacks.TAKEN_OVER asks the same of the database."""
        return bool(self.engine) and f"Run by {self.engine}: " in self.reason


class LogPiece(models.Model):
    """A piece of live output as the master stored it; seq is the master's event number within the job."""

    result = models.ForeignKey(HostResult, on_delete=models.CASCADE, related_name="pieces")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="pieces")
    seq = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    stream = models.CharField(max_length=10)
    text = models.TextField()

    class Meta:
        ordering = ("seq",)
        constraints = (models.UniqueConstraint(fields=("job", "seq"), name="piece_once_a_job"),)
        indexes = (models.Index(fields=("result", "seq"), name="piece_result_seq"),)

    def __str__(self) -> str:
        return f"{self.result_id}/{self.seq}"
