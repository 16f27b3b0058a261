"""Addresses of the API."""

from django.urls import path

from webui.api import views

urlpatterns = [
    path("modules", views.modules, name="api-modules"),
    path("servers", views.servers, name="api-servers"),
    path("tasks", views.tasks, name="api-tasks"),
    path("tasks/<int:pk>", views.task, name="api-task"),
    path("tasks/<int:pk>/cancel", views.cancel, name="api-task-cancel"),
    path("<path:path>", views.nothing),
]
