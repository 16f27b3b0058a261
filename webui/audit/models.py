"""The audit log as it is stored: written with the change, never changed."""

from typing import Any

from django.conf import settings
from django.db import models


class Entry(models.Model):
    """One act. verb: "task.create", "server.change" .. subject: what it was done to. detail: JSON, never a secret."""

    at = models.DateTimeField(db_index=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    person_name = models.CharField(max_length=150)
    source = models.CharField(max_length=60)  # "web 10.0.0.7", "command line", "api"
    verb = models.CharField(max_length=60, db_index=True)
    subject = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.person_name} {self.verb} {self.subject}"

    @property
    def said(self) -> str:
        """Give the detail as a line, without what is empty: "on web1 · hosts 1"."""
        told = {name: _text(value) for name, value in self.detail.items() if value is not False}
        return " · ".join(f"{name} {text}" for name, text in told.items() if text)


def _text(value: Any) -> str:  # noqa: ANN401  # a JSON value
    if isinstance(value, dict):
        return ", ".join(f"{name}={_text(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return "yes" if value is True else "" if value is None else str(value)
