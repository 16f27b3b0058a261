"""Datasets by the API: what there is, bring rows in, keep them current, watch and end imports."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse

from analytics.described import dataset_json, import_json
from analytics.importing.blocks import ImportFault
from analytics.models import Dataset, ImportRun
from analytics.requests import Request
from webui import access
from webui.api.door import Types, api, body, paged, refusal, storable, typed
from webui.datasets import left_out, services, sourcing, uploads
from webui.datasets.forms import FORMS
from webui.forms import OmForm
from webui.language import sentences
from webui.servers.services import By

WHERE = {"file": "upload", "path": "folder", "mysql": "mysql"}  # a field that says where the rows are: the page's form
IMPORT: Types = {
    "file": (dict,), "path": (str,), "mysql": (dict,), "table": (str,), "query": (str,), "map": (str,),
    "roles": (str,), "tz": (str,), "from": (str,), "to": (str,), "header": (bool,), "delimiter": (str,),
}  # fmt: skip
ACCOUNT: Types = {"host": (str,), "port": (int,), "user": (str,), "password": (str,), "database": (str,)}


@api("GET")
def datasets(request: HttpRequest) -> JsonResponse:
    """List the datasets as manage.py dataset list --json gives them."""
    newest = ImportRun.objects.filter(dataset=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    rows, page = paged(request, Dataset.objects.annotate(newest=Subquery(newest)))
    runs = ImportRun.objects.in_bulk([row.newest for row in rows if row.newest])
    return JsonResponse({"datasets": [dataset_json(row, runs.get(row.newest)) for row in rows], **page})


@api("GET")
def dataset(request: HttpRequest, name: str) -> JsonResponse:
    """Give one dataset."""
    row = found(name)
    return JsonResponse(dataset_json(row, row.runs.first()))


@api("POST")
def files(request: HttpRequest) -> JsonResponse:
    """Store the body as a file for an import; ?name= names it. 413 when it is too large."""
    access.require_datasets(request.user)
    if request.content_type == "multipart/form-data":
        raise ValueError("Send the file as the body itself: curl --data-binary @FILE.")
    return JsonResponse(uploads.of_request(request), status=201)


@api("GET", "POST")
def imports(request: HttpRequest, name: str) -> JsonResponse:
    """List a dataset's imports, the newest first, or ask for one; IMPORT has the fields."""
    if request.method == "POST":
        return _brought(request, name)
    rows, page = paged(request, found(name).runs.select_related("dataset"))
    return JsonResponse({"imports": [import_json(run) for run in rows], **page})


def _brought(request: HttpRequest, name: str) -> JsonResponse:
    access.require_datasets(request.user)
    plain = body(request)
    typed(plain, IMPORT, "an import")
    storable(plain)
    form = _form(plain)
    if not form.is_valid():
        return _faulty(form)
    try:
        place = sourcing.placed(form.cleaned_data)
        place.source.sample()  # so that what is wrong with the place stands at its field
    except ImportFault as fault:
        sourcing.blame(form, fault)
        return _faulty(form)
    given = {word: plain.get(word, "") for word in ("map", "roles", "tz", "from", "to")}
    wanted = Request(
        name=name, map=given["map"], roles=given["roles"], zone=given["tz"], valid=(given["from"], given["to"])
    )
    run = services.bring(By(request.user, "api"), place, wanted)
    return JsonResponse(import_json(run), status=201)


def _form(plain: Mapping[str, Any]) -> OmForm:
    """Give the page's form, filled in, for the place that an import names."""
    named = [word for word in WHERE if word in plain]
    if len(named) != 1:
        raise ValueError("Say where the rows are by one of file, path and mysql.")
    (where,) = named
    header = {True: "yes", False: "no", None: ""}[plain.get("header")]
    sent = {"header": header, "delimiter": plain.get("delimiter", "")}
    if where == "file":
        sent["file"] = json.dumps(plain["file"])
    elif where == "path":
        sent["path"] = plain["path"]
    else:
        typed(plain["mysql"], ACCOUNT, "mysql")
        sent = {"port": 3306, **plain["mysql"], **{word: plain.get(word, "") for word in ("table", "query")}}
    return FORMS[WHERE[where]](sent)


def _faulty(form: OmForm) -> JsonResponse:
    """Refuse with what stands at the fields of the page's form."""
    account = {name: f"mysql.{name}" for name in ACCOUNT} if form.source == "mysql" else {}
    names = {**account, NON_FIELD_ERRORS: ""}
    faults = {names.get(name, name): sentences(*texts) for name, texts in form.errors.items()}
    return refusal(400, sentences(*faults.values()), faults)


@api("GET")
def an_import(request: HttpRequest, name: str, run: int) -> JsonResponse:
    """Give an import: how far it is, or what it gave."""
    return JsonResponse(import_json(_run(found(name), run)))


@api("GET")
def set_aside(request: HttpRequest, name: str, run: int) -> HttpResponseBase:
    """Give what an import set aside as CSV, reason and line; ?why= only those of one reason."""
    return left_out.aside(_filled(request, name, run), run, request.GET.get("why", "")[:40])


@api("GET")
def duplicates(request: HttpRequest, name: str, run: int) -> HttpResponseBase:
    """Give the exact duplicates that an import left out, as CSV."""
    return left_out.doubled(_filled(request, name, run), run)


def _filled(request: HttpRequest, name: str, run: int) -> Dataset:
    """Give the dataset of an import to who may see what it left out; Http404 where there are no rows yet."""
    access.require_datasets(request.user)
    row = found(name)
    _run(row, run)
    if not row.version:
        raise Http404(f"{name} has no rows yet, and none left out.")
    return row


@api("POST")
def retry(request: HttpRequest, name: str, run: int) -> JsonResponse:
    """Take up an import that failed, stopped or was cancelled."""
    again = _run(found(name), run)
    services.retry(By(request.user, "api"), again)
    return JsonResponse(import_json(again))


@api("POST")
def sync(request: HttpRequest, name: str) -> JsonResponse:
    """Ask for what is new in the dataset's table."""
    run = services.sync(By(request.user, "api"), found(name))
    return JsonResponse(import_json(run), status=201)


@api("POST")
def schedule(request: HttpRequest, name: str) -> JsonResponse:
    """Sync by itself every so many minutes, 0 never."""
    plain = body(request)
    typed(plain, {"minutes": (int,)}, "a schedule", needed=1)
    row = found(name)
    services.schedule(By(request.user, "api"), row, plain["minutes"])
    return JsonResponse({"dataset": row.name, "minutes": row.sync_minutes})


@api("POST")
def cancel(request: HttpRequest, name: str) -> JsonResponse:
    """End the import that waits or runs, and give it."""
    row = found(name)
    services.cancel(By(request.user, "api"), row)
    return JsonResponse(import_json(row.runs.select_related("dataset")[0]))


def found(name: str) -> Dataset:
    """Give a dataset; Http404 with a sentence where there is none."""
    row = Dataset.objects.filter(name=name).first()
    if row is None:
        raise Http404(f"There is no dataset {name[:60]!r}.")
    return row


def _run(row: Dataset, pk: int) -> ImportRun:
    run = row.runs.select_related("dataset").filter(pk=pk).first()
    if run is None:
        raise Http404(f"There is no import {pk} of {row.name}.")
    return run
