"""Addresses of dashboards. Words that are acts stand before the names."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
