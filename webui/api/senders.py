"""Who sends a request, as far as its headers say: asked before its body is taken."""

from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie

from webui.api.tokens import token_of


def is_known(cookie: str, authorization: str) -> bool:
    """Say whether a request's headers hold the session of a person who may sign in, or a live token."""
    if authorization:
        return token_of(authorization) is not None
    request, key = HttpRequest(), parse_cookie(cookie).get(settings.SESSION_COOKIE_NAME)
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return get_user(request).is_authenticated
