"""The servers' pages: list, one server, add and change, bulk acts, export."""

import csv
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from webui import access
from webui.by import by_of
from webui.language import sentences
from webui.servers import facts_card, listing, services
from webui.servers.forms import MaintenanceForm, MoveForm, ServerForm, TagForm, add_errors, values_of
from webui.servers.idc_views import master_state
from webui.servers.imports import COLUMNS, to_cell
from webui.servers.listing import Filter
from webui.servers.models import Idc, Server
from webui.servers.selectors import SelectorError
from webui.tasks.address import LONGEST
from webui.tasks.models import HostResult, HostStatus

MAX_NAMES = 20_000  # of a selection that is sent by name
LAST_RESULTS = 20


@require_GET
def servers(request: HttpRequest) -> HttpResponse:
    """List the servers of the address's filter, fifty on a page."""
    now, wanted, trouble = timezone.now(), Filter.read(request.GET), ""
    try:
        found = listing.matching(wanted, now)
    except SelectorError as error:
        found, trouble = Server.objects.none(), str(error)
    page = Paginator(listing.rows(wanted, found) if not trouble else found, listing.PER_PAGE).get_page(
        request.GET.get("page")
    )
    return render(
        request,
        "servers/list.html",
        {
            "page": page,
            "filter": wanted,
            "sort": wanted.sort,
            "trouble": trouble,
            "summary": listing.summary(now),
            "facets": listing.facets(wanted, now),
            "chips": _chips(wanted),
            **_bulk_forms(request),
        },
    )


def _bulk_forms(request: HttpRequest) -> dict[str, Any]:
    if not access.may_change_fleet(request.user):
        return {}
    return {
        "tag_form": TagForm(auto_id="tag_%s"),
        "maintenance_form": MaintenanceForm(auto_id="maintenance_%s"),
        "move_form": MoveForm(auto_id="move_%s"),
    }


def _chips(wanted: Filter) -> list[tuple[str, str]]:
    """Give each active filter in words, with the address of the page without it."""
    chips = [(f"“{wanted.text}”", wanted.without("q").query())] if wanted.text else []
    for name, values in wanted.chosen.items():
        words = [listing.word(name, value) for value in values]
        chips.append((f"{listing.TITLES[name]}: {', '.join(words)}", wanted.without(name).query()))
    return [(text, f"?{query}") for text, query in chips]


