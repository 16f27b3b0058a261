"""Addresses of people."""

from django.urls import path

from webui.people import views

urlpatterns = [
    path("people/", views.people, name="people"),
    path("people/-/add/", views.add, name="person-add"),
    path("people/<int:pk>/role/", views.role, name="person-role"),
    path("people/<int:pk>/active/", views.active, name="person-active"),
    path("people/<int:pk>/password/", views.password, name="person-password"),
]
