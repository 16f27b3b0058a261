"""Addresses of the API."""

from django.urls import path

from webui.api import alert_views, dashboard_views, dataset_views, file_views, report_views, views

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
    path("datasets", dataset_views.datasets, name="api-datasets"),
    path("datasets/-/files", dataset_views.files, name="api-dataset-files"),  # "-" is no dataset's name
    path("datasets/<slug:name>", dataset_views.dataset, name="api-dataset"),
    path("datasets/<slug:name>/imports", dataset_views.imports, name="api-imports"),
    path("datasets/<slug:name>/imports/<int:run>", dataset_views.an_import, name="api-import"),
    path("datasets/<slug:name>/imports/<int:run>/set-aside", dataset_views.set_aside, name="api-set-aside"),
    path("datasets/<slug:name>/imports/<int:run>/duplicates", dataset_views.duplicates, name="api-duplicates"),
    path("datasets/<slug:name>/imports/<int:run>/retry", dataset_views.retry, name="api-import-retry"),
    path("datasets/<slug:name>/sync", dataset_views.sync, name="api-dataset-sync"),
    path("datasets/<slug:name>/schedule", dataset_views.schedule, name="api-dataset-schedule"),
    path("datasets/<slug:name>/cancel", dataset_views.cancel, name="api-dataset-cancel"),
    path("reports", report_views.reports, name="api-reports"),
    path("reports/<slug:name>", report_views.report, name="api-report"),
    path("reports/<slug:name>/answer", report_views.answer, name="api-report-answer"),
    path("reports/<slug:name>/users", report_views.users, name="api-report-users"),
    path("dashboards", dashboard_views.dashboards, name="api-dashboards"),
    path("dashboards/<slug:slug>", dashboard_views.dashboard, name="api-dashboard"),
    path("alerts", alert_views.alerts, name="api-alerts"),
    path("alerts/<int:pk>", alert_views.alert, name="api-alert"),
    path("<path:path>", views.nothing),
]
