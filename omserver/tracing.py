"""A short name for each request: on the pages and cards that say what went wrong, and in the log's lines about it."""

import secrets
from collections.abc import Callable
from contextvars import ContextVar, Token
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

HEADER = "X-Request-ID"
current: ContextVar[str] = ContextVar("request", default="")  # what is logged on the way; later lines have the request


@sync_and_async_middleware
def traced(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Name each request, as request.id and in a header. Names that come from outside are not taken."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> Any:  # noqa: ANN401  # a response
            token = _name(request)
            try:
                return _headed(request, await get_response(request))
            finally:
                current.reset(token)

        return later

    def now(request: HttpRequest) -> Any:  # noqa: ANN401  # a response
        token = _name(request)
        try:
            return _headed(request, get_response(request))
        finally:
            current.reset(token)

    return now


def _name(request: HttpRequest) -> Token[str]:
    request.id = secrets.token_hex(5)  # type: ignore[attr-defined]
    return current.set(request.id)  # type: ignore[attr-defined]


def _headed(request: HttpRequest, response: Any) -> Any:  # noqa: ANN401  # a response
    response[HEADER] = request.id  # type: ignore[attr-defined]
    return response
