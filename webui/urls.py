"""Addresses of the pages."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from webui import accounts, home

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("search/", home.search, name="search"),
    path("help/", home.help_page, name="help"),
    path("login/", accounts.sign_in, name="login"),
    path("logout/", accounts.sign_out, name="logout"),
    path("password/", accounts.password_change, name="password_change"),
    path("language/", accounts.language, name="language"),
    path("theme/", accounts.theme, name="theme"),
]
if find_spec("webui.tasks.urls"):
    urlpatterns.append(path("", include("webui.tasks.urls")))
