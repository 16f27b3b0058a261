"""Count wrong passwords, so that nobody can try thousands. The audit log is the memory: every process sees it."""

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.utils import timezone

from webui.audit.models import Entry
from webui.audit.services import record

VERB = "login.fail"
WINDOW = timedelta(minutes=15)
FROM_ONE_ADDRESS = 10  # wrong passwords in the window, whatever the account
FOR_ONE_ACCOUNT = 20  # wrong passwords in the window, from wherever


def too_many(account: str, source: str) -> bool:
    """Say whether this account or this address must wait before it may try again."""
    recent = Entry.objects.filter(verb=VERB, at__gte=timezone.now() - WINDOW)
    return (
        recent.filter(source=source[:60])[:FROM_ONE_ADDRESS].count() >= FROM_ONE_ADDRESS
        or recent.filter(subject=account[:150])[:FOR_ONE_ACCOUNT].count() >= FOR_ONE_ACCOUNT
    )


def remember_wrong(account: str, source: str) -> None:
    """Write down a wrong password; a name that is no account is not kept, it may be a password."""
    known = get_user_model().objects.filter(username=account[:150]).exists()
    record(None, source, VERB, account if known else "-")
