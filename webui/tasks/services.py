"""Write tasks: one transaction and one audit entry for each act. The dispatcher does the rest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from rpcgate.envelope import seal_secrets
from rpcgate.keys import read_bundle
from webui import access
from webui.audit.services import record
from webui.files import services as files
from webui.language import sentences
from webui.servers.models import Master
from webui.servers.services import Refused as RefusedAct
from webui.tasks.models import HostResult, HostStatus, Job, Task, TaskSecret, Wave
from webui.tasks.plan import Host, Plan, Request, make
from webui.tasks.preview import Preview, preview

if TYPE_CHECKING:
    from webui.access import Person

__all__ = [
    "Preview",
    "Refused",
    "Request",
    "cancel",
    "confirmed",
    "create",
    "hold",
    "preview",
    "resume",
    "retry",
    "retry_size",
    "run_again",
    "stop",
]

UNFINISHED = (HostStatus.RUNNING, HostStatus.QUEUED)
RETRIED = {
    Task.Only.ALL: tuple(HostStatus.values),
    Task.Only.FAILED: (HostStatus.FAILED, HostStatus.UNREACHABLE, HostStatus.TIMEOUT, HostStatus.LOST),
    Task.Only.LOST: (HostStatus.LOST, HostStatus.TIMEOUT),
}
TITLE_VALUE = 40  # characters of a parameter that stand in a task's title
BATCH = 1000  # rows of one INSERT


class Refused(RefusedAct):
    """The task is not possible as asked; nothing was stored. faults: field -> sentence, as in Preview."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(sentences(*faults.values()))
        self.faults = dict(faults)


def create(person: "Person", request: Request, *, source: str) -> Task:
    """Store a task as asked; the dispatcher begins it within moments.

    Refused names every fault, NotAllowed (a PermissionDenied) says which role may.
    """
    return _create(person, make(request), source)


def retry(  # which hosts is said in two ways
    person: "Person",
    task: Task,
    only: str | None = None,
    hosts: Iterable[str] | None = None,
    *,
    source: str,
    params: Mapping[str, Any] | None = None,
    confirm: int | None = None,
) -> Task:
    """Store a new task for hosts of an old one: the named ones, or only "failed" or "lost" ones, or all.

    params: the secret ones, typed again. It runs the old task's version of the module, where that is stored or current.
    """
    chosen = _chosen(task, only, hosts)
    if not chosen:
        none = (
            _("No server of task #%d has a problem.")
            if only == "failed"
            else _("No server of task #%d is in that state.")
        )
        raise Refused({"selector": none % task.pk})
    here = [result.host for result in chosen if result.server_id]
    request = run_again(task, selector=",".join(here), params=params, confirm=confirm, digest=task.digest)
    if not here:
        raise Refused({"selector": _("None of these servers is in the inventory any more.")})
    gone = [_gone(result) for result in chosen if not result.server_id]
    plan = make(request, gone=gone)
    for name in task.secret_names:
        if name not in plan.secrets:
            plan.faults.setdefault(f"p.{name}", _("Type it again: it was not kept."))
    return _create(person, plan, source, retry_of=task, only="" if hosts is not None else only or Task.Only.ALL)


def confirmed(request: Request) -> Request:
    """Give the request with the number that confirms it, for who has said yes to any number."""
    return replace(request, confirm=len(make(request).touched))


def retry_size(task: Task, only: str) -> int:
    """Give how many servers a retry would touch, as create counts them."""
    names = ",".join(result.host for result in _chosen(task, only, None) if result.server_id)
    return len(make(run_again(task, selector=names, digest=task.digest)).touched)


def run_again(
    task: Task,
    *,
    selector: str | None = None,
    params: Mapping[str, Any] | None = None,
    confirm: int | None = None,
    digest: str = "",
) -> Request:
    """Give an old task as a request for a new one; its secrets were not kept and must be typed again.

    digest: a version of the module, "" for the current one.
    """
    return Request(
        module=task.module,
        selector=task.selector if selector is None else selector,
        params={**task.params, **(params or {})},
        timeout=task.timeout,
        waves=task.waves_text,
        max_fail=task.max_fail,
        check=task.check_only,
        confirm=confirm,
        digest=digest,
    )


