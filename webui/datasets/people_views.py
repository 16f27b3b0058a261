"""Name or upload the users table of a dataset: who registered when, and by which channel; a worker brings it in."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from analytics import asked
from analytics.importing.blocks import ImportFault
from analytics.models import Dataset
from webui import access
from webui.audit.services import record
from webui.by import source_of
from webui.datasets import sourcing, words
from webui.datasets.forms import MONO, TITLES, FileBox, MySqlForm, UploadForm
from webui.forms import OmForm


def _columns() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Columns"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy(
            "user=…, registered_at=…, channel=…; empty: found by their names. channel may be missing."
        ),
    )


class PeopleTable(MySqlForm):
    """A table, or a query, of users."""

    columns = _columns()


class CsvBox(FileBox):
    """A box for a CSV file."""

    endings = ".csv,.tsv,.txt,.gz"


class PeopleFile(UploadForm):
    """A CSV file of users, whose first line names its columns."""

    file = forms.CharField(
        label=gettext_lazy("File"),
        max_length=2000,
        widget=CsvBox(),
        help_text=gettext_lazy("CSV in UTF-8 (.csv, .tsv, .txt, or packed as .gz); its first line names the columns."),
    )
    header = None  # type: ignore[assignment]  # Django's way to leave a field out
    delimiter = None  # type: ignore[assignment]
    columns = _columns()

    def clean_file(self) -> dict[str, Any]:
        """Take CSV only, as the command does."""
        file = super().clean_file()
        if file["path"].suffix == ".parquet":
            raise forms.ValidationError(_("A users table comes from CSV or from MySQL; choose a CSV file."))
        return file | {"header": "yes"}

    def clean(self) -> dict[str, Any]:
        """Say how it is read."""
        return (super().clean() or {}) | {"header": "yes", "delimiter": ""}


FORMS: dict[str, type[OmForm]] = {"upload": PeopleFile, "mysql": PeopleTable}


@require_http_methods(["GET", "POST"])
def import_people(request: HttpRequest, name: str) -> HttpResponse:
    """Show the form; see that the columns are there, and ask a worker for the rest."""
    access.require_datasets(request.user)
    row = get_object_or_404(Dataset, name=name, version__gt=0)
    kind = request.POST.get("source") or request.GET.get("source", "")
    kind = kind if kind in FORMS else "upload"
    form = FORMS[kind](request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and _asked(request, row, form):
        sourcing.forget(request)
        messages.success(request, _("The users table is asked for; it is read when a worker is free."))
        return redirect("dataset", name)
    base = reverse("dataset-people", args=[name])
    context = {
        "row": row,
        "form": form,
        "source": kind,
        "sources": [(TITLES[one], f"{base}?source={one}", one == kind) for one in FORMS],
        "password_kept": sourcing.KEPT in request.session,
    }
    return render(request, "datasets/people.html", context)


def _asked(request: HttpRequest, row: Dataset, form: OmForm) -> bool:
    """Ask for it; False where that cannot be, which then stands in the form."""
    try:
        place = sourcing.opened(request, form)
    except ImportFault as fault:
        sourcing.blame(form, fault)
        return False
    columns = form.cleaned_data["columns"]
    try:
        by = request.user.get_username()
        asked.ask_people(row, place.source, place.kept, by, columns=columns, password=place.password)
    except ImportFault as fault:
        form.add_error("columns" if "column" in str(fault) or "--map" in str(fault) else None, words.fault(fault))
        return False
    record(request.user, source_of(request), "dataset.people", row.name, rows_from=place.label)
    return True
