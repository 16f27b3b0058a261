"""Write the audit log."""

from typing import Any

from django.utils import timezone

from webui.audit.models import Entry


def record(person: Any, source: str, verb: str, subject: str, **detail: Any) -> Entry:  # noqa: ANN401  # User | Anonymous
    """Add one entry; call it inside the transaction of the act itself. detail holds JSON values and never a secret."""
    known = person if person is not None and person.is_authenticated else None
    return Entry.objects.create(
        at=timezone.now(),
        person=known,
        person_name=known.get_username() if known else "-",
        source=source[:60],
        verb=verb,
        subject=subject[:200],
        detail=detail,
    )