def cancel(person: "Person", task: Task, *, source: str) -> None:
    """End a task: what was not sent is cancelled now, what runs when its master confirms. May be repeated."""
    with _locked(person, task, source, "task.cancel") as found:
        if found.state in (Task.State.ENDED, Task.State.CANCELLING):
            return
        found.state, found.cancel_at, found.cancelled_by = Task.State.CANCELLING, timezone.now(), _known(person)
        found.waves.filter(state__in=(Wave.State.WAITING, Wave.State.HELD)).update(state=Wave.State.STOPPED)
        _cancel_unsent(found, found.results.all(), f"Cancelled by {person.get_username()} before it was its turn.")


def hold(person: "Person", task: Task, *, source: str) -> None:
    """Let the wave that runs end, and then wait for a person."""
    with _locked(person, task, source, "task.hold") as found:
        if found.state not in (Task.State.QUEUED, Task.State.RUNNING):
            raise Refused({"": _("Task #%d is not running.") % task.pk})
        if not found.waves.filter(state=Wave.State.WAITING, number__gt=1).exists():
            raise Refused({"": _("Task #%d has no further wave to hold.") % task.pk})
        found.hold_asked = True


def resume(person: "Person", task: Task, *, source: str) -> None:
    """Go on with a held task: its next wave is released."""
    with _locked(person, task, source, "task.resume") as found:
        if found.state != Task.State.HELD:
            raise Refused({"": _("Task #%d is not on hold.") % task.pk})
        found.waves.filter(state=Wave.State.HELD).update(state=Wave.State.ENDED)
        found.state, found.hold_asked = Task.State.RUNNING, False


def stop(person: "Person", task: Task, *, source: str) -> None:
    """Release no further wave; what runs goes on to its end. The servers not touched become cancelled."""
    with _locked(person, task, source, "task.stop") as found:
        if found.state not in (Task.State.QUEUED, Task.State.RUNNING, Task.State.HELD):
            raise Refused({"": _("Task #%d is not running.") % task.pk})
        found.waves.filter(state=Wave.State.HELD).update(state=Wave.State.ENDED)
        waiting = list(found.waves.filter(state=Wave.State.WAITING).values_list("pk", flat=True))
        Wave.objects.filter(pk__in=waiting).update(state=Wave.State.STOPPED, ended_at=timezone.now())
        reason = f"Stopped by {person.get_username()} before its wave."
        _cancel_unsent(found, found.results.filter(wave__in=waiting), reason)
        found.state, found.stop_asked = Task.State.RUNNING, True


@contextmanager
def _locked(person: "Person", task: Task, source: str, verb: str) -> Iterator[Task]:
    """Lock a task's row for one act; a change is stored, audited and shown to the dispatchers."""
    access.require_run(person, task.risk)
    with transaction.atomic():
        found = Task.objects.select_for_update().get(pk=task.pk)
        before = _intent(found)
        yield found
        if _intent(found) != before:
            found.attention = True
            found.version += 1
            found.save()
            record(person, source, verb, str(found), task=found.pk)
    task.refresh_from_db()


def _intent(task: Task) -> tuple[Any, ...]:
    return task.state, task.hold_asked, task.stop_asked


def _create(person: "Person", plan: Plan, source: str, *, retry_of: Task | None = None, only: str = "") -> Task:
    if plan.entry is not None:
        access.require_run(person, plan.entry.risk)
        mine = files.faults(plan.entry.fields, plan.values, person)
        plan.faults.update({f"p.{name}": text for name, text in mine.items()})
    if plan.faults or plan.entry is None:
        raise Refused(plan.faults)
    now = timezone.now()
    with transaction.atomic():
        task = _task(person, plan, now)
        task.retry_of, task.retry_only = retry_of, only
        task.save()
        files.note(task, plan.entry.fields)
        waves = _waves(task, plan)
        HostResult.objects.bulk_create(_results(task, plan, waves, now), batch_size=BATCH)
        _seal(task, plan)
        record(person, source, "task.create", str(task), **_told(task))
    return task


def _task(person: "Person", plan: Plan, now: datetime) -> Task:
    entry, request = plan.entry, plan.request
    assert entry is not None  # noqa: S101  # _create has seen to it; for the reader
    return Task(
        module=entry.name,
        title=title(plan),
        digest=entry.digest,
        risk=entry.risk,
        idempotent=entry.idempotent,
        params=plan.values,
        secret_names=sorted(plan.secrets),
        selector=request.selector.strip(),
        check_only=request.check,
        timeout=plan.timeout,
        waves_text=request.waves.strip() or "rest",
        max_fail=request.max_fail,
        hosts=len(plan.hosts),
        created_by=_known(person),
        created_at=now,
    )


