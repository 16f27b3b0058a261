"""What the catalogue's pages show of a module beside its file: versions on the masters, runs, durations."""

import statistics
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from rpcgate.catalog import Entry
from sdk.params import Field
from webui.audit.models import Entry as Audit
from webui.catalog import catalog
from webui.language import sentences
from webui.modules.models import ModuleVersion, Turned
from webui.servers.models import Engine, Master
from webui.tasks.fleet import is_healthy
from webui.tasks.models import HostResult, Task

AROUND = 2  # source lines shown before and after a fault
WINDOW = timedelta(days=30)
SAMPLE = 5000  # results that the durations are read from, newest first
HAPPENED = 100  # acts shown
ACTS = {
    "module.add": pgettext_lazy("act", "Added"),
    "module.publish": gettext_lazy("Published"),
    "module.rollback": gettext_lazy("Rolled back to"),
    "module.push": gettext_lazy("Pushed"),
    "module.withdraw": gettext_lazy("Withdrawn"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A source line. bad: the fault is here."""

    number: int
    text: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """A digest and the masters that have it. current: it is the one that new tasks run. at: when it was added."""

    digest: str
    masters: tuple[str, ...]
    current: bool
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A version that can be current. risky: what going back to it asks for: "", "dialog" or "typed"."""

    row: ModuleVersion
    masters: tuple[str, ...]
    idcs: tuple[str, ...]
    current: bool

    @property
    def risky(self) -> str:
        """Say how one confirms that this version shall run: a click alone where it only reads."""
        return {"read": "", "change": "dialog"}.get(self.row.risk, "typed")


@dataclass(frozen=True, slots=True)
class Lacking:
    """A master without the current version. has: the one it has, "" for none; reason: why it would not take ours."""

    master: str
    has: str
    reason: str
    healthy: bool


@dataclass(frozen=True, slots=True)
class Happened:
    """One act on a module's versions. where: the IDCs, or the master."""

    at: datetime
    by: str
    act: Any
    digest: str
    where: str


@dataclass(frozen=True, slots=True)
class Durations:
    """How a module's runs of 30 days went. median, p90: seconds for one server, None without results."""

    runs: int
    servers: int
    good: int
    median: float | None
    p90: float | None


def found(name: str) -> Entry | None:
    """Give a module to be shown: the current one, or the newest version of one that was withdrawn."""
    entry = catalog().get(name)
    if entry is not None:
        return entry
    digest = ModuleVersion.objects.filter(name=name).values_list("digest", flat=True).first()
    stored = catalog().version(name, digest) if digest else None
    return replace(stored, published=False) if stored else None


def lines_around(entry: Entry) -> list[Line]:
    """Give the source lines around a broken file's fault; none where its line is not known."""
    if not entry.error_line:
        return []
    lines = entry.source.decode("utf-8", "replace").splitlines()
    first = max(0, entry.error_line - 1 - AROUND)
    return [
        Line(n, lines[n - 1], n == entry.error_line)
        for n in range(first + 1, min(len(lines), entry.error_line + AROUND) + 1)
    ]


def fault_of(entry: Entry) -> str:
    """Give the fault without the file's name, which stands in the title above it."""
    rest = entry.error.removeprefix(entry.path.name).lstrip(", :")
    return rest[:1].upper() + rest[1:]


def engine_words(entry: Entry) -> str:
    """Say which engines a module works on."""
    if entry.portable:
        return _("Any")
    return ", ".join(str(dict(Engine.choices).get(name, name)) for name in entry.engines)


def last_runs() -> dict[str, datetime]:
    """Give when each module was last run. One query."""
    return dict(Task.objects.order_by().values_list("module").annotate(at=Max("created_at")))


def digests_on_masters() -> dict[str, dict[str, list[str]]]:
    """Give module -> name of an accepted master -> digests it has: its folder's first, then the kept. One query."""
    found: dict[str, dict[str, list[str]]] = {}
    rows = Master.objects.filter(state=Master.State.ACCEPTED).values_list("name", "modules", "kept")
    for name, modules, kept in rows:
        for module in modules.keys() | kept.keys():
            digests = dict.fromkeys([modules.get(module, ""), *kept.get(module, ())])
            found.setdefault(module, {})[name] = [digest for digest in digests if digest]
    return found


def versions(
    entry: Entry, on_masters: Mapping[str, list[str]], at: Mapping[str, datetime] | None = None
) -> list[Version]:
    """Give the versions that masters would run, each master once, the current one first. at: when each was added."""
    runs: dict[str, list[str]] = {entry.digest: []}
    for name, digests in on_masters.items():
        if digests:
            runs.setdefault(entry.digest if entry.digest in digests else digests[0], []).append(name)
    times = at or {}
    found = [Version(digest, tuple(names), digest == entry.digest, times.get(digest)) for digest, names in runs.items()]
    return sorted(found, key=lambda version: (not version.current, -len(version.masters)))


def lacking(entry: Entry, on_masters: Mapping[str, list[str]], idcs: Collection[str] | None) -> list[Lacking]:
    """Give the masters that have not the current version and should. idcs: where it is published, None for anywhere.

    Of a file of the folder only those are meant that have another version of it. Two queries.
    """
    have = {name for name, digests in on_masters.items() if entry.digest in digests}
    old = {name: digests[0] for name, digests in on_masters.items() if digests and name not in have}
    masters = Master.objects.filter(state=Master.State.ACCEPTED).exclude(name__in=have).select_related("idc")
    turned = Turned.objects.filter(version__name=entry.name, version__digest=entry.digest)
    reasons = dict(turned.values_list("master__name", "reason"))
    return [
        Lacking(master.name, old.get(master.name, ""), reasons.get(master.name, ""), is_healthy(master))
        for master in masters.defer("bundle")
        if (master.idc.name in idcs if idcs is not None else master.name in old)
    ]


def stored(name: str, on_masters: Mapping[str, list[str]], current: str) -> list[Stored]:
    """Give the stored versions of a module, newest first. Three queries."""
    rows = ModuleVersion.objects.filter(name=name).defer("source").prefetch_related("places__idc")
    return [
        Stored(
            row,
            tuple(name for name, digests in on_masters.items() if row.digest in digests),
            tuple(sorted(place.idc.name for place in row.places.all())),
            row.digest == current,
        )
        for row in rows
    ]


def happened(name: str) -> list[Happened]:
    """Give what was done with a module's versions, newest first, as the audit log has it. One query."""
    rows = Audit.objects.filter(verb__startswith="module.", subject=name)[:HAPPENED]
    return [
        Happened(
            row.at, row.person_name, ACTS.get(row.verb, row.verb), str(row.detail.get("digest", "")),
            ", ".join(map(str, row.detail.get("idcs", ()))) or str(row.detail.get("master", "")),
        )
        for row in rows
    ]  # fmt: skip


def durations(module: str) -> Durations:
    """Sum up the runs of 30 days; the times come from the newest results, at most SAMPLE. Three queries."""
    tasks = Task.objects.filter(module=module, created_at__gte=timezone.now() - WINDOW).order_by("-id")
    hosts = tasks.aggregate(n=Sum("hosts"))["n"] or 0
    recent = list(tasks.values_list("pk", flat=True))
    results = HostResult.objects.filter(task__in=recent[:50], seconds__isnull=False).order_by("-pk")
    rows = list(results.values_list("status", "seconds")[:SAMPLE])
    seconds = sorted(value for _status, value in rows)
    good = sum(status in ("ok", "changed") for status, _value in rows)
    median = statistics.median(seconds) if seconds else None
    p90 = seconds[min(len(seconds) - 1, int(len(seconds) * 0.9))] if seconds else None
    return Durations(len(recent), len(rows) if hosts else 0, good, median, p90)


def rule_of(field: Field) -> str:
    """Say what a field's value must be, in words."""
    if field.options:
        return _("One of %s.") % ", ".join(field.options)
    parts = []
    if field.low is not None and field.high is not None:
        words = {"low": f"{field.low:g}", "high": f"{field.high:g}"}
        many = field.type in ("str", "list[str]")
        parts.append(_("Length from %(low)s to %(high)s.") % words if many else _("From %(low)s to %(high)s.") % words)
    if field.pattern:
        parts.append(_sentence(_(field.rule)) if field.rule else _("Must match %s.") % field.pattern)
    if field.secret:
        parts.append(_("Secret: never stored or shown."))
    if field.when:
        parts.append(_("Only when %(field)s is %(value)s.") % {"field": field.when.field, "value": field.when.value})
    return sentences(*parts)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}{pgettext('end of a sentence', '.')}"


def example_of(fields: Iterable[Field]) -> dict[str, str]:
    """Give values for an example call: those fields that must be filled in."""
    return {field.name: _placeholder(field) for field in fields if field.required and not field.when}


def _placeholder(field: Field) -> str:
    if field.options:
        return field.options[0]
    if field.type in ("int", "float"):
        return f"{field.low:g}" if field.low is not None else "1"
    return field.name.upper()
