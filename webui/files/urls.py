"""Addresses of files."""

from django.urls import path

from webui.files import views

urlpatterns = [
    path("files/", views.upload, name="file-upload"),
    path("tasks/<int:pk>/files/", views.download_all, name="task-files"),
    path("tasks/<int:pk>/servers/<str:host>/file", views.download, name="task-host-file"),
]
