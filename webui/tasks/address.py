"""Write a request as the address of the Run page, and read it back. A secret never stands in it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from webui.tasks.plan import MAX_NAME, Request
from webui.tasks.reads import value_text

LONGEST = 6000  # characters; servers in front of ours refuse longer addresses


def address(request: Request, *, extra: Iterable[tuple[str, str]] = (), secrets: Iterable[str] = ()) -> str:
    """Give the address that opens the Run page with this request filled in. extra: how the page looks at servers."""
    path = reverse("run-module", args=[request.module]) if _named(request.module) else reverse("run")
    query = urlencode([*_pairs(request, set(secrets)), *extra])
    return f"{path}?{query}" if query else path


def _named(module: str) -> bool:
    """Say whether a text may be a module's name; what else was typed is no part of a path."""
    return module.isascii() and module.isidentifier() and len(module) <= MAX_NAME


def _pairs(request: Request, secrets: set[str]) -> Iterable[tuple[str, str]]:
    if 0 < len(request.selector) <= LONGEST:
        yield "on", request.selector
    for name, value in request.params.items():
        if name not in secrets and value is not None and value not in ("", []):
            is_file = isinstance(value, dict)
            yield f"p.{name}", json.dumps(value, ensure_ascii=False) if is_file else value_text(value)
    yield from _settings(request)


def _settings(request: Request) -> Iterable[tuple[str, str]]:
    given: Mapping[str, Any] = {"timeout": request.timeout, "max_fail": request.max_fail}
    for name, value in given.items():
        if value is not None:
            yield name, f"{value:g}"
    if request.waves:
        yield "waves", request.waves
    if request.check:
        yield "check", "true"
