"""Addresses of the Run page and of tasks. A module's name is an identifier, so "-" is free for what serves the page."""

from django.urls import path

from webui.tasks import acts, live, run_views, views

urlpatterns = [
    path("run/", run_views.run, name="run"),
    path("run/-/refresh/", run_views.refresh, name="run-refresh"),
    path("run/-/choices/<str:module>/<str:field>/", run_views.choices, name="run-choices"),
    path("run/<str:module>/", run_views.run, name="run-module"),
    path("tasks/", views.history, name="tasks"),
    path("tasks/<int:pk>/", views.task, name="task"),
    path("tasks/<int:pk>/stream", live.task_stream, name="task-stream"),
    path("tasks/<int:pk>/cells", live.cells, name="task-cells"),
    path("tasks/<int:pk>/groups/<str:key>/", views.group, name="task-group"),
    path("tasks/<int:pk>/act/<str:verb>/", acts.act, name="task-act"),
    path("tasks/<int:pk>/retry/", acts.retry, name="task-retry"),
    path("tasks/<int:pk>/servers/", views.hosts, name="task-hosts"),
    path("tasks/<int:pk>/servers/<str:host>/", views.host, name="task-host"),
    path("tasks/<int:pk>/servers/<str:host>/facts", views.host_facts, name="task-host-facts"),
    path("tasks/<int:pk>/servers/<str:host>/log/", views.host_log, name="task-host-log"),
    path("tasks/<int:pk>/servers/<str:host>/log/stream", live.log_stream, name="task-host-stream"),
    path("tasks/<int:pk>/servers/<str:host>/raw/", views.host_raw, name="task-host-raw"),
]
