"""Addresses of dashboards. Words that are acts stand after "-", which no dashboard is called."""

from django.urls import path

from webui.dashboards import note_views

urlpatterns = [
    path("dashboards/-/notes/<str:dataset>/", note_views.notes, name="notes"),
]
