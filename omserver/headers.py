"""What answers say to caches and browsers beside their content."""

from collections.abc import MutableMapping

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

PRIVATE = "private, no-cache"


class Private(MiddlewareMixin):
    """Let no shared cache keep a page, and no browser reuse one without asking, unless the view says otherwise."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:  # noqa: ARG002
        """Add the header where there is none."""
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = PRIVATE
        return response


def static(headers: MutableMapping[str, str], path: str, url: str) -> None:  # noqa: ARG001  # whitenoise's signature
    """Keep a file that is opened by its own address, a picture for example, from running anything."""
    headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; sandbox"
