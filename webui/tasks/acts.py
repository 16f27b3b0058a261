"""What a person does to a task from its page: cancel, hold, go on, stop, retry. Each is a form with a CSRF token."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from webui import access
from webui.by import source_of
from webui.modules.models import ModuleVersion
from webui.tasks import parts, reads, services
from webui.tasks.digits import number
from webui.tasks.models import Task
from webui.tasks.once import created_once, token_of

VERBS = {
    "cancel": services.cancel,
    "hold": services.hold,
    "resume": services.resume,
    "stop": services.stop,
}


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Do one act and show the task again; one that is no longer possible says so."""
    task = get_object_or_404(Task, pk=pk)
    if verb not in VERBS:
        raise Http404
    try:
        VERBS[verb](request.user, task, source=source_of(request))
    except services.Refused as refused:
        messages.error(request, str(refused))
    return redirect("task", pk)


@require_http_methods(["GET", "POST"])
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Run a task again on some of its servers; what must be typed first is asked for on a page of its own.

    A form without a token is asked again on that page, which has one: sent twice, it would be two tasks.
    """
    task = get_object_or_404(Task, pk=pk)
    access.require_run(request.user, task.risk)
    values = request.POST if request.method == "POST" else request.GET
    key, names = values.get("group", ""), values.getlist("host")
    if key:
        names = _members(task, key)
    only = values.get("only", "") or None
    faults: dict[str, str] = {}
    if request.method == "POST" and token_of(request):
        try:
            made = created_once(request, lambda: _retried(request, task, only, names))
        except services.Refused as refused:
            faults = refused.faults
        else:
            return redirect("task", made.pk)
    asked = "confirm" in values or any(f"p.{name}" in values for name in task.secret_names)
    return render(request, "tasks/retry.html", _retry_page(task, names, only, key, faults, asked=asked))


def _retried(request: HttpRequest, task: Task, only: str | None, names: list[str]) -> Task:
    secrets = {name: request.POST.get(f"p.{name}", "") for name in task.secret_names}
    return services.retry(
        request.user,
        task,
        only if not names else None,
        names or None,
        source=source_of(request),
        params={name: value for name, value in secrets.items() if value},
        confirm=number(request.POST.get("confirm", "").replace(",", "").strip()),
    )


def _retry_page(  # what the page shows, each once
    task: Task, names: list[str], only: str | None, key: str, faults: dict[str, str], *, asked: bool
) -> dict[str, Any]:
    numbers = reads.counts(task)
    sizes = {"failed": reads.problems(numbers), "lost": numbers["lost"] + numbers["timeout"]}
    size = len(names) if names else sizes.get(only or "all", task.hosts)
    secrets = [(name, faults.get(f"p.{name}", "") if asked else "") for name in task.secret_names]
    shown = {name for name, _fault in secrets}
    return {
        "task": task,
        "newer": parts.newer(task),
        "kept": ModuleVersion.objects.filter(name=task.module, digest=task.digest).exists(),
        "token": uuid4().hex,
        "size": size,
        "words": ngettext("%(n)s server", "%(n)s servers", size) % {"n": f"{size:,}"},
        "names": names if not key else [],
        "only": only or "",
        "key": key,
        "secrets": secrets,
        "confirm": "confirm" in faults,
        "confirm_fault": faults.get("confirm", "") if asked else "",
        "faults": [text for name, text in faults.items() if name != "confirm" and name.removeprefix("p.") not in shown],
        "heading": _("Retry on %(n)s of %(all)s") % {"n": f"{size:,}", "all": f"{task.hosts:,}"},
    }


def _members(task: Task, key: str) -> list[str]:
    row = parts.find_row(task, key)
    if row is None:
        raise Http404
    group = row.group
    return list(reads.group_hosts(task, group.status, group.digest, group.reason).values_list("host", flat=True))
