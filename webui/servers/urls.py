"""Addresses of servers, groups, IDCs and masters. Words that are acts stand before the names."""

from django.urls import path

from webui.servers import group_views, idc_views, import_views, views

urlpatterns = [
    path("servers/", views.servers, name="servers"),
    path("servers/-/add/", views.add, name="server-add"),
    path("servers/-/import/", import_views.import_servers, name="server-import"),
    path("servers/-/import/apply/", import_views.apply, name="server-import-apply"),
    path("servers/-/export.csv", views.export, name="server-export"),
    path("servers/-/bulk/<str:act>/", views.bulk, name="server-bulk"),
    path("servers/<str:name>/", views.server, name="server"),
    path("servers/<str:name>/edit/", views.edit, name="server-edit"),
    path("groups/", group_views.groups, name="groups"),
    path("groups/-/add/", group_views.add, name="group-add"),
    path("groups/<str:name>/edit/", group_views.edit, name="group-edit"),
    path("groups/<str:name>/delete/", group_views.delete, name="group-delete"),
    path("idcs/", idc_views.idcs, name="idcs"),
    path("idcs/-/add/", idc_views.add_idc, name="idc-add"),
    path("idcs/<str:name>/", idc_views.idc, name="idc"),
    path("idcs/<str:name>/delete/", idc_views.delete_idc, name="idc-delete"),
    path("masters/-/enrol/", idc_views.enrol, name="master-enrol"),
    path("masters/<str:name>/", idc_views.master, name="master"),
    path("masters/<str:name>/retire/", idc_views.retire, name="master-retire"),
]
