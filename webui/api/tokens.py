"""Make and check the API's tokens."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from webui.models import ApiToken
from webui.servers.services import By, Refused

PREFIX = "omt_"  # lets a secret scanner recognise one
USED_EVERY = timedelta(minutes=1)  # how exact used_at is; a row is not written at each call


def add_token(by: By, name: str, expires_at: datetime | None = None) -> str:
    """Make a token for the acting person and give its text, which is shown once; Refused where the name is taken.

    ValidationError for a name that is empty or too long.
    """
    text = PREFIX + secrets.token_urlsafe(32)
    if not name.isprintable():
        raise Refused("a token's name holds no line breaks and no control characters; choose another")
    with transaction.atomic():
        if ApiToken.objects.filter(person=by.person, name=name).exists():
            raise Refused(f"there is a token {name} already; remove it first")
        token = ApiToken(person=by.person, name=name, digest=_digest(text), expires_at=expires_at)
        token.full_clean()
        token.save()
        by.log("token.add", name)
    return text


def delete_token(by: By, name: str) -> None:
    """Make a token worthless; Refused where there is none of this name."""
    with transaction.atomic():
        if not ApiToken.objects.filter(person=by.person, name=name).delete()[0]:
            raise Refused(f"there is no token {name}")
        by.log("token.delete", name)


def token_of(header: str) -> ApiToken | None:
    """Give the live token of an Authorization header, with its person; None for anything else."""
    scheme, _space, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text.startswith(PREFIX):
        return None
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("person").filter(digest=_digest(text.strip()), person__is_active=True).first()
    )
    if token is None or (token.expires_at and token.expires_at <= now):
        return None
    if token.used_at is None or token.used_at < now - USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(used_at=now)
    return token


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
