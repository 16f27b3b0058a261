"""Addresses of curves. Words that are acts stand before the names."""

from django.urls import URLPattern, path

from webui.curves import concern_views, views

urlpatterns: list[URLPattern] = [
    path("curves/effects/", views.effects, name="curves-effects"),
    path("curves/today/", views.today, name="curves-today"),
    path("datasets/<slug:name>/tasks/", concern_views.concerns, name="dataset-concern"),
    path("tasks/<int:pk>/effect/", views.task_effect, name="task-effect"),
]
