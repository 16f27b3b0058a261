"""A short name for each request: on the pages and cards that say what went wrong, and in the log's lines about it."""

import secrets
from collections.abc import Callable
from contextvars import ContextVar
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

HEADER = "X-Request-ID"
# Django logs an answer after all middleware has ended, so nothing takes the name back: a later request sets its own.
current: ContextVar[str] = ContextVar("request", default="")


@sync_and_async_middleware
def traced(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Name each request, as request.id and in a header. Names that come from outside are not taken."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> Any:  # noqa: ANN401  # a response
            _name(request)
            return _headed(request, await get_response(request))

        return later

    def now(request: HttpRequest) -> Any:  # noqa: ANN401  # a response
        _name(request)
        return _headed(request, get_response(request))

    return now


def _name(request: HttpRequest) -> None:
    request.id = secrets.token_hex(5)  # type: ignore[attr-defined]
    current.set(request.id)  # type: ignore[attr-defined]


def _headed(request: HttpRequest, response: Any) -> Any:  # noqa: ANN401  # a response
    response[HEADER] = request.id  # type: ignore[attr-defined]
    return response
