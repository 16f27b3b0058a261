"""Who acts on a page, and from where."""

from django.http import HttpRequest

from webui.servers.services import By


def source_of(request: HttpRequest) -> str:
    """Name the door and the address a request came from, as the audit log shows it."""
    return f"web {request.META.get('REMOTE_ADDR', '-')}"


def by_of(request: HttpRequest) -> By:
    """Give the person and the source of a request for a service."""
    return By(request.user, source_of(request))
