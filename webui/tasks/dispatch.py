"""The dispatcher: takes tasks on, hands jobs to the lines of their masters, and gives up what silent masters keep.

Any number of them may run. The database is the queue: a job is claimed by one conditional update and stored by
sequence number, so two dispatchers cost time at most, and one that dies is followed by another.
"""

import logging
import os
import socket
import threading
import time
import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, close_old_connections, connection, connections
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from rpcgate.keys import KeysError
from webui.files import storing
from webui.masters import web_keys
from webui.servers.models import Master
from webui.tasks.fleet import is_healthy
from webui.tasks.hearing import unheard
from webui.tasks.leases import give_up
from webui.tasks.link import Link, signature
from webui.tasks.models import HostResult, HostStatus, Job, Task, Wave
from webui.tasks.progress import advance
from webui.tasks.store import ACTIVE
from webui.tasks.writing import write

log = logging.getLogger(__name__)

TICK = 0.04  # seconds until a new task is noticed
CLAIMING = 0.3  # seconds until a job that another dispatcher made, cancelled or left is noticed
SWEEP = 2.0  # seconds between looks at what needs no haste
CLAIM = 15.0  # seconds for which a job is ours without a renewal
FORGET = 30.0  # seconds between reminders to drop ended jobs
PRUNE = 600.0  # seconds between looks for files that nobody wants
LOOK_AGAIN = 30.0  # seconds until waiting hosts are looked at although no master has changed
MOST = 200  # rows of one tick
WANTED = "SELECT id FROM tasks_task WHERE attention = %s ORDER BY id LIMIT %s"
ENDING = 5.0  # seconds for the lines to end