@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """Give the matching servers as the CSV that the import takes."""
    try:
        wanted = Filter.read(request.GET)
        found = listing.rows(wanted, listing.matching(wanted, timezone.now()))
    except SelectorError as error:
        return render(request, "errors/problem.html", {"title": _("Nothing to export"), "why": str(error)}, status=400)
    response = StreamingHttpResponse(_csv_lines(found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="servers.csv"'
    return response


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _csv_lines(found: QuerySet[Server]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for server in found.iterator(chunk_size=500):
        row = {name: getattr(server, name) for name in COLUMNS if name not in ("idc", "tags", "fallbacks")}
        row["idc"], row["fallbacks"] = server.idc.name, " ".join(server.fallbacks)
        row["tags"] = " ".join(str(tag) for tag in server.tags.all())
        yield writer.writerow([to_cell(row[name]) for name in COLUMNS])


@require_GET
def server(request: HttpRequest, name: str) -> HttpResponse:
    """Show one server: what is known of it, its tags, its last results, and the masters that reach it."""
    now = timezone.now()
    found = get_object_or_404(listing.with_health(Server.objects.select_related("idc", "facts"), now), name=name)
    facts = getattr(found, "facts", None)
    final = [status for status in HostStatus.values if status not in (HostStatus.RUNNING, HostStatus.QUEUED)]
    results = HostResult.objects.filter(server=found, status__in=final, ended_at__isnull=False)
    return render(
        request,
        "servers/server.html",
        {
            "server": found,
            "tags": found.tags.all(),
            "facts": facts,
            "sections": facts_card.sections(facts) if facts else (),
            "can_gather": access.may_run(request.user, "read"),
            "results": results.select_related("task").order_by("-ended_at")[:LAST_RESULTS],
            "masters": [{"master": master, "state": master_state(master)} for master in found.idc.masters.all()],
            **_bulk_forms(request),
        },
    )


def add(request: HttpRequest) -> HttpResponse:
    """Add a server by a form."""
    access.require_fleet(request.user)
    form = ServerForm(request.POST or None, initial={"engine": "ssh"})
    if request.method == "POST" and form.is_valid():
        try:
            made = services.save_server(by_of(request), form.fill(Server()), form.cleaned_data["tags"])
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("%s is added.") % made.name)
            return redirect("server", made.name)
    return render(request, "servers/form.html", {"form": form, **_known_words()})


def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Change a server; when another person changed it meanwhile, show both values and ask."""
    access.require_fleet(request.user)
    found = get_object_or_404(Server.objects.select_related("idc"), name=name)
    form = ServerForm(request.POST or None, initial=values_of(found))
    differences: list[tuple[str, str, str]] = []
    if request.method == "POST" and form.is_valid():
        differences = _conflict(found, form)
        if not differences:
            try:
                services.save_server(by_of(request), form.fill(found), form.cleaned_data["tags"])
            except ValidationError as error:
                add_errors(form, error)
            else:
                messages.success(request, _("%s is changed.") % found.name)
                return redirect("server", found.name)
    context = {"form": form, "name": name, "differences": differences, "seen": found.updated_at.isoformat()}
    return render(request, "servers/form.html", {**context, **_known_words()}, status=409 if differences else 200)


def _conflict(found: Server, form: ServerForm) -> list[tuple[str, str, str]]:
    """Give (label, value now, value typed) where the server was changed since the form was shown."""
    if form.cleaned_data["seen"] in ("", found.updated_at.isoformat()):
        return []
    now, typed = values_of(found), form.data
    plain = {name: str(value if value is not None else "") for name, value in now.items() if name != "seen"}
    plain["idc"] = str(found.idc_id)
    return [
        (str(form.fields[name].label), found.idc.name if name == "idc" else value, _typed(form, name))
        for name, value in plain.items()
        if value != typed.get(name, "")
    ] or [(_("Nothing"), "", "")]


def _typed(form: ServerForm, name: str) -> str:
    return str(form.cleaned_data["idc"]) if name == "idc" else str(form.data.get(name, ""))


def _known_words() -> dict[str, Any]:
    def words(column: str) -> list[str]:
        found = Server.objects.exclude(**{column: ""}).order_by(column).values_list(column, flat=True).distinct()
        return list(found[:200])

    return {"categories": words("category"), "applications": words("application")}


@require_POST
def bulk(request: HttpRequest, act: str) -> HttpResponse:
    """Do one act with the selected servers: those in `names`, or with all=1 those that match the filter `query`."""
    back = _back(request)
    try:
        chosen, selector = _chosen(request)
        if act == "run" and len(selector) > LONGEST:
            raise services.Refused(
                _("The names of this selection are too long for an address. Narrow it by filters, or save a group.")
            )
        if act == "run":
            return redirect(f"{reverse('run')}?{urlencode({'on': selector})}")
        access.require_fleet(request.user)
        if act not in ACTS:
            raise Http404
        said = ACTS[act](request, chosen)
    except (SelectorError, ValidationError, services.Refused) as error:
        texts = error.messages if isinstance(error, ValidationError) else [str(error)]
        messages.error(request, sentences(*texts))
    else:
        messages.success(request, said)
        back = reverse("servers") if act == "delete" and request.POST.get("back") == "server" else back
    return redirect(back)


def _back(request: HttpRequest) -> str:
    """Give the address of the page that asked: the server's own, else the list as it was filtered."""
    if request.POST.get("back") == "server":
        with suppress(NoReverseMatch):  # no server has such a name
            return reverse("server", args=[request.POST.get("names", "")])
    return f"{reverse('servers')}?{request.POST.get('query', '')}"


def _chosen(request: HttpRequest) -> tuple[QuerySet[Server], str]:
    """Give the selection, and how a selector says it."""
    if request.POST.get("all") == "1":
        wanted = Filter.read(QueryDict(request.POST.get("query", "")))
        found = listing.matching(wanted, timezone.now())
        selector = wanted.selector() or ",".join(found.order_by("name").values_list("name", flat=True)[:MAX_NAMES])
    else:
        names = [name for name in request.POST.get("names", "").split(",") if name][:MAX_NAMES]
        found, selector = Server.objects.filter(name__in=names), ",".join(names)
    if not found.exists():
        raise services.Refused(_("No server is selected, or those selected are gone."))
    return Server.objects.filter(pk__in=list(found.values_list("pk", flat=True))), selector


def _tag(request: HttpRequest, chosen: QuerySet[Server]) -> str:
    form = _checked(TagForm(request.POST))
    count = services.tag_servers(by_of(request), chosen, form.cleaned_data["add"], form.cleaned_data["remove"])
    return ngettext("The tags of %d server are changed.", "The tags of %d servers are changed.", count) % count


def _maintenance(request: HttpRequest, chosen: QuerySet[Server]) -> str:
    form = _checked(MaintenanceForm(request.POST))
    span = form.span()
    until: datetime | None = timezone.now() + span if span else None
    count = services.set_maintenance(by_of(request), chosen, until, form.cleaned_data["reason"])
    if until is None:
        return (
            ngettext("The maintenance of %d server has ended.", "The maintenance of %d servers has ended.", count)
            % count
        )
    return ngettext("%d server is in maintenance.", "%d servers are in maintenance.", count) % count


def _move(request: HttpRequest, chosen: QuerySet[Server]) -> str:
    idc: Idc = _checked(MoveForm(request.POST)).cleaned_data["idc"]
    count = services.move_servers(by_of(request), chosen, idc)
    return ngettext("%(n)d server is in %(idc)s now.", "%(n)d servers are in %(idc)s now.", count) % {
        "n": count,
        "idc": idc.name,
    }


def _delete(request: HttpRequest, chosen: QuerySet[Server]) -> str:
    typed, count = request.POST.get("typed", "").replace(",", "").strip(), chosen.count()
    if typed != str(count):
        raise services.Refused(
            _("Nothing was deleted: %(n)d servers are selected, but “%(typed)s” was typed.")
            % {"n": count, "typed": typed[:20]}
        )
    services.delete_servers(by_of(request), chosen)
    return ngettext("%d server is deleted.", "%d servers are deleted.", count) % count


def _checked(form: Any) -> Any:  # noqa: ANN401  # the same form comes back
    if not form.is_valid():
        raise ValidationError([text for texts in form.errors.values() for text in texts])
    return form


ACTS = {"tag": _tag, "maintenance": _maintenance, "move": _move, "delete": _delete}
