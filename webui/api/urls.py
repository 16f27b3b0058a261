"""Addresses of the API."""

from django.urls import path

from webui.api import file_views, views

urlpatterns = [
    path("modules", views.modules, name="api-modules"),
    path("servers", views.servers, name="api-servers"),
    path("tasks", views.tasks, name="api-tasks"),
    path("tasks/<int:pk>", views.task, name="api-task"),
    path("tasks/<int:pk>/cancel", views.cancel, name="api-task-cancel"),
    path("files", file_views.files, name="api-files"),
    path("tasks/<int:pk>/files", file_views.task_files, name="api-task-files"),
    path("tasks/<int:pk>/files/archive", file_views.task_archive, name="api-task-archive"),
    path("tasks/<int:pk>/files/<str:host>", file_views.task_file, name="api-task-file"),
    path("<path:path>", views.nothing),
]
