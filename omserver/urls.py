"""Every address of the web tier."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/", include("webui.api.urls")),
    path("", include("webui.urls")),
]
