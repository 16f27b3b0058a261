"""Create one task for one form, however often it is sent: a double click is one task."""

from collections.abc import Callable

from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest

from webui.tasks.models import Task

TOKENS = 20  # forms of one session that are remembered as sent


def token_of(request: HttpRequest) -> str:
    """Give the token that the form brought, "" when it brought none."""
    return request.POST.get("token", "")[:64]


def created_once(request: HttpRequest, create: Callable[[], Task]) -> Task:
    """Create the task, or give the one that this very form has created already.

    The session's row is locked meanwhile, so that the second of two requests at once sees what the first did.
    """
    token = token_of(request)
    with transaction.atomic():
        Session.objects.select_for_update().filter(pk=request.session.session_key).first()
        stored = type(request.session)(request.session.session_key)
        sent: dict[str, int] = dict(stored.get("runs", {}))
        known = Task.objects.filter(pk=sent.get(token, 0)).first() if token else None
        if known is not None:
            request.session["runs"] = sent
            return known
        task = create()
        sent[token] = task.pk
        request.session["runs"] = dict(list(sent.items())[-TOKENS:])
        request.session.save()
    return task
