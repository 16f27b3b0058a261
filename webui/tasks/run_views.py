"""The Run page: one form on one address. Nothing is stored before Run is pressed."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rpcgate.catalog import Entry
from webui import access, catalog
from webui.by import source_of
from webui.faults import in_words
from webui.forms import ParamsForm, params_form, raw_params, with_defaults
from webui.servers.models import Engine
from webui.tasks import offers, picker, services
from webui.tasks.address import LONGEST, address
from webui.tasks.draft import Draft, acted, draft_of, offered, without_secrets
from webui.tasks.models import Task
from webui.tasks.once import created_once
from webui.tasks.plan import Request

RECENT = 3
ABOUT = 400  # characters of a module's help in the dialog
SENTENCE = re.compile(r"[.!?](?=\s|\Z)|[。！？]")  # its end


@require_http_methods(["GET", "POST"])
def run(request: HttpRequest, module: str = "") -> HttpResponse:
    """Show the form as its address fills it; POST starts the task, or shows what is wrong."""
    if request.method == "POST":
        return _start(request)
    values = without_secrets(request.GET, module)
    draft = draft_of(values, module)
    if draft.entry is not None:
        draft = offered(draft, values)
    form = _filled(draft.entry, values) if draft.entry else None
    return render(request, "run/run.html", _page(request, draft, form))


@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    """Give what follows from the form as it stands: parts of the page, faults by field, its address.

    `act` is a tick in the columns.
    """
    draft = acted(draft_of(request.POST, request.POST.get("module", "")), request.POST)
    changed = request.POST.get("shown", "") != draft.request.module
    if changed and draft.entry is not None:
        draft = offered(draft, request.POST, fresh=True)
    form = params_form(draft.entry.fields) if changed and draft.entry else None
    values = _page(request, draft, form) | {"part": True}
    names = ["run/preview.html", "run/servers.html"] + (["run/params.html"] if changed else [])
    html = "".join(render_to_string(name, values, request) for name in names)
    told = {"html": html, "address": draft.address, "title": values["title"], "faults": values["faults"]}
    return JsonResponse(told)


@require_GET
def choices(request: HttpRequest, module: str, field: str) -> JsonResponse:
    """Ask a master what a field offers for the selected servers."""
    try:
        entry = catalog.entry(module)
    except catalog.UnknownModule as error:
        raise Http404(str(error)) from None
    if not any(one.name == field and one.computed for one in entry.fields):
        raise Http404
    access.require_run(request.user, entry.risk)
    params = {name: value for name, value in raw_params(request.GET).items() if name != field}
    return JsonResponse(offers.offered(entry, field, request.GET.get("on", ""), params))


def _start(request: HttpRequest) -> HttpResponse:
    draft = draft_of(request.POST, request.POST.get("module", ""))
    faults = dict(draft.faults)
    if not faults:
        try:
            return redirect("task", _started(request, draft.request).pk)
        except services.Refused as refused:
            faults = refused.faults
    draft = replace(draft, faults=faults)
    form = params_form(draft.entry.fields, request.POST) if draft.entry else None
    if form is not None:
        _place_faults(form, faults)
    values = _page(request, draft, form) | {"refused": True, "first_wrong": _first_wrong(faults, form)}
    return render(request, "run/run.html", values, status=422)


def _started(request: HttpRequest, asked: Request) -> Task:
    return created_once(request, lambda: services.create(request.user, asked, source=source_of(request)))


def _page(request: HttpRequest, draft: Draft, form: ParamsForm | None) -> dict[str, Any]:
    shown = services.preview(request.user, draft.request)
    missing = (*draft.faults.values(), *shown.missing) if draft.faults else shown.missing
    entries = catalog.catalog().entries()
    pasted = picker.pasted(draft.paste) if draft.by == "paste" and draft.paste else ("", [], 0)
    return {
        "draft": draft,
        "ask": draft.request,
        "entry": draft.entry,
        "form": form,
        "preview": shown,
        "missing": list(dict.fromkeys(_short(sentence, shown) for sentence in missing)),
        "nobody": _nobody(shown),
        "only_confirm": shown.confirm_needed and list(missing) == [shown.faults.get("confirm")],
        "faults": {name: in_words(text) for name, text in {**shown.faults, **draft.faults}.items()},
        "begun": _begun(draft),
        "columns": picker.columns(asked_selector(draft, shown), draft.view),
        "filters": picker.filters() if draft.by == "browse" else {},
        "unknown": picker.unknown_sentence(pasted[1]),
        "modules": sorted(entries, key=lambda one: (bool(one.error), one.number or 10**9, one.name)),
        "recent": _recent(request),
        "last": _last(draft),
        "token": uuid4().hex,
        "may_run": draft.entry is None or access.may_run(request.user, draft.entry.risk),
        "title": _title(draft),
        "too_long": len(draft.request.selector) > LONGEST,
        "address": draft.address,
        "here": draft.address,
        "engines": Engine.choices,
        "confirm_above": settings.CONFIRM_ABOVE,
        "left_out": _left_out(shown),
        "about": _about(draft),
    }


def asked_selector(draft: Draft, shown: services.Preview) -> str:
    """Give the selector, or "" where it is not sound: the columns then show nothing ticked."""
    return "" if "selector" in shown.faults and not shown.selected else draft.request.selector


def _title(draft: Draft) -> str:
    return _("Run a module") if draft.entry is None else _("Run: %s") % _(draft.entry.title)


def _recent(request: HttpRequest) -> list[Entry]:
    names = Task.objects.filter(created_by=request.user).order_by("-id").values_list("module", flat=True)[:40]
    found = [catalog.catalog().get(name) for name in dict.fromkeys(names)]
    return [entry for entry in found if entry and not entry.error][:RECENT]


def _last(draft: Draft) -> str:
    """Give the address that fills the form from the module's last run."""
    if draft.entry is None:
        return ""
    task = Task.objects.filter(module=draft.entry.name).order_by("-id").first()
    if task is None:
        return ""
    again = services.run_again(task, selector=draft.request.selector or task.selector)
    return address(again, secrets=draft.secrets)


