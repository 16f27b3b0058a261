"""Addresses of the catalogue."""

from django.urls import path

from webui.modules import views

urlpatterns = [
    path("modules/", views.modules, name="modules"),
    path("modules/-/writing/", views.writing, name="module-writing"),
    path("modules/<str:name>/", views.module, name="module"),
    path("modules/<str:name>/file/", views.download, name="module-file"),
]
