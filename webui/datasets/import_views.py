"""Import a table or a file in one page: where it is, what its columns mean, what it is called."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from analytics import preview
from analytics.importing.blocks import ImportFault
from analytics.importing.running import FIRST_VALID, FUTURE
from analytics.models import Dataset, ImportRun
from analytics.preview import Judged, Seen
from analytics.requests import Request, columns_of, valid_range, zone_of
from webui import access
from webui.by import by_of
from webui.datasets import folder, services, sourcing, uploads, wizard, words
from webui.datasets.forms import FORMS, TITLES, ZONES, DatasetForm, MySqlForm
from webui.datasets.sourcing import Place
from webui.forms import OmForm

OFFERED = 12  # files of the import folder, named on the page


@dataclass(frozen=True, slots=True)
class Preview:
    """What a source holds, and what a person has said of it so far."""

    place: Place
    seen: Seen
    mapped: wizard.Mapped
    judged: Judged | None = None
    codes: tuple[wizard.Code, ...] = ()
    zone: str = "UTC"

    @property
    def time(self) -> str:
        """Say how times are read, by the first one."""
        first = self.judged.first if self.judged else None
        return words.read_time(first, zone_of(self.zone)) if first else ""

    @property
    def faults(self) -> list[tuple[str, int, str]]:
        """Give what is no row: reason in words, rows, an example."""
        found = self.judged.faults if self.judged else {}
        return [(words.reason(why), rows, example) for why, (rows, example) in found.items()]

    @property
    def too_many(self) -> int:
        """Give the number of codes where they are too many for behaviours, else 0."""
        number = len(self.judged.behaviours) if self.judged else 0
        return number if number > wizard.MOST_CODES else 0


def import_dataset(request: HttpRequest) -> HttpResponse:
    """Show the steps; look at the first rows; ask for the import."""
    access.require_datasets(request.user)
    into = get_object_or_404(Dataset, name=request.GET["into"], version__gt=0) if request.GET.get("into") else None
    kind = request.POST.get("source") or request.GET.get("source") or _kind(into)
    sent = request.POST if request.method == "POST" else None
    form = FORMS.get(kind, MySqlForm)(sent, initial={"path": request.GET.get("path", "")[:500]})
    naming = request.POST.get("act") == "import"
    named = DatasetForm(sent if "zone" in request.POST else None, initial=_usual(into), naming=naming and not into)
    found = _preview(request, form, named, into) if sent and form.is_valid() else None
    if found and not named.is_bound:
        named.initial["name"] = wizard.suggested(found.place.label)
    if found and naming and found.mapped.sound and (into or named.is_valid()):
        run = _asked(request, form, named, found, into)
        if run:
            sourcing.forget(request)
            messages.success(
                request, _("The import into %s is asked for; it begins when a worker is free.") % run.dataset.name
            )
            return redirect("dataset", run.dataset.name)
    looked = found and (not naming or not found.mapped.sound)
    context = {"form": form, "named": named, "found": found, "looked": looked, **_around(request, form, into)}
    return render(request, "datasets/import.html", context)


@require_POST
def upload(request: HttpRequest) -> JsonResponse:
    """Store the request's body as a file for an import; ?name= names it."""
    access.require_datasets(request.user)
    try:
        return JsonResponse(uploads.of_request(request), status=201)
    except uploads.RefusedError as error:
        return JsonResponse({"error": str(error)}, status=400)
    except UnreadablePostError:
        return JsonResponse({"error": _("The file did not arrive whole; send it again.")}, status=400)


def _preview(request: HttpRequest, form: OmForm, named: DatasetForm, into: Dataset | None) -> Preview | None:
    """Look at the first rows; None where they cannot be had, which then stands at its field."""
    try:
        place = sourcing.opened(request, form)
        seen = preview.look(place.source)
    except ImportFault as fault:
        sourcing.blame(form, fault)
        return None
    mapped = wizard.mapped(seen, request.POST, columns_of(into) if into else None)
    zone, valid = _range(named, into)
    found = Preview(place, seen, mapped, zone=zone)
    if not mapped.sound:
        return found
    judged = preview.judged(seen, mapped.columns(), zone_of(zone), valid)
    return replace(found, judged=judged, codes=() if into else wizard.codes(judged.behaviours, request.POST))


def _range(named: DatasetForm, into: Dataset | None) -> tuple[str, tuple[int, int]]:
    """Give zone and valid seconds as they are so far."""
    after = int(timezone.now().timestamp()) + FUTURE
    if into:
        return into.zone, (into.valid_from or FIRST_VALID, into.valid_to or after)
    if not named.is_bound or (not named.is_valid() and {"zone", "first", "last"} & set(named.errors)):
        return named.initial["zone"], (FIRST_VALID, after)
    days = (named.cleaned_data["first"], named.cleaned_data["last"])
    low, high = valid_range(days, zone_of(named.cleaned_data["zone"]))
    return named.cleaned_data["zone"], (low or FIRST_VALID, high or after)


def _asked(
    request: HttpRequest, form: OmForm, named: DatasetForm, found: Preview, into: Dataset | None
) -> ImportRun | None:
    """Ask for the import; None where what was said does not fit, which then stands in the form."""
    values = named.cleaned_data if not into else {}
    try:
        codes = wizard.roles(found.codes, values["more_roles"]) if values else None
    except ImportFault:
        sentence = _(
            "Write code=role, separated by commas, the role one of view, fav, cart, buy; for example: pay=buy."
        )
        named.add_error("more_roles", sentence)
        return None
    asks = Request(
        name=into.name if into else values["name"],
        columns=found.mapped.columns(),
        codes=codes,
        zone=values.get("zone", ""),
        valid=(values.get("first", ""), values.get("last", "")),
    )
    try:
        return services.bring(by_of(request), found.place, asks)
    except ImportFault as fault:
        (form if into else named).add_error(None, words.fault(fault))
        return None


def _around(request: HttpRequest, form: Any, into: Dataset | None) -> dict[str, Any]:  # noqa: ANN401  # a form of FORMS
    base = reverse("dataset-import")
    add = {"into": into.name} if into else {}
    sources = [
        (title, f"{base}?{urlencode({'source': name, **add})}", name == form.source)
        for name, title in TITLES.items()
        if name != "folder" or folder.root()
    ]
    listed = folder.listed() if form.source == "folder" else []
    offered = [] if form.is_bound and form.is_valid() else listed[:OFFERED]
    here = {"source": form.source, **add}
    return {
        "source": form.source,
        "sources": sources,
        "into": into,
        "zones": ZONES,
        "listed": listed,
        "offered": [(name, f"{base}?{urlencode({**here, 'path': name})}") for name in offered],
        "more": len(listed) - OFFERED if offered else 0,
        "password_kept": sourcing.KEPT in request.session,
    }


def _kind(into: Dataset | None) -> str:
    """Give where rows are looked for first: a dataset of files gets its next ones from a file."""
    return "upload" if into and "mysql" not in into.source else MySqlForm.source


def _usual(into: Dataset | None) -> dict[str, str]:
    return {"zone": into.zone if into else settings.TIME_ZONE}