def title(plan: Plan) -> str:
    """Name a task by its module and a parameter: the first short one, else the beginning of the first of one line."""
    assert plan.entry is not None  # noqa: S101  # as in _task
    texts = (plan.values.get(item.name) for item in plan.entry.fields if item.type in ("str", "choice"))
    lines = [text for text in texts if isinstance(text, str) and text]
    short = next((text for text in lines if len(text) <= TITLE_VALUE), "")
    long = next((f"{text[: TITLE_VALUE - 1]}…" for text in lines if "\n" not in text), "")
    shown = " ".join("".join(char if char.isprintable() else " " for char in short or long).split())
    return (f"{plan.entry.title}: {shown}" if shown else plan.entry.title)[:200]


def _waves(task: Task, plan: Plan) -> list[Wave]:
    """Store the waves. Hosts left out stand in the last one, so that a small first wave is a real trial."""
    counts = [sum(map(len, round_.values())) for round_ in plan.rounds]
    counts[-1] += len(plan.left_out)
    waves = [Wave(task=task, number=number, hosts=count) for number, count in enumerate(counts, 1)]
    for wave in waves:
        wave.save()
    return waves


def _results(task: Task, plan: Plan, waves: Sequence[Wave], now: datetime) -> list[HostResult]:
    rows = [
        HostResult(task=task, wave=wave, server_id=host.pk, host=host.name, idc_name=host.idc)
        for wave, round_ in zip(waves, plan.rounds, strict=True)
        for hosts in round_.values()
        for host in hosts
    ]
    rows += [
        HostResult(
            task=task,
            wave=waves[-1],
            server_id=host.pk,
            host=host.name,
            idc_name=host.idc,
            status=HostStatus.SKIPPED,
            reason=host.left_out[:500],
            summary=host.left_out[:200],
            ended_at=now,
        )
        for host in plan.left_out
    ]
    return sorted(rows, key=lambda row: row.host)


def _seal(task: Task, plan: Plan) -> None:
    """Seal the secrets to each master that may get hosts; nobody else can read them, this database least of all."""
    if not plan.secrets:
        return
    masters = Master.objects.filter(state=Master.State.ACCEPTED, idc__name__in={host.idc for host in plan.touched})
    TaskSecret.objects.bulk_create(
        TaskSecret(
            task=task, master=master, sealed=seal_secrets(plan.secrets, read_bundle(master.bundle), str(task.pk))
        )
        for master in masters
    )


def _told(task: Task) -> dict[str, Any]:
    return {
        "task": task.pk,
        "module": task.module,
        "digest": task.digest,
        "params": task.params,
        "secrets": task.secret_names,
        "on": task.selector[:2000],
        "hosts": task.hosts,
        "check": task.check_only,
        "retry_of": task.retry_of_id,
    }


def _chosen(task: Task, only: str | None, hosts: Iterable[str] | None) -> list[HostResult]:
    if only and only not in RETRIED:
        raise Refused({"only": _("“%s” is no choice; write failed, lost or all.") % only[:30]})
    results = task.results.filter(status__in=RETRIED[Task.Only(only or "all")])
    found = list(results.only("host", "idc_name", "server_id", "task_id"))
    wanted = None if hosts is None else set(hosts)
    return [result for result in found if wanted is None or result.host in wanted]


def _gone(result: HostResult) -> Host:
    return Host(None, result.host, result.idc_name, "", "", "It is not in the inventory any more.")


def _cancel_unsent(task: Task, results: "QuerySet[HostResult]", reason: str) -> None:
    """Cancel the hosts that no master can have: those without a job, and those whose job was never sent."""
    now = timezone.now()
    unsent = task.jobs.select_for_update().filter(state=Job.State.NEW, sent_at__isnull=True)
    jobs = list(unsent.filter(wave__in=results.values("wave_id")).values_list("pk", flat=True))
    Job.objects.filter(pk__in=jobs).update(state=Job.State.ENDED, forgotten=True, ended_at=now)
    results.filter(Q(job__isnull=True) | Q(job__in=jobs), status=HostStatus.QUEUED).update(
        status=HostStatus.CANCELLED, reason=reason, summary=reason[:200], ended_at=now
    )


def _known(person: "Person") -> Any:  # noqa: ANN401  # AUTH_USER_MODEL
    return person if person is not None and person.is_authenticated else None
