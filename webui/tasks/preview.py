"""What a person sees before pressing Run."""

import math
import shlex
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rpcgate.catalog import Entry
from sdk.params import ParamError, check, files_in
from webui import access
from webui.faults import in_words
from webui.forms import label_of
from webui.modules.delivery import has, reach
from webui.servers.models import Master, Server
from webui.tasks.fleet import is_healthy
from webui.tasks.models import HostResult, HostStatus, Task
from webui.tasks.plan import Plan, Request, make

if TYPE_CHECKING:
    from webui.access import Person

ORDER = ("module", "selector")  # of what is missing; then the parameters, then the rest
LAST_RUNS = 5
DRY_RUNS = 20  # of a module, among which the same one is looked for
CAME_BACK = (HostStatus.OK, HostStatus.CHANGED, HostStatus.FAILED)  # it answered, well or not


@dataclass(frozen=True, slots=True)
class Split:
    """The servers of one IDC and engine that will run. words: how its masters are; ok: all of them answer."""

    idc: str
    engine: str
    servers: int
    masters: int
    healthy: int
    words: str

    @property
    def ok(self) -> bool:
        """Say whether every master of the IDC answers."""
        return 0 < self.masters == self.healthy


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """A wave before it exists. by_idc: (IDC, servers). only: the server's name where it is one alone."""

    number: int
    count: int
    by_idc: tuple[tuple[str, int], ...]
    only: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A selected server that will be skipped, and why."""

    server: str
    reason: str


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001  # the word of the interface
    """What one should know before running. code: "masters", "no_master", "unreachable", "no_check", "version"."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class LastRuns:
    """How the last runs of a module went. median, p90: seconds; came_back: share of servers that answered, 0 to 1."""

    runs: int
    median: float
    p90: float
    came_back: float | None


