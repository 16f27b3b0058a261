"""The door of the API: a token lets in, a refusal is {"error": sentence, "faults": {field: sentence}}."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse, UnreadablePostError
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from analytics.importing.blocks import ImportFault
from analytics.services import BusyError
from analytics.store.errors import StoreAwayError, StoreError
from webui.api.tokens import token_of
from webui.datasets.uploads import RefusedError, TooLargeError
from webui.language import sentences
from webui.servers.selectors import SelectorError
from webui.servers.services import Refused
from webui.tasks import services
from webui.tasks.models import Task

MAX_BODY = settings.DATA_UPLOAD_MAX_MEMORY_SIZE  # bytes of one request
PAGE = 100  # rows of one page of a list
MOST = 1 << 31  # what any number of a request may be; a longer one is no float either
OPTION = re.compile(r"--(?=[a-z])")  # how the command line writes what is a field here
View = Callable[..., HttpResponseBase | Awaitable[HttpResponseBase]]
Types = Mapping[str, tuple[type, ...]]


def api(*methods: str) -> Callable[[View], View]:
    """Let a view be called with a token and one of `methods` only, and turn refusals into JSON.

    A view that is a coroutine is ended when who asked has left.
    """

    def wrap(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if no := _turned_away(request, methods):
                return no
            try:
                return view(request, *args, **kwargs)
            except REFUSALS as error:
                return refused(error)

        @wraps(view)
        async def awaited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if no := await sync_to_async(_turned_away)(request, methods):
                return no
            try:
                return await view(request, *args, **kwargs)  # type: ignore[misc]  # it is a coroutine's
            except REFUSALS as error:
                return refused(error)

        # The token is the login, and a token in a header is nothing that a foreign page could make a browser send.
        return csrf_exempt(login_not_required(awaited if iscoroutinefunction(view) else answer))

    return wrap


def _turned_away(request: HttpRequest, methods: Sequence[str]) -> JsonResponse | None:
    """Say why nobody comes in; None where somebody does, who then is the request's user."""
    token = token_of(request.headers.get("Authorization", ""))
    if token is None:
        return refusal(401, "Send the header Authorization: Bearer TOKEN; manage.py token add NAME makes one.")
    if request.method not in methods:
        return refusal(405, f"{request.method} is not offered here; use {' or '.join(methods)}.")
    request.user = token.person
    return None


REFUSALS = (
    Refused, SelectorError, services.Refused, Task.DoesNotExist, PermissionDenied, ValidationError, Http404,
    RefusedError, ImportFault, StoreError, UnreadablePostError, ValueError,
)  # fmt: skip


STATUS: tuple[tuple[type[Exception], int], ...] = (  # of the first that fits
    (Task.DoesNotExist, 404), (Http404, 404), (PermissionDenied, 403), (TooLargeError, 413), (BusyError, 409),
    (StoreAwayError, 503), (StoreError, 502), (Exception, 400),
)  # fmt: skip


def refused(error: Exception) -> JsonResponse:
    """Say why something is not done, and at which fields."""
    status = next(status for kind, status in STATUS if isinstance(error, kind))
    faults = error.faults if isinstance(error, services.Refused) else {}
    return refusal(status, _sentence(error), {_field(name): text for name, text in faults.items()})


def _sentence(error: Exception) -> str:
    match error:
        case Task.DoesNotExist():
            return "There is no such task."
        case UnreadablePostError():
            return _("The file did not arrive whole; send it again.")
        case ValidationError():
            return sentences(*error.messages)
        case ImportFault():
            return OPTION.sub("", str(error))
    return str(error)


def _field(name: str) -> str:
    """Name a fault's field as the request does: the services say p.lines for params.lines and selector for on."""
    return f"params.{name[2:]}" if name.startswith("p.") else {"selector": "on"}.get(name, name)


def refusal(status: int, sentence: str, faults: Mapping[str, str] | None = None) -> JsonResponse:
    """Give an error answer."""
    return JsonResponse({"error": sentence, "faults": dict(faults or {})}, status=status)


def body(request: HttpRequest) -> dict[str, Any]:
    """Read the request's JSON object; ValueError with a sentence otherwise."""
    try:
        plain = json.loads(request.body or b"{}")
    except RequestDataTooBig as error:
        raise ValueError(f"The request has more than {MAX_BODY:,} bytes.") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("The request's body is no JSON.") from error
    if not isinstance(plain, dict):
        raise ValueError("The request's body is no JSON object.")
    return plain


def typed(plain: Mapping[str, Any], types: Types, what: str, *, needed: int = 0) -> None:
    """Refuse, with a ValueError, fields that are unknown, of a wrong type, or missing of the first `needed`."""
    for name, value in plain.items():
        if name not in types:
            raise ValueError(f"{name[:40]} is no field of {what}; there are {', '.join(types)}.")
        if not isinstance(value, types[name]) or (isinstance(value, bool) and bool not in types[name]):
            raise ValueError(f"{name} is of the wrong type; write {types[name][-1].__name__}.")
        if isinstance(value, int) and abs(value) > MOST:
            raise ValueError(f"{name} is too large a number.")
    missing = [name for name in list(types)[:needed] if plain.get(name) is None or plain[name] == ""]
    if missing:
        raise ValueError(f"{missing[0]} is missing.")


def storable(plain: Mapping[str, Any]) -> None:
    """Refuse, with a ValueError, texts with halves of characters: JSON can write them, no database keeps them."""
    try:
        json.dumps(plain, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("The request holds half a character (a lone surrogate); write it whole.") from error


def paged(request: HttpRequest, rows: Any, per_page: int = PAGE) -> tuple[list[Any], dict[str, int]]:  # noqa: ANN401  # a queryset or a list
    """Give the rows of ?page= and which page it is, of how many; ValueError where it is none."""
    text = request.GET.get("page", "1")
    pages = Paginator(rows, per_page)
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0
    if not 1 <= number <= pages.num_pages:
        raise ValueError(f"page is {text[:20]!r}; write a number from 1 to {pages.num_pages}.")
    return list(pages.page(number)), {"page": number, "pages": pages.num_pages, "total": pages.count}
