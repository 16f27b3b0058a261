"""Count wrong passwords, so that nobody can try thousands. The audit log is the memory: every process sees it.

A guess is written down before it is looked at, and struck out when it was right: guesses made side by side count too.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.contrib.auth import get_user_model
from django.utils import timezone

from webui.audit.models import Entry
from webui.audit.services import record

AT_SIGN_IN, AT_CHANGE = VERBS = ("login.fail", "password.fail")
WINDOW = timedelta(minutes=15)
FROM_ONE_ADDRESS = 10  # wrong passwords in the window, whatever the account
FOR_ONE_ACCOUNT = 20  # wrong passwords in the window, from wherever; not where its owner has signed in before
Found = TypeVar("Found")


class TooMany(Exception):
    """The guess was not looked at; tell the person to wait for WINDOW."""


def limited(account: str, source: str, look: Callable[[], Found], verb: str = AT_SIGN_IN) -> Found:
    """Look at a password, unless there were too many wrong ones: TooMany. look: gives what is false for a wrong one."""
    guess = _written(account, source, verb)
    if _too_many(guess):
        guess.delete()  # else who goes on guessing keeps others out for ever
        raise TooMany
    found = look()
    if found:
        guess.delete()
    return found


def _written(account: str, source: str, verb: str) -> Entry:
    """Write a guess down; a name that is no account is not kept, it may be a password."""
    known = get_user_model().objects.filter(username=account[:150]).values_list("username", flat=True).first()
    return record(None, source, verb, known or "-")


def _too_many(guess: Entry) -> bool:
    """Say whether the address or the account has had its guesses, this one counted."""
    recent = Entry.objects.filter(verb__in=VERBS, at__gte=timezone.now() - WINDOW)
    if recent.filter(source=guess.source)[: FROM_ONE_ADDRESS + 1].count() > FROM_ONE_ADDRESS:
        return True
    if recent.filter(subject=guess.subject).exclude(subject="-")[: FOR_ONE_ACCOUNT + 1].count() <= FOR_ONE_ACCOUNT:
        return False
    return not Entry.objects.filter(verb="login", source=guess.source, person__username=guess.subject).exists()
