"""Who sends a request, as far as its headers say: asked before its body is taken."""

from http.cookies import CookieError, SimpleCookie
from importlib import import_module

from django.conf import settings
from django.contrib.auth import SESSION_KEY

from webui.api.tokens import token_of


def is_known(cookie: str, authorization: str) -> bool:
    """Say whether a request's headers hold a live session of a person, or a live token."""
    if authorization:
        return token_of(authorization) is not None
    try:
        morsel = SimpleCookie(cookie).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return False
    return morsel is not None and SESSION_KEY in import_module(settings.SESSION_ENGINE).SessionStore(morsel.value)
