"""Add a module, or a new version of one: see at once what it would be, then publish it."""

import hashlib
from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from webui import access
from webui.by import by_of
from webui.modules import drafts, services
from webui.modules.services import Result
from webui.servers.models import Idc
from webui.servers.services import Refused


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Show the form, with the current version of ?module= in it; POST publishes, or shows what is wrong."""
    access.require_modules(request.user)
    if request.method == "POST":
        return _publish(request)
    draft = drafts.opened(request.GET.get("module", ""))
    return render(request, "modules/add.html", drafts.verdict(draft) | {"opened": draft.name})


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """Give the verdict on the form as it stands; nothing is stored."""
    access.require_modules(request.user)
    return render(request, "modules/verdict.html", drafts.verdict(drafts.sent(request)))


def _publish(request: HttpRequest) -> HttpResponse:
    draft = drafts.sent(request)
    by = by_of(request)
    try:
        _as_shown(draft)
        version = services.add(by, draft.name, draft.source, draft.note)
        idcs = list(Idc.objects.filter(name__in=draft.idcs))
        result = services.publish(by, version, idcs, base=draft.base)
    except services.Changed as error:
        return _again(request, replace(draft, base=error.current), str(error), 409)
    except Refused as error:
        return _again(request, draft, str(error), 422)
    tell(request, result)
    return redirect("module", version.name)


def _as_shown(draft: drafts.Draft) -> None:
    """Refuse a text whose form, risk and difference the person was not shown."""
    if draft.shown != hashlib.sha256(draft.source).hexdigest():
        raise Refused(_("The text is not the one that was checked last; look at what it is now, then publish it."))


def _again(request: HttpRequest, draft: drafts.Draft, sentence: str, status: int) -> HttpResponse:
    values = drafts.verdict(draft) | {"opened": "", "refused": sentence}
    return render(request, "modules/add.html", values, status=status)


def tell(request: HttpRequest, result: Result) -> None:
    """Say what publishing did, and what each master said."""
    words = {"module": result.version.name, "digest": result.version.digest[:8], "idcs": ", ".join(result.idcs)}
    messages.success(request, _("%(module)s %(digest)s is the current version in %(idcs)s.") % words)
    by_state: dict[str, list[str]] = {}
    for answer in result.answers:
        by_state.setdefault(answer.state, []).append(answer.master)
        if answer.state == "refused":
            said = {"master": answer.master, "reason": answer.reason}
            messages.error(request, _("%(master)s refused it: %(reason)s") % said)
    if taken := by_state.get("taken"):
        messages.success(request, _("Taken by %s.") % ", ".join(taken))
    if silent := by_state.get("silent"):
        messages.warning(request, _("Silent; they get it when they are back: %s.") % ", ".join(silent))
    if not result.answers:
        messages.warning(request, _("These IDCs have no master yet; the first one that is accepted there gets it."))
