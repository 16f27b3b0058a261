"""What a person does with the versions of a module: compare, go back, publish elsewhere, push, withdraw."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from rpcgate.catalog import Entry
from webui import access
from webui.by import by_of
from webui.catalog import catalog
from webui.modules import reads, services
from webui.modules.add_views import tell
from webui.modules.difference import difference
from webui.modules.models import ModuleVersion
from webui.servers.models import Idc, Master
from webui.servers.services import Refused


@require_GET
def compare(request: HttpRequest, name: str) -> HttpResponse:
    """Show how version ?from= differs from ?to=, which is the current one where it is not given."""
    entry = _entry(name)
    older, newer = request.GET.get("from", ""), request.GET.get("to", "") or entry.digest
    before, after = _source(entry, older), _source(entry, newer)
    return render(
        request,
        "modules/compare.html",
        {
            "entry": entry,
            "older": older,
            "newer": newer,
            "known": before is not None and after is not None,
            "lines": difference(before or b"", after or b"") if before is not None and after is not None else [],
        },
    )


@require_POST
def roll_back(request: HttpRequest, name: str) -> HttpResponse:
    """Make an older version current; one that destroys asks for the module's name to be typed."""
    access.require_modules(request.user)
    version = get_object_or_404(ModuleVersion, name=name, digest=request.POST.get("digest", ""))
    try:
        if version.risk == "destroy" and request.POST.get("confirm", "").strip() != name:
            raise Refused(_("Type %s to confirm: this version destroys.") % name)
        tell(request, services.roll_back(by_of(request), name, version.digest, base=request.POST.get("base")))
    except Refused as error:
        messages.error(request, str(error))
    return _versions(name)


@require_POST
def publish(request: HttpRequest, name: str) -> HttpResponse:
    """Publish a stored version to the ticked IDCs."""
    access.require_modules(request.user)
    version = get_object_or_404(ModuleVersion, name=name, digest=request.POST.get("digest", ""))
    idcs = list(Idc.objects.filter(name__in=request.POST.getlist("idc")))
    try:
        tell(request, services.publish(by_of(request), version, idcs, base=request.POST.get("base")))
    except Refused as error:
        messages.error(request, str(error))
    return _versions(name)


@require_POST
def push(request: HttpRequest, name: str) -> HttpResponse:
    """Send the current version to one master that lacks it."""
    access.require_modules(request.user)
    master = get_object_or_404(Master, name=request.POST.get("master", ""), state=Master.State.ACCEPTED)
    entry = _entry(name)
    try:
        answer = services.push(by_of(request), entry, master)
    except Refused as error:
        messages.error(request, str(error))
        return redirect("module", name)
    words = {"master": master.name, "digest": entry.digest[:8], "reason": answer.reason}
    if answer.state == "taken":
        messages.success(request, _("%(master)s has %(digest)s now.") % words)
    else:
        messages.error(request, _("%(master)s did not take %(digest)s: %(reason)s") % words)
    return redirect("module", name)


@require_POST
def withdraw(request: HttpRequest, name: str) -> HttpResponse:
    """Publish a module no longer."""
    try:
        services.withdraw(by_of(request), name)
    except Refused as error:
        messages.error(request, str(error))
        return _versions(name)
    left = catalog().get(name)
    if left is None:
        messages.success(request, _("%s is no longer a module here. What runs goes on to its end.") % name)
        return redirect("modules")
    messages.success(
        request,
        _("%(name)s is the file in the modules folder again, %(digest)s.") % {"name": name, "digest": left.digest[:8]},
    )
    return _versions(name)


def _entry(name: str) -> Entry:
    entry = reads.found(name)
    if entry is None:
        raise Http404(_("There is no module %s.") % name[:80])
    return entry


def _source(entry: Entry, digest: str) -> bytes | None:
    """Give a version's file: the current one, the folder's, or a stored one; None where it is none of them."""
    own = catalog().folder.get(entry.name)
    found = next((one for one in (entry, own) if one is not None and one.digest == digest), None)
    if found is not None:
        return found.source
    stored = ModuleVersion.objects.filter(name=entry.name, digest=digest).first()
    return None if stored is None else bytes(stored.source)


def _versions(name: str) -> HttpResponse:
    response = redirect("module", name)
    response["Location"] += "?tab=versions"
    return response
