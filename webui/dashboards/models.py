"""Dashboards, notes and segments as they are stored.

They name their dataset and do not point at its row: a dataset that is removed and imported again has them all again.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

WIDTHS = (2, 3, 4, 6)  # sixths of the page
TITLE = 120  # characters
NOTE = 500


class Dashboard(models.Model):
    """Cards of reports on one page, and the range and filters they all have.

    dataset: its name. standard: stands for the overview that each dataset has by itself, and belongs to everybody who
    may write. preset: "" where the range is written out in start and end. version: grows with each save; who saves
    another than the one they saw is asked first.
    """

    slug = models.SlugField(max_length=100, unique=True)
    title = models.CharField(max_length=TITLE)
    dataset = models.CharField(max_length=50, db_index=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    shared = models.BooleanField(default=False)
    standard = models.BooleanField(default=False)
    preset = models.CharField(max_length=10, blank=True, default="14d")
    start = models.CharField(max_length=20, blank=True)
    end = models.CharField(max_length=20, blank=True)
    compare = models.CharField(max_length=10, default="previous")
    where = models.JSONField(default=list, blank=True)
    users = models.JSONField(default=list, blank=True)
    position = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("dataset", "-standard", "position", "title")

    def __str__(self) -> str:
        return self.title


class Card(models.Model):
    """One card. report: a report's name for kind "report". params: the report's own, each a text or a list of texts.

    where, users: filters and rules of its own, beside those of the dashboard. width: sixths of the page.
    """

    class Kind(models.TextChoices):
        """What it shows."""

        REPORT = "report", _("Report")
        STRIP = "strip", _("Main figures")
        MARKS = "marks", _("On this curve")
        EFFECTS = "effects", _("Before and after each task")

    dashboard = models.ForeignKey(Dashboard, on_delete=models.CASCADE, related_name="cards")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.REPORT)
    title = models.CharField(max_length=TITLE, blank=True)
    width = models.PositiveSmallIntegerField(default=3)
    report = models.CharField(max_length=60, blank=True)
    view = models.CharField(max_length=20, blank=True)
    params = models.JSONField(default=dict, blank=True)
    where = models.JSONField(default=list, blank=True)
    users = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ("position", "pk")

    def __str__(self) -> str:
        return self.title or self.report or self.kind


class Note(models.Model):
    """What a person wrote on a dataset's time axis. ts: Unix seconds."""

    dataset = models.CharField(max_length=50)
    ts = models.BigIntegerField()
    text = models.CharField(max_length=NOTE)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    author_name = models.CharField(max_length=150)
    version = models.PositiveIntegerField(default=1)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("ts", "pk")
        indexes = (models.Index(fields=("dataset", "ts"), name="note_dataset_ts"),)

    def __str__(self) -> str:
        return self.text


class Segment(models.Model):
    """Filters and rules under a name. where: of events; users: of who counts; both as reports take them."""

    dataset = models.CharField(max_length=50, db_index=True)
    name = models.CharField(max_length=60)
    where = models.JSONField(default=list, blank=True)
    users = models.JSONField(default=list, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    shared = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("dataset", "owner", "name"), name="segment_once_a_person"),)

    def __str__(self) -> str:
        return self.name


class SavedReport(models.Model):
    """A question that a person asks again, under a name of their own. query: as webui.reports.ask reads it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    report = models.CharField(max_length=60)
    dataset = models.CharField(max_length=50)
    query = models.TextField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("owner", "name"), name="saved_report_once_a_person"),)

    def __str__(self) -> str:
        return self.name
