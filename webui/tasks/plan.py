"""What would be run: a request checked against module, servers and waves, without storing anything."""

import json
import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rpcgate.catalog import Entry
from sdk import File, ParamError
from sdk.params import check
from webui import catalog
from webui.files import services as files
from webui.modules.models import Place
from webui.servers.models import Engine, Master
from webui.servers.selectors import SelectorError, resolve
from webui.tasks import waves

MAX_TIMEOUT = 86_400  # seconds; a day
MAX_NAME = 120  # characters of a module's name and of written waves, as their columns hold
PARAMS_LIMIT = 400_000  # bytes of all parameters as JSON: a message to a master holds 1 MiB, hosts included
ANYWHERE = frozenset({"local", "fake"})  # they carry what any module asks; the master says where they cannot
COLUMNS = ("pk", "name", "idc__name", "engine", "fallbacks", "health", "maintenance_until", "maintenance_reason")


@dataclass(frozen=True)
class Request:
    """What a person asks for, as it came in. params: texts or JSON values by field name. max_fail: percent of a wave.

    timeout: seconds for one host, None for the module's own. confirm: the number that was typed. digest: the version,
    "" for the current one; so is it where that version is no longer stored.
    """

    module: str
    selector: str
    params: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    waves: str = "rest"
    max_fail: int | None = None
    check: bool = False
    confirm: int | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """A selected server. left_out: why it will not be touched, "" when it will."""

    pk: int | None
    name: str
    idc: str
    engine: str
    health: str
    left_out: str = ""


@dataclass(slots=True)
class Plan:
    """A request, checked.

    faults: field -> sentence; "p.<name>" is a parameter, "params" all of them. While there are any, nothing else is
    promised to be whole.

    values: the non-secret parameters that were given, as JSON values. rounds: one dict IDC -> hosts for each wave.
    """

    request: Request
    entry: Entry | None = None
    hosts: list[Host] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
    timeout: float = 0.0
    rounds: list[dict[str, list[Host]]] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def touched(self) -> list[Host]:
        """Give the hosts that will run."""
        return [host for host in self.hosts if not host.left_out]

    @property
    def left_out(self) -> list[Host]:
        """Give the hosts that will be skipped."""
        return [host for host in self.hosts if host.left_out]

    @property
    def confirm_needed(self) -> bool:
        """Say whether the number of servers must be typed: always to destroy, above a limit to change."""
        if self.entry is None or self.request.check:
            return False
        risk = self.entry.risk
        return risk == "destroy" or (risk == "change" and len(self.touched) > settings.CONFIRM_ABOVE)


def make(request: Request, *, gone: Iterable[Host] = ()) -> Plan:
    """Check a request; what is wrong with it stands in the plan's faults. Never raises on bad input.

    gone: hosts of an older task that a retry names although they have no server any more.
    """
    plan = Plan(request)
    _module(plan)
    _hosts(plan)
    plan.hosts += gone
    _params(plan)
    _limits(plan)
    _waves(plan)
    _confirmed(plan)
    return plan


def _module(plan: Plan) -> None:
    if not plan.request.module:
        plan.faults["module"] = _("Choose a module.")
        return
    try:
        plan.entry = catalog.entry(plan.request.module)
    except catalog.UnknownModule as error:
        plan.faults["module"] = str(error)
    if plan.entry and plan.request.digest:
        stored = catalog.catalog().version(plan.entry.name, plan.request.digest)
        plan.entry = stored if stored and not stored.error else plan.entry
    if plan.entry and len(plan.entry.name) > MAX_NAME:
        plan.faults["module"] = _("This module's name has more than %d characters; rename its file.") % MAX_NAME


def _hosts(plan: Plan) -> None:
    if not plan.request.selector.strip():
        plan.faults["selector"] = _("Choose servers.")
        return
    try:
        rows = list(resolve(plan.request.selector).values_list(*COLUMNS)[: settings.MAX_HOSTS + 1])
    except SelectorError as error:
        plan.faults["selector"] = str(error)
        return
    if not rows:
        plan.faults["selector"] = _("No server matches this selection.")
    if len(rows) > settings.MAX_HOSTS:
        plan.faults["selector"] = _("More than %d servers are selected; a task takes at most that many.") % (
            settings.MAX_HOSTS
        )
        return
    now = timezone.now()
    elsewhere = _elsewhere(plan.entry, {row[2] for row in rows})
    plan.hosts = [_host(plan.entry, row, now, elsewhere) for row in rows]
    if rows and not plan.touched:
        plan.faults["selector"] = _("Nobody is left to run on: %s") % plan.hosts[0].left_out


