"""Addresses of reports. Words that are acts stand before the names."""

from django.urls import URLPattern, path, re_path

from webui.reports import progress, views

urlpatterns: list[URLPattern] = [
    path("reports/", views.reports, name="reports"),
    path("reports/-/offers/", views.offered, name="report-offers"),
    path("reports/-/progress/", progress.progress, name="report-progress"),
    path("reports/<slug:name>/", views.report, name="report"),
    path("reports/<slug:name>/card/", views.card, name="report-card"),
    re_path(r"^reports/(?P<name>[-\w]+)/file\.(?P<form>csv|json|png|pdf|sql)$", views.file, name="report-file"),
    path("reports/<slug:name>/users/", views.users, name="report-users"),
]
