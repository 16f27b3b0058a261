"""Addresses of dashboards. Words that are acts stand after "-", which no dashboard is called."""

from django.urls import path

from webui.dashboards import edit_views, fragments, note_views, saved_views, segment_views, views

urlpatterns = [
    path("dashboards/", views.dashboards, name="dashboards"),
    path("dashboards/-/add/", edit_views.add, name="dashboard-add"),
    path("dashboards/-/card/", edit_views.card_add, name="card-add"),
    path("dashboards/-/card/<str:report>/", edit_views.card_add, name="card-add"),
    path("dashboards/-/figures/<slug:group>/", fragments.figures, name="dashboard-figures"),
    path("dashboards/-/unusual/", fragments.unusual, name="dashboard-unusual"),
    path("dashboards/-/notes/<str:dataset>/", note_views.notes, name="notes"),
    path("dashboards/-/notes/<str:dataset>/add/", note_views.add, name="note-add"),
    path("dashboards/-/note/<int:pk>/", note_views.edit, name="note-edit"),
    path("dashboards/-/note/<int:pk>/delete/", note_views.delete, name="note-delete"),
    path("dashboards/-/segments/<str:dataset>/", segment_views.segments, name="segments"),
    path("dashboards/-/segments/<str:dataset>/add/", segment_views.add, name="segment-add"),
    path("dashboards/-/segment/<int:pk>/use/", segment_views.use, name="segment-use"),
    path("dashboards/-/segment/<int:pk>/<str:verb>/", segment_views.act, name="segment-act"),
    path("dashboards/-/saved/<int:pk>/delete/", saved_views.remove, name="saved-delete"),
    path("dashboards/-/saved/<slug:report>/", saved_views.save, name="saved-add"),
    path("dashboards/<slug:slug>/", views.dashboard, name="dashboard"),
    path("dashboards/<slug:slug>/save/", edit_views.save, name="dashboard-save"),
    path("dashboards/<slug:slug>/copy/", edit_views.copy, name="dashboard-copy"),
    path("dashboards/<slug:slug>/share/", edit_views.share, name="dashboard-share"),
    path("dashboards/<slug:slug>/delete/", edit_views.delete, name="dashboard-delete"),
]
