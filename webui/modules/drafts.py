"""A module as a person has typed or chosen it, and what is to be said of it at once."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from rpcgate.catalog import MAX_SOURCE, Entry
from webui.catalog import catalog
from webui.forms import params_form
from webui.modules import reads, services
from webui.modules.difference import difference
from webui.modules.models import Place
from webui.servers.models import Idc
from webui.servers.services import Refused


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form holds. base: the digest that was current when it was opened, "" for none. idcs: ticked names.

    shown: the digest of the text that the verdict on the page is about.
    """

    name: str
    source: bytes
    note: str = ""
    idcs: frozenset[str] = frozenset()
    base: str = ""
    shown: str = ""

    @property
    def text(self) -> str:
        """Give the source for the box; what is no UTF-8 shows as a mark, and the verdict names it."""
        return self.source.decode("utf-8", "replace")


def opened(name: str) -> Draft:
    """Give the form as it is opened: empty, or with the current version of a module to be changed."""
    entry = catalog().get(name) if name else None
    if entry is None:
        return Draft(name[:80], b"", idcs=frozenset(Idc.objects.values_list("name", flat=True)))
    places = Place.objects.filter(version__name=entry.name, version__digest=entry.digest)
    now = frozenset(places.values_list("idc__name", flat=True)) if entry.published else frozenset()
    everywhere = now or frozenset(Idc.objects.values_list("name", flat=True))
    return Draft(entry.name, entry.source, idcs=everywhere, base=entry.digest if entry.published else "")


def sent(request: HttpRequest) -> Draft:
    """Read the form; a chosen file counts over the text, and gives the name where none was written."""
    file = request.FILES.get("file")
    text = request.POST.get("source", "").replace("\r\n", "\n")  # a form sends its lines so
    source = file.read(MAX_SOURCE + 1) if file else text.encode("utf-8", "surrogatepass")
    stem = PurePosixPath(file.name or "").name.removesuffix(".py") if file else ""
    return Draft(
        name=request.POST.get("name", "").strip().removesuffix(".py")[:200] or stem,
        source=source,
        note=request.POST.get("note", "").strip()[:200],
        idcs=frozenset(request.POST.getlist("idc")),
        base=request.POST.get("base", ""),
        shown=request.POST.get("digest", ""),
    )


def verdict(draft: Draft) -> dict[str, Any]:
    """Say what is wrong with a draft, or what it will be. Its code runs in a process of its own only."""
    shown: dict[str, Any] = {"draft": draft, "idcs": _idcs(draft), "folder": settings.MODULES_DIR.name}
    if not draft.source.strip():
        return shown | {"state": "empty"}
    if not draft.name:
        return shown | {"state": "unnamed"}
    try:
        entry = services.judge(draft.name, draft.source)
    except Refused as error:
        return shown | {"state": "busy", "fault": str(error)}
    if entry.error:
        return shown | {
            "state": "broken",
            "fault": reads.fault_of(entry),
            "lines": reads.lines_around(entry),
            "entry": entry,
        }
    return shown | _good(entry, draft)


def _good(entry: Entry, draft: Draft) -> dict[str, Any]:
    current = catalog().get(entry.name)
    return {
        "state": "good",
        "entry": entry,
        "engines": reads.engine_words(entry),
        "form": params_form(entry.fields),
        "current": current,
        "same": current is not None and current.digest == entry.digest,
        "lines": difference(current.source, entry.source) if current else [],
        "riskier": current is not None and not current.error and current.risk != entry.risk,
        "moved": _moved(current, draft),
    }


def _moved(current: Entry | None, draft: Draft) -> str:
    """Say that somebody has published another version since the form was opened."""
    now = current.digest if current and current.published else ""
    if now == draft.base:
        return ""
    if not now:
        return _("It was withdrawn since this page was opened.")
    return _("Version %s was published since this page was opened; below is the difference to that one.") % now[:8]


def _idcs(draft: Draft) -> list[tuple[Idc, bool]]:
    return [(idc, idc.name in draft.idcs) for idc in Idc.objects.prefetch_related("masters")]
