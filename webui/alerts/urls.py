"""Addresses of alerts. Words that are acts stand before the names."""

from django.urls import URLPattern, path

from webui.alerts import views

urlpatterns: list[URLPattern] = [
    path("dashboards/-/alerts/", views.alerts, name="alerts"),
    path("dashboards/-/alerts/add/", views.add, name="alert-add"),
    path("dashboards/-/alerts/<int:pk>/", views.alert, name="alert"),
    path("dashboards/-/alerts/<int:pk>/edit/", views.edit, name="alert-edit"),
    path("dashboards/-/alerts/<int:pk>/delete/", views.delete, name="alert-delete"),
    path("dashboards/-/alerts/<int:pk>/test/", views.test, name="alert-test"),
    path("dashboards/-/alerts/<int:pk>/active/", views.active, name="alert-active"),
]
