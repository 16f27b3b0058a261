"""The pages of notes: all of a dataset, add, change and delete."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from analytics.models import Dataset
from webui.dashboards.models import Note


@require_GET
def notes(request: HttpRequest, dataset: str) -> HttpResponse:
    """List the notes of a dataset, the latest first."""
    found = get_object_or_404(Dataset, name=dataset)
    return render(
        request, "dashboards/notes.html", {"dataset": found, "notes": Note.objects.filter(dataset=found.name)}
    )