def _nobody(shown: services.Preview) -> bool:
    """Say whether servers are selected but every one of them is left out."""
    return bool(shown.left_out) and not shown.hosts


def _short(sentence: str, shown: services.Preview) -> str:
    """Leave the reason out where the list of who is left out says it already."""
    if _nobody(shown) and sentence == shown.faults.get("selector"):
        return _("Nobody is left to run on.")
    return sentence


def _left_out(shown: services.Preview) -> list[dict[str, str]]:
    """Say who is left out, one line for each reason, largest first."""
    by_reason: dict[str, list[str]] = {}
    for one in shown.left_out:
        by_reason.setdefault(one.reason, []).append(one.server)
    lines = sorted(by_reason.items(), key=lambda item: -len(item[1]))
    return [
        {
            "names": ", ".join(names[:3]) + (_(" and %d more") % (len(names) - 3) if len(names) > 3 else ""),
            "why": ngettext("is left out: %s", "are left out: %s", len(names)) % reason,
            "icon": "tool",
            "tone": "skipped",
        }
        for reason, names in lines[:6]
    ]


def _about(draft: Draft) -> str:
    """Say what a module does, in whole sentences: what destroys is agreed to by who has read this."""
    text = _(draft.entry.help) if draft.entry and draft.entry.help else ""
    ends = [match.end() for match in SENTENCE.finditer(text)]
    return text[: max((end for end in ends if end <= ABOUT), default=ends[0] if ends else len(text))].strip()


def _filled(entry: Entry, values: QueryDict) -> ParamsForm:
    """Make the form that an address fills; what the address leaves out keeps its default, and is not wrong yet."""
    given = {name for name, value in raw_params(values).items() if value}
    if not given:
        return params_form(entry.fields)
    form = params_form(entry.fields, with_defaults(entry.fields, values))
    for name in form.errors.keys() - given:
        del form.errors[name]
        if name in form.fields:
            form.fields[name].widget.attrs.pop("autofocus", None)
    return form


def _begun(draft: Draft) -> bool:
    """Say whether anything stands in the parameters that does not stand there by itself."""
    fields = draft.entry.fields if draft.entry else ()
    own = {field.name: str(field.default).lower() for field in fields if field.default is not None}
    return any(value and str(value).lower() != own.get(name) for name, value in draft.request.params.items())


def _place_faults(form: ParamsForm, faults: Mapping[str, str]) -> None:
    """Put the service's faults at their fields; the form's own check has found the same ones but for __post_init__."""
    form.full_clean()
    for name, text in faults.items():
        field = name.removeprefix("p.")
        if name.startswith("p.") and field in form.fields and not form.errors.get(field):
            form.add_error(field, text)


def _first_wrong(faults: Mapping[str, str], form: ParamsForm | None) -> str:
    """Name the field that gets the focus: as one reads the page from the top."""
    order = ["module", "selector"]
    order += [f"p.{name}" for name in form.fields] if form else []
    order += ["timeout", "waves", "max_fail", "check", "confirm"]
    first = next((name for name in order if name in faults), "")
    places = {"module": "om-module-search", "selector": "om-on", "confirm": "om-confirm"}
    return places.get(first, f"id_{first}" if first else "")
