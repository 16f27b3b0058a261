"""Addresses of the pages."""

from django.urls import URLPattern, URLResolver, include, path

from webui import accounts, home
from webui.audit import views as audit

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("search/", home.search, name="search"),
    path("help/", home.help_page, name="help"),
    path("login/", accounts.sign_in, name="login"),
    path("logout/", accounts.sign_out, name="logout"),
    path("password/", accounts.password_change, name="password_change"),
    path("language/", accounts.language, name="language"),
    path("theme/", accounts.theme, name="theme"),
    path("audit/", audit.log, name="audit"),
    path("", include("webui.servers.urls")),
    path("", include("webui.modules.urls")),
    path("", include("webui.people.urls")),
    path("", include("webui.tasks.urls")),
    path("", include("webui.files.urls")),
    path("", include("webui.dashboards.urls")),
    path("", include("webui.reports.urls")),
    path("", include("webui.datasets.urls")),
    path("", include("webui.alerts.urls")),
    path("", include("webui.curves.urls")),
]
