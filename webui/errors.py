"""What a person reads when a page cannot be shown: in the same frame, with the way on."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseServerError
from django.shortcuts import render
from django.template import loader
from django.utils.translation import gettext as _

from webui.access import NotAllowed

log = logging.getLogger(__name__)


def _page(request: HttpRequest, status: int, icon: str, title: str, why: str) -> HttpResponse:
    context = {"icon_name": icon, "title": title, "why": why, "status": status}
    return render(request, "errors/problem.html", context, status=status)


@login_not_required
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say which role may, where we know it."""
    why = str(exception) if isinstance(exception, NotAllowed) else _("Your role does not allow this.")
    return _page(request, 403, "lock", _("You may not see this page"), why)


@login_not_required
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that there is nothing at this address."""
    said = str(exception.args[0]) if isinstance(exception, Http404) and exception.args else ""
    ours = said if said and not said.startswith(("No ", "{")) else ""
    return _page(
        request, 404, "map-off", _("There is nothing here"),
        ours or _("The address is wrong, or what was here is gone. Search for it above."),
    )  # fmt: skip


@login_not_required
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """Say that the request cannot be understood."""
    return _page(request, 400, "alert-circle", _("This request cannot be read"), _("Go back and try again."))


@login_not_required
def failed(request: HttpRequest) -> HttpResponse:
    """Say that the fault is ours. The frame needs the database; without it a plain page stands."""
    title = _("The page failed")
    why = _("The fault is ours and is in the log. Tasks are not affected; try again.")
    try:
        return _page(request, 500, "alert-triangle", title, why)
    except Exception:  # anything may be broken here
        log.exception("the error page itself failed")
        plain = loader.render_to_string(
            "errors/plain.html", {"title": title, "why": why, "request_id": getattr(request, "id", "")}
        )
        return HttpResponseServerError(plain)


@login_not_required
def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  # Django's signature
    """Say what to do when a form came without its token."""
    why = _("The page was open for too long, or cookies are off. Load the page anew and send the form again.")
    return _page(request, 403, "lock", _("The form was not accepted"), why)
