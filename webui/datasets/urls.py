"""Addresses of datasets. Words that are acts stand before the names."""

from django.urls import path, register_converter

from webui.datasets import act_views, import_views, left_out, people_views, users, views
from webui.datasets.users import UserConverter

register_converter(UserConverter, "user")
urlpatterns = [
    path("datasets/", views.datasets, name="datasets"),
    path("datasets/-/import/", import_views.import_dataset, name="dataset-import"),
    path("datasets/-/upload/", import_views.upload, name="dataset-upload"),
    path("datasets/<slug:name>/", views.dataset, name="dataset"),
    path("datasets/<slug:name>/imports/<int:run>/set-aside.csv", left_out.set_aside, name="dataset-set-aside"),
    path("datasets/<slug:name>/imports/<int:run>/duplicates.csv", left_out.duplicates, name="dataset-duplicates"),
    path("datasets/<slug:name>/imports/<int:run>/retry/", act_views.retry, name="dataset-retry"),
    path("datasets/<slug:name>/people/", people_views.import_people, name="dataset-people"),
    path("datasets/<slug:name>/people/remove/", act_views.remove_people, name="dataset-people-remove"),
    path("datasets/<slug:name>/sync/", act_views.sync, name="dataset-sync"),
    path("datasets/<slug:name>/schedule/", act_views.schedule, name="dataset-schedule"),
    path("datasets/<slug:name>/cancel/", act_views.cancel, name="dataset-cancel"),
    path("datasets/<slug:name>/remove/", act_views.remove, name="dataset-remove"),
    path("datasets/<slug:name>/users/<user:user>/", users.user, name="dataset-user"),
]
