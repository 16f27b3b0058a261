"""What stands in the form of the Run page, read from what was sent or from an address."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from rpcgate.catalog import Entry
from webui import catalog
from webui.forms import raw_params
from webui.tasks import picker
from webui.tasks.address import address
from webui.tasks.plan import Request

MODES = ("browse", "paste", "expression")
CAREFUL = {"waves": "1, 10%, rest", "max_fail": 10}  # what a module that changes things is offered


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form. faults: of texts that are no numbers; typed: those texts, given back as they were."""

    request: Request
    entry: Entry | None
    by: str
    view: picker.View
    faults: Mapping[str, str]
    typed: Mapping[str, str]
    paste: str = ""

    @property
    def secrets(self) -> frozenset[str]:
        """Give the names of the secret fields."""
        return frozenset(field.name for field in self.entry.fields if field.secret) if self.entry else frozenset()

    @property
    def address(self) -> str:
        """Give the page's address with all of it but the secrets, and what no field declares: it may be one."""
        known = {field.name for field in self.entry.fields} if self.entry else set()
        params = {name: value for name, value in self.request.params.items() if name in known}
        return address(replace(self.request, params=params), extra=self._look, secrets=self.secrets)

    @property
    def _look(self) -> list[tuple[str, str]]:
        """Give how the page looks at the servers: the way of choosing, and the filters."""
        if self.by != MODES[0]:
            return [("by", self.by)]
        pairs = [("b.q", self.view.text), *(("b.idc", name) for name in self.view.idcs), ("b.tag", self.view.tag)]
        return [pair for pair in pairs if pair[1]]


def draft_of(values: QueryDict, module: str) -> Draft:
    """Read what a form or an address holds."""
    entry = _entry(module)
    numbers, faults, typed = _numbers(values)
    by = values.get("by", "")
    asked = Request(
        module=module,
        selector=values.get("on", "").strip(),
        params=raw_params(values),
        waves=values.get("waves", "").strip(),
        check=values.get("check", "") in ("true", "on", "1"),
        **numbers,
    )
    view = picker.view_of(values)
    mode = by if by in MODES else MODES[0]
    paste = values.get("paste", "" if "=" in asked.selector else asked.selector.replace(",", "\n"))
    return Draft(asked, entry, mode, view, faults, typed, paste if mode == "paste" else "")


def without_secrets(values: QueryDict, module: str) -> QueryDict:
    """Give an address's values without secrets, which are never taken from there: it stands in histories and logs."""
    entry = _entry(module)
    kept = values.copy()
    for name in raw_params(values):
        if entry is None or any(field.secret for field in entry.fields if field.name == name):
            del kept[f"p.{name}"]
    return kept


def offered(draft: Draft, values: QueryDict, *, fresh: bool = False) -> Draft:
    """Fill in what was left open: the module's own deadline, and waves for a module that changes things."""
    entry, asked = draft.entry, draft.request
    assert entry is not None  # noqa: S101  # the callers have seen to it; for the reader
    careful = CAREFUL if entry.risk != "read" else {"waves": "rest", "max_fail": None}
    changes: dict[str, Any] = {}
    if fresh:
        changes = {**careful, "timeout": entry.timeout, "params": {}, "check": False}
    else:
        if "timeout" not in values:
            changes["timeout"] = entry.timeout
        if "waves" not in values:
            changes.update(careful)
    return replace(draft, request=replace(asked, **changes), typed={**draft.typed, **_typed(changes)})


def acted(draft: Draft, values: QueryDict) -> Draft:
    """Do what was clicked in the server card."""
    act = values.get("act", "")
    kind, _sign, rest = act.partition(":")
    asked = draft.request
    if kind == "clear":
        return replace(draft, request=replace(asked, selector=""), paste="")
    if kind == "paste":
        return replace(draft, request=replace(asked, selector=picker.pasted(draft.paste)[0]))
    if kind in ("on", "off"):
        what, _sign, value = rest.partition(":")
        selector = picker.tick(asked.selector, draft.view, what, value, on=kind == "on")
        return replace(draft, request=replace(asked, selector=selector))
    return draft


def _entry(module: str) -> Entry | None:
    """Give a module that loads; None for any other, the preview says why."""
    try:
        return catalog.entry(module) if module else None
    except catalog.UnknownModule:
        return None


def _numbers(values: QueryDict) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    found: dict[str, Any] = {}
    faults, typed = {}, {}
    for name, kind in (("timeout", float), ("max_fail", int), ("confirm", int)):
        text = typed[name] = values.get(name, "").strip()
        try:
            found[name] = kind(text.replace(",", "")[:20]) if text else None
        except ValueError:
            found[name] = None
            faults[name] = _("“%s” is not a number; write a whole number.") % text[:40]
    return found, faults, typed


def _typed(changes: Mapping[str, Any]) -> dict[str, str]:
    numbers = {name: changes[name] for name in ("timeout", "max_fail") if name in changes}
    return {name: "" if value is None else f"{value:g}" for name, value in numbers.items()}
