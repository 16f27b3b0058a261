"""Who acts on a page, and from where."""

from ipaddress import IPv6Address, ip_address

from django.http import HttpRequest

from webui.servers.services import By


def source_of(request: HttpRequest) -> str:
    """Name the door and the address a request came from, as the audit log shows it; "-" for what is no address."""
    return f"web {_address(request.META.get('REMOTE_ADDR', ''))}"


def by_of(request: HttpRequest) -> By:
    """Give the person and the source of a request for a service."""
    return By(request.user, source_of(request))


def _address(text: str) -> str:
    """Write an address in its one form; an IPv6 zone is any text at all, so it is left out."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:  # a proxy's header may say anything, and a Unix socket has none
        return "-"
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)
