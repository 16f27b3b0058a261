"""IDCs and masters: how they stand, and how a master is trusted."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from webui import access
from webui.by import by_of
from webui.catalog import catalog
from webui.modules.delivery import has
from webui.servers import services
from webui.servers.forms import IdcForm, OfferForm, add_errors
from webui.servers.models import Engine, Idc, Master, Server
from webui.tasks.fleet import is_healthy


def master_state(master: Master) -> str:
    """Give the word of webui.statuses for how a master stands."""
    if master.state != Master.State.ACCEPTED:
        return str(master.state)
    return "healthy" if is_healthy(master, timezone.now()) else "silent"


def by_idc(idcs: Iterable[Idc], counts: dict[int, int]) -> list[dict[str, Any]]:
    """Arrange IDCs (masters prefetched) with their servers' number and their masters' states."""
    return [
        {
            "idc": idc,
            "servers": counts.get(idc.pk, 0),
            "masters": [{"master": master, "state": master_state(master)} for master in idc.masters.all()],
        }
        for idc in idcs
    ]


def servers_by_idc() -> dict[int, int]:
    """Count the servers of each IDC. One query."""
    return dict(Server.objects.order_by().values_list("idc").annotate(n=Count("pk")))


@require_GET
def idcs(request: HttpRequest) -> HttpResponse:
    """List the IDCs with their masters."""
    rows = by_idc(Idc.objects.prefetch_related("masters"), servers_by_idc())
    masters = [line for row in rows for line in row["masters"] if line["state"] != "retired"]
    healthy = sum(line["state"] == "healthy" for line in masters)
    return render(request, "idcs/list.html", {"rows": rows, "masters": len(masters), "healthy": healthy})


@require_GET
def idc(request: HttpRequest, name: str) -> HttpResponse:
    """Show one IDC: its masters, and its servers by category."""
    found = get_object_or_404(Idc.objects.prefetch_related("masters"), name=name)
    servers = Server.objects.filter(idc=found).order_by()
    categories = sorted(servers.values_list("category").annotate(n=Count("pk")), key=lambda pair: (-pair[1], pair[0]))
    row = by_idc([found], {found.pk: sum(n for _category, n in categories)})[0]
    return render(request, "idcs/idc.html", {"row": row, "idc": found, "categories": categories})


def add_idc(request: HttpRequest) -> HttpResponse:
    """Add an IDC."""
    access.require_fleet(request.user)
    form = IdcForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.add_idc(by_of(request), form.cleaned_data["name"], form.cleaned_data["title"])
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("IDC %s is added. Next, enrol a master for it.") % made.name)
            return redirect("idc", made.name)
    return render(request, "idcs/form.html", {"form": form})


@require_POST
def delete_idc(request: HttpRequest, name: str) -> HttpResponse:
    """Remove an empty IDC."""
    found = get_object_or_404(Idc, name=name)
    try:
        services.delete_idc(by_of(request), found)
    except services.Refused as error:
        messages.error(request, str(error))
        return redirect("idc", name)
    messages.success(request, _("IDC %s is deleted.") % name)
    return redirect("idcs")


@require_GET
def master(request: HttpRequest, name: str) -> HttpResponse:
    """Show one master: engines and why one is not usable, queue, counters, fingerprint, versions of modules."""
    found = get_object_or_404(Master.objects.select_related("idc"), name=name)
    refused = {key: n for key, n in found.counters.items() if key != "jobs" and not key.startswith("jobs_")}
    return render(
        request,
        "masters/master.html",
        {
            "master": found,
            "state": master_state(found),
            "engines": [(dict(Engine.choices).get(key, key), why) for key, why in sorted(found.engines.items())],
            "counters": sorted(refused.items()),
            "modules": _versions(found),
        },
    )


def _versions(master: Master) -> list[dict[str, str]]:
    """Compare a master's module files with ours: "current", "older" or "" where one side has none."""
    ours = {entry.name: entry.digest for entry in catalog().entries()}
    return [
        {
            "name": name,
            "digest": digest if has(master, name, digest) else master.modules.get(name, ""),
            "state": "current" if has(master, name, digest) else "older" if name in master.modules else "",
        }
        for name, digest in sorted(ours.items())
    ]


def enrol(request: HttpRequest) -> HttpResponse:
    """Take a master's bundle, show its fingerprint to compare, and trust it when the person says it is the same."""
    access.require_fleet(request.user)
    form = OfferForm(request.POST or None, request.FILES or None, initial={"idc": _idc_of(request)})
    offer = None
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            offer = services.read_offer(values["bundle"])
            if request.POST.get("same") == "yes":
                made = services.accept_master(
                    by_of(request), values["bundle"], values["idc"], values["address"], values["port"]
                )
                messages.success(request, _("Master %s is accepted.") % made.name)
                return redirect("master", made.name)
        except services.Refused as error:
            form.add_error("bundle", str(error))
            offer = None
        except ValidationError as error:
            add_errors(form, error)
            offer = None
    return render(request, "masters/enrol.html", {"form": form, "offer": offer, "any_idc": Idc.objects.exists()})


def _idc_of(request: HttpRequest) -> Idc | None:
    return Idc.objects.filter(name=request.GET.get("idc", "")).first() if "idc" in request.GET else None


@require_POST
def retire(request: HttpRequest, name: str) -> HttpResponse:
    """Give a master no more work."""
    found = get_object_or_404(Master, name=name)
    services.retire_master(by_of(request), found)
    messages.success(request, _("%s gets no more work. What it runs is listened to until it ends.") % name)
    return redirect("master", name)
