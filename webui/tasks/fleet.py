"""Which masters may get a task's hosts now, and why the others may not."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from webui.language import sentences
from webui.modules.delivery import has
from webui.servers.models import Master
from webui.tasks.models import Task


def is_healthy(master: Master, now: datetime | None = None) -> bool:
    """Say whether a master is accepted and has answered a short while ago."""
    limit = (now or timezone.now()) - timedelta(seconds=settings.MASTER_SILENT_AFTER)
    return master.state == Master.State.ACCEPTED and master.last_seen is not None and master.last_seen >= limit


def why_unfit(master: Master, task: Task, sealed: Collection[int], reach: Mapping[int, str]) -> str:
    """Say why a master gets no hosts of a task, as one sentence; "" when it may.

    sealed: ids of the masters that can read the task's secrets. reach: of those that are sent the task's version with
    its job, "" or why that did not work; see webui.modules.delivery.reach.
    """
    words = {"master": master.name, "module": task.module, "digest": task.digest[:8]}
    if not is_healthy(master):
        return _("Master %(master)s is silent. %(seen)s") % {**words, "seen": seen(master)}
    if reach.get(master.pk):
        return _("Master %(master)s did not take the module: %(reason)s") % {**words, "reason": reach[master.pk]}
    lacks = master.pk not in reach and not has(master, task.module, task.digest)
    if lacks and task.module not in {**master.modules, **master.kept}:
        return _("Master %(master)s does not have the module %(module)s.") % words
    if lacks:
        return _("Master %(master)s has another version of %(module)s; this task is of %(digest)s.") % words
    if task.secret_names and master.pk not in sealed:
        return _("Master %(master)s was accepted after the secrets were sealed; it cannot read them.") % words
    return ""


def can_drive(master: Master, engines: Iterable[str]) -> bool:
    """Say whether a master can use one of these engines."""
    return any(master.engines.get(engine) == "" for engine in engines)


def seen(master: Master) -> str:
    """Say when a master answered last, and what was wrong when it was asked."""
    if master.last_seen is None:
        last = _("It has never answered.")
    else:
        seconds = (timezone.now() - master.last_seen).total_seconds()
        ago = _("%d s") % seconds if seconds < 120 else timesince(master.last_seen)
        last = _("Last heartbeat %s ago.") % ago
    return sentences(last, master.trouble)
