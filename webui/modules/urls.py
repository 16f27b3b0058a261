"""Addresses of the catalogue."""

from django.urls import path

from webui.modules import add_views, version_views, views

urlpatterns = [
    path("modules/", views.modules, name="modules"),
    path("modules/-/writing/", views.writing, name="module-writing"),
    path("modules/-/add/", add_views.add, name="module-add"),
    path("modules/-/check/", add_views.check, name="module-check"),
    path("modules/<str:name>/", views.module, name="module"),
    path("modules/<str:name>/compare/", version_views.compare, name="module-compare"),
    path("modules/<str:name>/publish/", version_views.publish, name="module-publish"),
    path("modules/<str:name>/push/", version_views.push, name="module-push"),
    path("modules/<str:name>/roll-back/", version_views.roll_back, name="module-roll-back"),
    path("modules/<str:name>/withdraw/", version_views.withdraw, name="module-withdraw"),
    path("modules/<str:name>/file/", views.download, name="module-file"),
]