@dataclass(frozen=True, slots=True)
class Preview:
    """All that the preview shows.

    hosts: servers that will run; selected: with those left out. faults: field -> sentence, a parameter as "p.<name>".
    missing: what stands between the person and Run, in the order in which it is asked for. params: (label, value) of
    what was given, a secret's value hidden. dry: the last dry run of just this, where the module destroys.
    """

    request: Request
    entry: Entry | None
    hosts: int
    selected: int
    by: tuple[Split, ...]
    waves: tuple[PlannedWave, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[Warning, ...]
    last_runs: LastRuns | None
    faults: Mapping[str, str]
    confirm_needed: bool
    missing: tuple[str, ...]
    command: str
    summary: str
    params: tuple[tuple[str, str], ...] = ()
    dry: Task | None = None

    @property
    def can_run(self) -> bool:
        """Say whether Run would be accepted now."""
        return not self.missing


def preview(person: "Person", request: Request) -> Preview:
    """Show what a request would do; bad input stands in `faults`, nothing is raised and nothing stored."""
    plan = make(request)
    masters = _masters(plan)
    return Preview(
        request=request,
        entry=plan.entry,
        hosts=len(plan.touched),
        selected=len(plan.hosts),
        by=_split(plan, masters),
        waves=_waves(plan),
        left_out=tuple(LeftOut(host.name, host.left_out) for host in plan.left_out),
        warnings=tuple(_warnings(plan, masters)),
        last_runs=last_runs(request.module) if plan.entry else None,
        faults=plan.faults,
        confirm_needed=plan.confirm_needed,
        missing=_missing(person, plan),
        command=command(plan),
        summary=_summary(plan),
        params=tuple(_given(plan)),
        dry=_dry_run(plan),
    )


def last_runs(module: str) -> LastRuns | None:
    """Sum up the last five ended runs of a module; None when there are none. Two queries."""
    ended = Task.objects.filter(module=module, state=Task.State.ENDED, ended_at__isnull=False, check_only=False)
    rows = list(ended.order_by("-id").values_list("pk", "started_at", "created_at", "ended_at")[:LAST_RUNS])
    if not rows:
        return None
    seconds = sorted((end - (start or created)).total_seconds() for _pk, start, created, end in rows)
    counts = HostResult.objects.filter(task__in=[row[0] for row in rows]).aggregate(
        asked=Count("pk", filter=~Q(status__in=(HostStatus.SKIPPED, HostStatus.CANCELLED))),
        answered=Count("pk", filter=Q(status__in=CAME_BACK)),
    )
    share = counts["answered"] / counts["asked"] if counts["asked"] else None
    p90 = seconds[max(0, math.ceil(len(seconds) * 0.9) - 1)]
    return LastRuns(len(rows), statistics.median(seconds), p90, share)


def command(plan: Plan) -> str:
    """Write the same request as a command line; a secret is read from standard input there.

    What no field of the module declares is left away: nobody can say whether it is a secret.
    """
    request = plan.request
    words = ["manage.py", "task", "run", request.module or "MODULE", "--on", request.selector.strip() or "SELECTOR"]
    known = {item.name: item for item in plan.entry.fields} if plan.entry else {}
    for name, value in request.params.items():
        if name in known and known[name].type == "file":
            words += [w for file in files_in([known[name]], {name: value}) for w in ("-p", f"{name}=@{file.name}")]
        elif name in known:
            words += _words(name, value, secret=known[name].secret)
    if plan.entry and request.timeout is not None and request.timeout != plan.entry.timeout:
        words += ["--timeout", f"{request.timeout:g}"]
    if request.waves.strip() not in ("", "rest"):
        words += ["--waves", request.waves.replace(" ", "")]
    if request.max_fail is not None:
        words += ["--max-fail", f"{request.max_fail}%"]
    if request.check:
        words.append("--check")
    if plan.confirm_needed:
        words += ["--confirm", str(len(plan.touched))]
    return shlex.join(words)


def _words(name: str, value: Any, *, secret: bool) -> list[str]:  # noqa: ANN401  # whatever a form sent
    if value is None or value in ("", []):
        return []
    if secret:
        return ["-p", f"{name}=-"]
    values = value if isinstance(value, (list, tuple)) else [str(value).lower() if isinstance(value, bool) else value]
    return [word for one in values for word in ("-p", f"{name}={literal(str(one))}")]


def literal(text: str) -> str:
    """Write a value so that the command line takes it as it is: @ and - at its start mean files there."""
    return f"\\{text}" if text == "-" or text.lstrip("\\").startswith("@") or text.lstrip("\\") == "-" else text


def _given(plan: Plan) -> Iterator[tuple[str, str]]:
    for item in plan.entry.fields if plan.entry else ():
        value = plan.values.get(item.name)
        if item.name in plan.secrets:
            yield label_of(item), "••••"
        elif item.type == "file" and isinstance(value, dict):
            yield label_of(item), str(value.get("name", ""))
        elif value is not None and value not in ("", []):
            yield label_of(item), _plain(value)


def _plain(value: Any) -> str:  # noqa: ANN401  # a JSON value of a parameter
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _dry_run(plan: Plan) -> Task | None:
    """Give the last dry run of the same version with the same parameters on the same servers, for what destroys.

    None with secrets: nobody can say whether they were the same. At most two queries.
    """
    entry, faults = plan.entry, plan.faults.keys() - {"confirm"}
    if entry is None or entry.risk != "destroy" or plan.request.check or plan.secrets or faults:
        return None
    ended = Task.objects.filter(module=entry.name, digest=entry.digest, check_only=True, state=Task.State.ENDED)
    asked = check(entry.fields, plan.values)
    for task in ended.filter(hosts=len(plan.hosts), cancel_at__isnull=True).order_by("-id")[:DRY_RUNS]:
        if not task.secret_names and _checked(entry, task.params) == asked:
            ran = task.results.exclude(status__in=(HostStatus.SKIPPED, HostStatus.CANCELLED))
            return task if set(ran.values_list("host", flat=True)) == {host.name for host in plan.touched} else None
    return None


def _checked(entry: Entry, params: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return check(entry.fields, params)
    except ParamError:
        return None


def _masters(plan: Plan) -> dict[str, list[Master]]:
    found: dict[str, list[Master]] = {}
    idcs = {host.idc for host in plan.touched}
    accepted = Master.objects.filter(state=Master.State.ACCEPTED).select_related("idc").defer("bundle")
    for master in accepted if idcs else ():
        found.setdefault(master.idc.name, []).append(master)
    return {idc: found.get(idc, []) for idc in sorted(idcs)}


def _split(plan: Plan, masters: Mapping[str, list[Master]]) -> tuple[Split, ...]:
    counted = Counter((host.idc, host.engine) for host in plan.touched)
    rows = sorted(counted.items(), key=lambda row: (row[0][0], -row[1], row[0][1]))
    return tuple(_row(idc, engine, count, masters[idc]) for (idc, engine), count in rows)


def _row(idc: str, engine: str, count: int, masters: list[Master]) -> Split:
    healthy = sum(is_healthy(master) for master in masters)
    silent = len(masters) - healthy
    if not masters:
        words = _("no master yet")
    elif silent:
        words = _("%(n)d of %(all)d silent") % {"n": silent, "all": len(masters)}
    else:
        words = _("%d healthy") % healthy
    return Split(idc, engine, count, len(masters), healthy, words)


def _waves(plan: Plan) -> tuple[PlannedWave, ...]:
    return tuple(
        PlannedWave(
            number=number,
            count=sum(map(len, round_.values())),
            by_idc=tuple((idc, len(hosts)) for idc, hosts in round_.items()),
            only=next(iter(round_.values()))[0].name if sum(map(len, round_.values())) == 1 else "",
        )
        for number, round_ in enumerate(plan.rounds, 1)
    )


def _warnings(plan: Plan, masters: Mapping[str, list[Master]]) -> list[Warning]:
    found = [_masters_warning(plan, idc, known) for idc, known in masters.items()]
    found.append(_unreachable(plan))
    if plan.entry and not plan.entry.check and plan.entry.risk != "read":
        found.append(Warning("no_check", _("This module has no dry run.")))
    if plan.entry:
        known = [master for some in masters.values() for master in some]
        reached = reach(plan.entry.name, plan.entry.digest, known)
        found += [_version(plan.entry, master) for master in known if reached.get(master.pk) != ""]
    return [warning for warning in found if warning]


def _masters_warning(plan: Plan, idc: str, masters: list[Master]) -> Warning | None:
    count = sum(host.idc == idc for host in plan.touched)
    words = {"idc": idc, "n": count, "names": ", ".join(master.name for master in masters if not is_healthy(master))}
    if not masters:
        return Warning(
            "no_master", _("%(idc)s has no master yet; its %(n)d servers wait until one is accepted.") % words
        )
    silent = sum(not is_healthy(master) for master in masters)
    if silent == len(masters):
        return Warning(
            "masters", _("%(idc)s: %(names)s does not answer; its %(n)d servers wait until it does.") % words
        )
    if silent:
        return Warning(
            "masters", _("%(idc)s: %(names)s does not answer; the other masters take its %(n)d servers.") % words
        )
    return None


def _unreachable(plan: Plan) -> Warning | None:
    names = [host.name for host in plan.touched if host.health == Server.Health.UNREACHABLE]
    if not names:
        return None
    shown = ", ".join(names[:5]) + (_(" and %d more") % (len(names) - 5) if len(names) > 5 else "")
    sentence = ngettext("%s was unreachable when last asked.", "%s were unreachable when last asked.", len(names))
    return Warning("unreachable", sentence % shown)


def _version(entry: Entry, master: Master) -> Warning | None:
    if not is_healthy(master) or has(master, entry.name, entry.digest):
        return None
    words = {"master": master.name, "module": entry.name}
    if entry.name not in {**master.modules, **master.kept}:
        return Warning("version", _("%(master)s does not have %(module)s; it gets no servers of this task.") % words)
    return Warning(
        "version", _("%(master)s has another version of %(module)s; it gets no servers of this task.") % words
    )


def _missing(person: "Person", plan: Plan) -> tuple[str, ...]:
    faults = dict(plan.faults)
    found = [faults.pop(name) for name in ORDER if name in faults]
    labels = {name: name[2:] for name in faults if name.startswith("p.")}  # of what no field declares, too
    labels |= {f"p.{item.name}": label_of(item) for item in plan.entry.fields} if plan.entry else {}
    confirm = faults.pop("confirm", "")
    for name, text in faults.items():
        words = {"field": labels.get(name, ""), "fault": in_words(text)}
        found.append(_("%(field)s: %(fault)s") % words if name in labels else words["fault"])
    if plan.entry and not access.may_run(person, plan.entry.risk):
        try:
            access.require_run(person, plan.entry.risk)
        except access.NotAllowed as error:
            found.append(str(error))
    return (*found, *([confirm] if confirm else []))


def _summary(plan: Plan) -> str:
    if plan.entry is None or not plan.touched:
        return ""
    count = len(plan.touched)
    words = {"n": count, "title": plan.entry.title}
    if plan.request.check:
        return (
            ngettext("Dry run of “%(title)s” on %(n)d server", "Dry run of “%(title)s” on %(n)d servers", count) % words
        )
    return ngettext("“%(title)s” on %(n)d server", "“%(title)s” on %(n)d servers", count) % words
