"""Addresses of curves. Words that are acts stand before the names."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
