"""Answer the API. Every answer is JSON; a refusal is {"error": sentence, "faults": {field: sentence}}."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from webui.api.tokens import token_of
from webui.catalog import catalog
from webui.modules import services as module_services
from webui.servers.models import Idc
from webui.servers.reads import server_json
from webui.servers.selectors import SelectorError, resolve
from webui.servers.services import By, Refused
from webui.tasks import reads, services
from webui.tasks.models import Task

MAX_BODY = settings.DATA_UPLOAD_MAX_MEMORY_SIZE  # bytes of one request
PAGE = 100
MOST = 1 << 31  # what any number of a task may be; a longer one is no float either
View = Callable[..., JsonResponse]


def api(*methods: str) -> Callable[[View], View]:
    """Let a view be called with a token and one of `methods` only, and turn refusals into JSON."""

    def wrap(view: View) -> View:
        @csrf_exempt  # a token in a header is nothing that a foreign page could make a browser send
        @login_not_required  # the token is the login
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
            token = token_of(request.headers.get("Authorization", ""))
            if token is None:
                return refusal(401, "Send the header Authorization: Bearer TOKEN; manage.py token add NAME makes one.")
            if request.method not in methods:
                return refusal(405, f"{request.method} is not offered here; use {' or '.join(methods)}.")
            request.user = token.person
            return _answered(view, request, *args, **kwargs)

        return answer

    return wrap


def _answered(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
    try:
        return view(request, *args, **kwargs)
    except services.Refused as error:
        return refusal(400, str(error), {_field(name): text for name, text in error.faults.items()})
    except (Refused, SelectorError, ValueError) as error:
        return refusal(400, str(error))
    except Task.DoesNotExist:
        return refusal(404, "There is no such task.")
    except PermissionDenied as error:
        return refusal(403, str(error))


def _field(name: str) -> str:
    """Name a fault's field as the request does: the services say p.lines for params.lines and selector for on."""
    return f"params.{name[2:]}" if name.startswith("p.") else {"selector": "on"}.get(name, name)


def refusal(status: int, sentence: str, faults: dict[str, str] | None = None) -> JsonResponse:
    """Give an error answer."""
    return JsonResponse({"error": sentence, "faults": faults or {}}, status=status)


@api("GET", "POST")
def modules(request: HttpRequest) -> JsonResponse:
    """List the modules as manage.py modules --json does, or publish one; MODULE_TYPES has the fields."""
    if request.method == "POST":
        return _published(request)
    return JsonResponse({"modules": [entry.as_dict() for entry in catalog().entries()]})


def _published(request: HttpRequest) -> JsonResponse:
    plain = body(request)
    _typed(plain, MODULE_TYPES, "a module")
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


def body(request: HttpRequest) -> dict[str, Any]:
    """Read the request's JSON object; ValueError with a sentence otherwise."""
    try:
        plain = json.loads(request.body or b"{}")
    except RequestDataTooBig as error:
        raise ValueError(f"The request has more than {MAX_BODY:,} bytes.") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("The request's body is no JSON.") from error
    if not isinstance(plain, dict):
        raise ValueError("The request's body is no JSON object.")
    return plain


TYPES: dict[str, tuple[type, ...]] = {
    "module": (str,),
    "on": (str,),
    "params": (dict,),
    "waves": (str,),
    "max_fail": (int,),
    "check": (bool,),
    "timeout": (int, float),
    "confirm": (int,),
}


MODULE_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "source": (str,),
    "idcs": (list,),
    "note": (str,),
    "base": (str,),
}


def wanted(plain: dict[str, Any]) -> services.Request:
    """Read what a task is to do; ValueError names the first field that is unknown, missing or of a wrong type."""
    _typed(plain, TYPES, "a task")
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


def _typed(plain: dict[str, Any], types: dict[str, tuple[type, ...]], what: str) -> None:
    """Refuse, with a ValueError, fields that are unknown, missing or of a wrong type; the first two must be there."""
    for name, value in plain.items():
        if name not in types:
            raise ValueError(f"{name[:40]} is no field of {what}; there are {', '.join(types)}.")
        if not isinstance(value, types[name]) or (isinstance(value, bool) and bool not in types[name]):
            raise ValueError(f"{name} is of the wrong type; write {types[name][-1].__name__}.")
        if isinstance(value, int) and abs(value) > MOST:
            raise ValueError(f"{name} is too large a number.")
    missing = [name for name in list(types)[:2] if not plain.get(name)]
    if missing:
        raise ValueError(f"{missing[0]} is missing.")