def _elsewhere(entry: Entry | None, idcs: Set[str]) -> dict[str, str]:
    """Say of the IDCs that may not have a published version what to do; none where it is the folder's file."""
    if entry is None or not entry.published:
        return {}
    version = {"version__name": entry.name, "version__digest": entry.digest}
    may = set(Place.objects.filter(**version, idc__name__in=idcs).values_list("idc__name", flat=True))
    left = idcs - may
    masters = Master.objects.filter(state=Master.State.ACCEPTED, idc__name__in=left).select_related("idc")
    have = {master.idc.name for master in masters.defer("bundle") if master.modules.get(entry.name) == entry.digest}
    words = {"module": entry.name, "digest": entry.digest[:8]}
    sentence = _("%(module)s %(digest)s is not published to %(idc)s; publish it there on the module's page.")
    return {idc: sentence % {**words, "idc": idc} for idc in left - have}


def _host(entry: Entry | None, row: tuple[Any, ...], now: datetime, elsewhere: Mapping[str, str]) -> Host:
    pk, name, idc, engine, fallbacks, health, until, why = row
    reason = ""
    if until and until > now:
        reason = f"In maintenance until {date_format(timezone.localtime(until), 'Y-m-d H:i')}." + (
            f" {why}" if why else ""
        )
    elif entry and not can_carry(entry.engines, (engine, *fallbacks)):
        wanted = " or ".join(str(Engine(one).label) for one in entry.engines)
        reason = f"{entry.name} works by {wanted}; this server has {Engine(engine).label}."
    elif idc in elsewhere:
        reason = elsewhere[idc]
    return Host(pk, name, idc, engine, health, reason)


def can_carry(wanted: Iterable[str], had: Iterable[str]) -> bool:
    """Say whether one of a server's engines can carry what a module asks; Ansible travels over SSH (rpcgate.router)."""
    names = frozenset(had)
    if "ssh" in names:
        names |= {"ansible"}
    return bool(names & ANYWHERE) or not names.isdisjoint(wanted)


def _params(plan: Plan) -> None:
    if plan.entry is None:
        return
    given = {name: value for name, value in plan.request.params.items() if value is not None and value not in ("", [])}
    try:
        parsed = check(plan.entry.fields, given)
    except ParamError as error:
        plan.faults.update({f"p.{name}" if name else "params": text for name, text in error.faults.items()})
        return
    plan.faults.update({f"p.{name}": text for name, text in files.faults(plan.entry.fields, given).items()})
    together = plan.entry.faults(given)
    plan.faults.update({f"p.{name}" if name else "params": text for name, text in together.items()})
    secret = {item.name for item in plan.entry.fields if item.secret}
    plan.values = {name: _plain(parsed[name]) for name in given if name not in secret}
    plan.secrets = {name: parsed[name] for name in given if name in secret}
    if len(json.dumps([plan.values, plan.secrets])) > PARAMS_LIMIT:
        plan.faults["params"] = _("The parameters are longer than %d kB; put the long one into a file.") % (
            PARAMS_LIMIT // 1000
        )


def _plain(value: Any) -> Any:  # noqa: ANN401  # a parameter's value
    return value.as_dict() if isinstance(value, File) else value


def _limits(plan: Plan) -> None:
    request, entry = plan.request, plan.entry
    plan.timeout = request.timeout if request.timeout is not None else entry.timeout if entry else 60.0
    if not math.isfinite(plan.timeout) or not 0 < plan.timeout <= MAX_TIMEOUT:
        plan.faults["timeout"] = _("%(n)g is no deadline; write seconds from 1 to %(most)d.") % {
            "n": plan.timeout,
            "most": MAX_TIMEOUT,
        }
    if request.max_fail is not None and not 0 <= request.max_fail <= 100:
        plan.faults["max_fail"] = _("%d is no percentage; write a number from 0 to 100.") % request.max_fail
    if request.check and entry and not entry.check:
        plan.faults["check"] = _("This module has no dry run.")


def _waves(plan: Plan) -> None:
    by_idc: dict[str, list[Host]] = {}
    for host in plan.touched:
        by_idc.setdefault(host.idc, []).append(host)
    try:
        plan.rounds = waves.share(by_idc, waves.sizes(plan.request.waves or waves.REST, len(plan.touched)))
    except waves.WavesError as error:
        plan.faults["waves"] = str(error)
    if len(plan.request.waves.strip()) > MAX_NAME:
        plan.faults["waves"] = _("The waves have more than %d characters; write fewer.") % MAX_NAME


def _confirmed(plan: Plan) -> None:
    count, typed = len(plan.touched), plan.request.confirm
    if plan.confirm_needed and typed != count:
        wanted = ngettext(
            "Type %d to confirm: it is the number of servers.",
            "Type %d to confirm: it is the number of servers.",
            count,
        )
        plan.faults["confirm"] = (
            wanted % count
            if typed is None
            else _("%(typed)d is not the number of servers; %(count)d are selected now.")
            % {"typed": typed, "count": count}
        )
