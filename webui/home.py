"""The first page, search and help."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def home(request: HttpRequest) -> HttpResponse:
    """Show what needs a person, what is under way, what ended today, and the masters."""
    return render(request, "home/home.html")


def search(request: HttpRequest) -> HttpResponse:
    """Find servers, tasks and modules by a few letters."""
    return render(request, "home/search.html", {"search_text": request.GET.get("q", "")})


def help_page(request: HttpRequest) -> HttpResponse:
    """Explain states, keys and the selector language."""
    return render(request, "home/help.html")
