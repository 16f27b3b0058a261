"""Answer the API for modules, servers and tasks. How it lets in and refuses stands in webui/api/door.py."""

from typing import Any

from django.http import HttpRequest, JsonResponse

from webui.api.door import PAGE, Types, api, body, refusal, typed
from webui.catalog import catalog
from webui.modules import services as module_services
from webui.servers.models import Idc
from webui.servers.reads import server_json
from webui.servers.selectors import resolve
from webui.servers.services import By
from webui.tasks import reads, services
from webui.tasks.models import Task


@api("GET", "POST")
def modules(request: HttpRequest) -> JsonResponse:
    """List the modules as manage.py modules --json does, or publish one; MODULE_TYPES has the fields."""
    if request.method == "POST":
        return _published(request)
    return JsonResponse({"modules": [entry.as_dict() for entry in catalog().entries()]})


def _published(request: HttpRequest) -> JsonResponse:
    plain = body(request)
    typed(plain, MODULE_TYPES, "a module", needed=2)
    by, names = By(request.user, "api"), plain.get("idcs", [])
    if not all(isinstance(name, str) for name in names):
        raise ValueError("idcs is of the wrong type; write a list of names.")
    idcs = list(Idc.objects.filter(name__in=names))
    unknown = set(names) - {idc.name for idc in idcs}
    if unknown:
        raise ValueError(f"There is no IDC {min(unknown)[:80]}.")
    source = plain["source"].encode("utf-8", "surrogatepass")
    version = module_services.add(by, plain["name"], source, plain.get("note", ""))
    result = module_services.publish(by, version, idcs, base=plain.get("base"))
    masters = [{"master": one.master, "state": one.state, "reason": one.reason} for one in result.answers]
    told = {"name": version.name, "digest": version.digest, "idcs": list(result.idcs), "masters": masters}
    return JsonResponse(told, status=201)


@api("GET")
def servers(request: HttpRequest) -> JsonResponse:
    """List the servers of ?on=SELECTOR."""
    found = resolve(request.GET.get("on", "all")).select_related("idc", "facts").prefetch_related("tags")
    return JsonResponse({"servers": [server_json(server) for server in found]})


@api("GET", "POST")
def tasks(request: HttpRequest) -> JsonResponse:
    """List the newest tasks, or create one; TYPES has the fields."""
    if request.method == "GET":
        found = Task.objects.all()[:PAGE]
        return JsonResponse(
            {"tasks": [{"id": t.pk, "module": t.module, "state": t.state, "hosts": t.hosts} for t in found]}
        )
    task = services.create(request.user, wanted(body(request)), source="api")
    return JsonResponse(reads.task_json(task), status=201)


@api("GET")
def task(request: HttpRequest, pk: int) -> JsonResponse:
    """Give a task as manage.py task show --json does."""
    return JsonResponse(reads.task_json(Task.objects.get(pk=pk)))


@api("POST")
def cancel(request: HttpRequest, pk: int) -> JsonResponse:
    """Cancel a task."""
    found = Task.objects.get(pk=pk)
    services.cancel(request.user, found, source="api")
    found.refresh_from_db()
    return JsonResponse(reads.task_json(found))


@api("GET", "POST", "PUT", "PATCH", "DELETE")
def nothing(request: HttpRequest, path: str) -> JsonResponse:
    """Say that there is nothing at an address."""
    return refusal(404, f"There is nothing at /api/{path[:80]}; docs/api.md lists what there is.")


TYPES: Types = {
    "module": (str,),
    "on": (str,),
    "params": (dict,),
    "waves": (str,),
    "max_fail": (int,),
    "check": (bool,),
    "timeout": (int, float),
    "confirm": (int,),
}


MODULE_TYPES: Types = {
    "name": (str,),
    "source": (str,),
    "idcs": (list,),
    "note": (str,),
    "base": (str,),
}


def wanted(plain: dict[str, Any]) -> services.Request:
    """Read what a task is to do; ValueError names the first field that is unknown, missing or of a wrong type."""
    typed(plain, TYPES, "a task", needed=2)
    return services.Request(
        module=plain["module"],
        selector=plain["on"],
        params=plain.get("params", {}),
        timeout=plain.get("timeout"),
        waves=plain.get("waves", "rest"),
        max_fail=plain.get("max_fail"),
        check=plain.get("check", False),
        confirm=plain.get("confirm"),
    )
