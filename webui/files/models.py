"""Files as they are stored: each content once, by its digest; who brought it and which server gave it beside it."""

from django.conf import settings
from django.db import models

from sdk import File


class Content(models.Model):
    """A content in the storage `files`, whole and of the right digest. used_at: last time that anything wanted it."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.PositiveBigIntegerField()
    at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.sha256[:8]


class Upload(models.Model):
    """A file that a person has uploaded, to give it to a task."""

    content = models.ForeignKey(Content, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=255)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at",)
        constraints = (models.UniqueConstraint(fields=("content", "by"), name="upload_once_a_person"),)

    def __str__(self) -> str:
        return self.name


class TaskFile(models.Model):
    """A file that a task's parameters name; the digest stays when the content is gone."""

    task = models.ForeignKey("tasks.Task", on_delete=models.CASCADE, related_name="files")
    param = models.CharField(max_length=120)
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()

    class Meta:
        ordering = ("param",)
        constraints = (models.UniqueConstraint(fields=("task", "param"), name="file_once_a_param"),)

    def __str__(self) -> str:
        return self.name


class KeptFile(models.Model):
    """A file that a server gave in a task. stored_at: when its content was whole here; fault: why it will never be."""

    task = models.ForeignKey("tasks.Task", on_delete=models.CASCADE, related_name="kept_files")
    result = models.OneToOneField("tasks.HostResult", on_delete=models.CASCADE, related_name="kept_file")
    job = models.ForeignKey("tasks.Job", null=True, on_delete=models.SET_NULL, related_name="kept_files")
    host = models.CharField(max_length=120)
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    stored_at = models.DateTimeField(null=True, blank=True)
    fault = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("host",)
        indexes = (models.Index(fields=("job", "stored_at"), name="kept_job_stored"),)

    def __str__(self) -> str:
        return f"{self.host}: {self.name}"

    @property
    def file(self) -> File:
        """Give it as the contract has it."""
        return File(self.name, self.size, self.sha256)
