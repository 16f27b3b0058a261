"""The pages of datasets: all of them, and one with its imports."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_GET

from analytics.importing import copies
from analytics.models import Dataset
from webui import access
from webui.datasets import reading
from webui.datasets.forms import ScheduleForm
from webui.datasets.wizard import ROLE_WORDS, WORDS


@require_GET
def datasets(request: HttpRequest) -> HttpResponse:
    """List what is connected."""
    rows = reading.overview()
    context = {
        "rows": rows,
        "total": sum(found["row"].rows for found in rows),
        "live": reading.live(found["last"] for found in rows if found["last"]),
        "may_change": access.may_change_datasets(request.user),
    }
    return render(request, "datasets/list.html", context)


@require_GET
def dataset(request: HttpRequest, name: str) -> HttpResponse:
    """Show one dataset: what it holds, what its columns mean, how its imports went."""
    row = get_object_or_404(Dataset, name=name)
    imports = reading.lines(row)
    first, last = reading.days(row)
    return render(
        request,
        "datasets/dataset.html",
        {
            "row": row,
            "first": first,
            "last": last,
            "valid": reading.valid(row),
            "imports": imports,
            "most_kept": copies.MOST,
            "live": reading.live(imports),
            "open": next((line for line in imports if line.run.open), None),
            "behaviours": [{**one, "word": ROLE_WORDS[one["role"]]} for one in reading.behaviours(row)],
            "fields": [(WORDS[field], column) for field, column in row.mapping.get("fields", {}).items()],
            "dimensions": [
                (field, column, kind) for field, (column, kind) in row.mapping.get("dimensions", {}).items()
            ],
            "mysql": row.source.get("mysql"),
            "schedule": ScheduleForm(initial={"minutes": row.sync_minutes}),
            "people": reading.people(row),
            "report_url": _report(row),
            "may_change": access.may_change_datasets(request.user),
        },
    )


def _report(row: Dataset) -> str:
    try:
        return f"{reverse('report', args=['overview'])}?d={row.name}"
    except NoReverseMatch:  # its pages come later
        return ""