class Dispatcher:
    """One dispatcher; `run` returns when `stop` was called."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._links: dict[int, Link] = {}
        self._missing: dict[int, float] = {}  # master without a line -> since when
        self._looked: dict[int, tuple[object, float]] = {}  # task -> the fleet when it was looked at, and the time
        self._forgot = 0.0
        self._pruned = 0.0
        self._swept = 0.0
        self._claimed = 0.0

    def stop(self) -> None:
        """End soon; may be called from a signal handler."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Dispatch until stopped. SetupError when this web tier has no keys."""
        web_keys()
        log.info("dispatcher %s begins", self.name)
        while not self._stopping.is_set():
            try:
                close_old_connections()
                self._look()
            except DatabaseError:
                log.exception("the database did not do as asked; again in a second")
                connections.close_all()
                self._stopping.wait(1.0)
            if self._wake.wait(TICK):
                self._wake.clear()
                self._claimed = 0.0
        self._end()

    def _look(self) -> None:
        if time.monotonic() - self._swept >= SWEEP:
            self._swept = time.monotonic()
            self._sweep()
        for task_id in _wanted():
            self._advance(task_id)
            self._claimed = 0.0
        if time.monotonic() - self._claimed >= CLAIMING:
            self._claimed = time.monotonic()
            self._claim()

    def _advance(self, task_id: int) -> None:
        try:
            advance(task_id)
        except DatabaseError:
            raise
        except Exception:  # one task that cannot be taken on may not stop the others
            log.exception("task %s could not be taken on; it is put aside until the next change", task_id)
            Task.objects.filter(pk=task_id).update(attention=False)

    def _claim(self) -> None:
        """Take the jobs that nobody has, and see to cancels that were not sent."""
        now = timezone.now()
        free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
        jobs = Job.objects.filter(free, state__in=ACTIVE, master__in=list(self._links)).order_by("created_at")
        for job in jobs[:MOST]:
            taken = Job.objects.filter(free, pk=job.pk, state__in=ACTIVE)
            if write(lambda taken=taken: taken.update(claimed_by=self.name, claimed_until=_later(CLAIM))):
                self._links[job.master_id].take(job)
        self._cancel()

    def _cancel(self) -> None:
        """Send the cancels of our own jobs, each once; the line repeats it until the master has answered."""
        unsent = Job.objects.filter(state=Job.State.CANCELLING, cancel_sent_at__isnull=True, claimed_by=self.name)
        for pk, master in unsent.values_list("pk", "master_id")[:MOST]:
            link = self._links.get(master)
            if link:
                link.cancel(pk)

    def _sweep(self) -> None:
        self._keep_links()
        self._keep_claims()
        self._look_at_waiting()
        give_up(self._silent_for)
        if time.monotonic() - self._pruned >= PRUNE:
            self._pruned = time.monotonic()
            storing.prune()
        if time.monotonic() - self._forgot >= FORGET:
            self._forgot = time.monotonic()
            self._remind()

    def _keep_links(self) -> None:
        """Have a line to each accepted master, made anew where its address or keys have changed."""
        masters = {master.pk: master for master in Master.objects.filter(state=Master.State.ACCEPTED)}
        for pk, link in list(self._links.items()):
            if pk not in masters or link.signature != signature(masters[pk]):
                self._links.pop(pk).stop()
                Job.objects.filter(claimed_by=self.name, master=pk, state__in=ACTIVE).update(claimed_until=None)
        for pk, master in masters.items():
            if pk not in self._links:
                self._link(master)

    def _link(self, master: Master) -> None:
        try:
            self._links[master.pk] = Link(master, self._wake)
        except KeysError as error:
            unheard(master.pk, str(error))

    def _keep_claims(self) -> None:
        """Renew our claims, and free those of dispatchers of this machine that have died."""
        mine = Job.objects.filter(claimed_by=self.name, state__in=ACTIVE, claimed_until__isnull=False)
        if mine.exists():
            mine.update(claimed_until=_later(CLAIM))
        claimed = Job.objects.filter(state__in=ACTIVE, claimed_until__isnull=False).exclude(claimed_by=self.name)
        for name in set(claimed.values_list("claimed_by", flat=True)):
            if _is_dead(name):
                log.info("dispatcher %s has died; its jobs are taken over", name)
                claimed.filter(claimed_by=name).update(claimed_until=None)

    def _look_at_waiting(self) -> None:
        """Take on the tasks whose released hosts wait for a master, when a master has changed or after a while."""
        waiting = HostResult.objects.filter(
            task=OuterRef("pk"), status=HostStatus.QUEUED, job__isnull=True, wave__state=Wave.State.RELEASED
        )
        live = Task.objects.filter(Exists(waiting), state__in=(Task.State.QUEUED, Task.State.RUNNING))
        ids = list(live.values_list("pk", flat=True))
        fleet = self._fleet() if ids else None
        now = time.monotonic()
        for task_id in ids:
            seen, at = self._looked.get(task_id, (None, 0.0))
            if seen != fleet or now - at > LOOK_AGAIN:
                self._advance(task_id)
                self._looked[task_id] = (fleet, now)
        self._looked = {task_id: known for task_id, known in self._looked.items() if task_id in ids}

    def _fleet(self) -> object:
        """Give what decides who may get hosts; equal as long as nothing has changed."""
        masters = Master.objects.filter(state=Master.State.ACCEPTED).defer("bundle").order_by("pk")
        return [(master.pk, is_healthy(master), master.engines, master.modules, master.kept) for master in masters]

    def _silent_for(self, master_id: int) -> float:
        link = self._links.get(master_id)
        if link:
            self._missing.pop(master_id, None)
            return link.silent_for()
        return time.monotonic() - self._missing.setdefault(master_id, time.monotonic())

    def _remind(self) -> None:
        """Tell masters again which jobs are stored, and end there what another master has taken over."""
        kept = Job.objects.filter(forgotten=False, state__in=(Job.State.ENDED, Job.State.MOVED))
        found: dict[int, list[UUID]] = {}
        for pk, master, state, cancelled in kept.values_list("pk", "master_id", "state", "cancel_sent_at")[:MOST]:
            link = self._links.get(master)
            if link and state == Job.State.MOVED and cancelled is None:
                link.cancel(pk)
            elif link:
                found.setdefault(master, []).append(pk)
        for master, jobs in found.items():
            self._links[master].forget(jobs)

    def _end(self) -> None:
        for link in self._links.values():
            link.stop()
        for link in self._links.values():
            link.join(ENDING)
        write(lambda: Job.objects.filter(claimed_by=self.name, state__in=ACTIVE).update(claimed_until=None))
        log.info("dispatcher %s has ended", self.name)
        connections.close_all()


def _wanted() -> list[int]:
    """Give the tasks that want attention; asked 25 times a second, and the ORM would take 100 times as long."""
    with connection.cursor() as cursor:
        cursor.execute(WANTED, [True, MOST])
        return [row[0] for row in cursor.fetchall()]


def _later(seconds: float) -> Any:  # noqa: ANN401  # a datetime
    return timezone.now() + timedelta(seconds=seconds)


def _is_dead(name: str) -> bool:
    """Say whether a dispatcher of this machine is gone; of others nothing is known before its claims run out."""
    host, _, rest = name.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname()[:40] or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
