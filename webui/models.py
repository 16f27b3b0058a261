"""What belongs to no part alone: the API's tokens."""

from django.conf import settings
from django.db import models


class ApiToken(models.Model):
    """A person's key to the API. Only its SHA-256 is kept; the text is shown once."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("person", "name"), name="token_once_a_person"),)

    def __str__(self) -> str:
        return self.name
