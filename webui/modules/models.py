"""Versions of modules that people have added, which of them counts, and where each may be."""

from django.conf import settings
from django.db import models

from webui.servers.models import Idc, Master


class ModuleVersion(models.Model):
    """A module's file as it was added; it never changes. digest: SHA-256 hex of source."""

    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64)
    source = models.BinaryField()
    created_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=150)
    note = models.CharField(max_length=200, blank=True)
    risk = models.CharField(max_length=10)

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=("name", "digest"), name="version_once_a_module"),)

    def __str__(self) -> str:
        return f"{self.name} {self.digest[:8]}"


class Published(models.Model):
    """The version of a module that new tasks run, over a file of that name in the modules folder."""

    name = models.CharField(max_length=80, unique=True)
    version = models.ForeignKey(ModuleVersion, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by_name = models.CharField(max_length=150)

    def __str__(self) -> str:
        return str(self.version)


class Place(models.Model):
    """An IDC whose masters may have a version. Older versions keep theirs: the tasks made of them go on."""

    version = models.ForeignKey(ModuleVersion, on_delete=models.CASCADE, related_name="places")
    idc = models.ForeignKey(Idc, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("version", "idc"), name="place_once_a_version"),)

    def __str__(self) -> str:
        return f"{self.version_id} in {self.idc_id}"


class Turned(models.Model):
    """A master that would not take a version, and why; gone when it has taken it."""

    version = models.ForeignKey(ModuleVersion, on_delete=models.CASCADE, related_name="+")
    master = models.ForeignKey(Master, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("version", "master"), name="turned_once_a_master"),)

    def __str__(self) -> str:
        return self.reason
