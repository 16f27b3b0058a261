"""One dispatcher's line to one master: a heartbeat, a line for orders, and a few that wait for news."""

import logging
import threading
import time
from contextlib import suppress
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections

from rpcgate.client import MasterClient, MasterRefused, MasterSilent
from rpcgate.protocol import Health, Hello, News, Poll, Refusal
from webui.files import transfer
from webui.masters import client_of
from webui.modules import delivery
from webui.modules.models import ModuleVersion
from webui.servers.models import Master
from webui.tasks import store, submit
from webui.tasks.hearing import heard, unheard
from webui.tasks.models import Job
from webui.tasks.orders import Act, Orders
from webui.tasks.progress import advance
from webui.tasks.watching import Watched, Watching

log = logging.getLogger(__name__)

BEAT = 3.0  # seconds between heartbeats, at most
BEAT_TIMEOUT = 5.0
POLLERS = 3
AGAIN = (0.3, 1.0, 2.0, 5.0)  # seconds until a silent master is asked again


class Link:
    """The threads of one master. wake: set when the dispatcher's loop should look at once."""

    def __init__(self, master: Master, wake: threading.Event) -> None:
        self.master = master
        self.signature = signature(master)
        self._wake = wake
        self._stopping = threading.Event()
        self._heard = time.monotonic()
        self._orders = Orders()
        self._files = Orders()  # what takes long: the others do not wait for it
        self._fetching: set[UUID] = set()
        self._watching = Watching()
        self._cancelled: set[UUID] = set()  # those for which a Cancel is under way or said; the loop's thread only
        self._brought: dict[int, float] = {}  # version -> until when it is not sent again; the heartbeat's thread only
        names: list[tuple[str, Act]] = [
            ("beat", self._beat),
            ("orders", lambda client: self._carry_out(client, self._orders)),
            ("files", lambda client: self._carry_out(client, self._files)),
            *((f"poll{n}", self._poll) for n in range(POLLERS)),
        ]
        self._threads = [
            threading.Thread(target=self._guarded, args=(act,), name=f"{master.name} {name}", daemon=True)
            for name, act in names
        ]
        for thread in self._threads:
            thread.start()

    def silent_for(self) -> float:
        """Give the seconds since this master answered, or since we began to ask."""
        return time.monotonic() - self._heard

    def take(self, job: Job) -> None:
        """See to a job from now on, whatever its state."""
        if job.state == Job.State.NEW:
            self._orders.add(lambda client: self._send(client, job.pk))
            return
        if job.state == Job.State.CANCELLING and job.cancel_sent_at is None:
            self.cancel(job.pk)
        self._watching.add(job.pk, job.seq)

    def cancel(self, job_id: UUID) -> None:
        """Tell the master to end a job; asked again, it is told once."""
        if job_id in self._cancelled:
            return
        self._cancelled.add(job_id)
        self._orders.add(lambda client: submit.cancel(client, job_id))

    def forget(self, jobs: list[UUID]) -> None:
        """Tell the master that it may drop these jobs, when the files that their servers gave are here."""
        coming = transfer.coming(jobs)
        for job_id in coming - self._fetching:
            self._fetching.add(job_id)
            self._files.add(lambda client, job_id=job_id: self._fetch(client, job_id))
        if rest := [job_id for job_id in jobs if job_id not in coming]:
            self._orders.add(lambda client: submit.forget(client, rest))

    def stop(self) -> None:
        """End the threads soon; `join` waits for them."""
        self._stopping.set()
        self._orders.close()
        self._files.close()
        self._watching.close()

    def join(self, seconds: float) -> None:
        """Wait for the threads; one that hangs in a question is left to end with the program."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _guarded(self, act: Act) -> None:
        """Run a thread's loop until it is told to stop, whatever the database or a master does."""
        while not self._stopping.is_set():
            try:
                with client_of(self.master) as client:
                    act(client)
            except DatabaseError:
                log.exception("master %s: the database did not do as asked; again in a second", self.master.name)
                connections.close_all()
                self._stopping.wait(1.0)
            except Exception:  # the thread must live on: a fault in one job may not stop the others
                log.exception("master %s: a line broke; again in a second", self.master.name)
                self._stopping.wait(1.0)
        connections.close_all()

    def _beat(self, client: MasterClient) -> None:
        while not self._stopping.is_set():
            close_old_connections()
            try:
                health = client.ask(Hello(), timeout=BEAT_TIMEOUT)
                self._heard = time.monotonic()
                if isinstance(health, Health) and heard(self.master.pk, health):
                    self._wake.set()
                self._bring_owed()
            except (MasterSilent, MasterRefused) as error:
                unheard(self.master.pk, str(error))
            self._stopping.wait(min(BEAT, settings.MASTER_SILENT_AFTER / 3))  # two may go missing

    def _bring_owed(self) -> None:
        """Send the published versions that this master may have and has not: it was away when they came."""
        for version in delivery.owed(Master.objects.get(pk=self.master.pk)):
            if self._brought.get(version.pk, 0.0) < time.monotonic():
                self._brought[version.pk] = time.monotonic() + delivery.AGAIN.total_seconds()
                self._orders.add(lambda client, version=version: self._put(client, version))

    def _put(self, client: MasterClient, version: ModuleVersion) -> None:
        delivery.put(client, version, self.master)
        self._wake.set()

    def _carry_out(self, client: MasterClient, orders: Orders) -> None:
        while (order := orders.next()) is not None:
            close_old_connections()
            try:
                order.act(client)
                self._heard = time.monotonic()
            except MasterSilent as error:
                log.info("%s", error)
                orders.add(order.act, order.tries + 1, AGAIN[min(order.tries, len(AGAIN) - 1)])
            except MasterRefused as refused:
                log.info("master %s: %s", self.master.name, refused)
                if refused.code is Refusal.BUSY:
                    orders.add(order.act, order.tries + 1, AGAIN[min(order.tries, 2)])
            except DatabaseError:
                orders.add(order.act, order.tries + 1, 1.0)
                raise

    def _send(self, client: MasterClient, job_id: UUID) -> None:
        """Submit a job. The line is tried first: what surely never left us can still go to another master."""
        client.ask(Poll({}))
        try:
            state = submit.send(client, job_id)
        except MasterRefused as refused:
            if refused.code is not Refusal.FILE:
                raise
            self._files.add(lambda client: self._bring(client, job_id))
            return
        cancelled = Job.objects.filter(pk=job_id, state=Job.State.CANCELLING)
        if state is not None or cancelled.exists():  # the master's word ends it, also that it never had it
            self._watching.add(job_id, 0)
        else:
            self._wake.set()

    def _bring(self, client: MasterClient, job_id: UUID) -> None:
        """Bring the files that a job needs to its master, then submit it again."""

        def wanted() -> bool:
            return not self._stopping.is_set() and Job.objects.filter(pk=job_id, state=Job.State.NEW).exists()

        try:
            transfer.send(client, job_id, wanted)
        except transfer.CannotSendError as error:
            store.refuse(job_id, str(error))
            self._wake.set()
            return
        self._orders.add(lambda client: self._send(client, job_id))

    def _fetch(self, client: MasterClient, job_id: UUID) -> None:
        """Fetch the files of an ended job, then let the master drop it; after a silence it goes on where it was."""
        try:
            transfer.fetch(client, job_id, lambda: not self._stopping.is_set())
        except MasterSilent:
            raise  # it is tried again
        except MasterRefused as refused:
            if refused.code is Refusal.BUSY:
                raise
        self._fetching.discard(job_id)
        if not self._stopping.is_set():
            self._orders.add(lambda client: submit.forget(client, [job_id]))

    def _poll(self, client: MasterClient) -> None:
        tries = 0
        while asked := self._watching.take():
            close_old_connections()
            try:
                with suppress(KeyError):
                    self._ask(client, asked)
                tries = 0
            except (MasterSilent, MasterRefused) as error:
                log.info("master %s: %s", self.master.name, error)
                self._stopping.wait(AGAIN[min(tries, len(AGAIN) - 1)])
                tries += 1
            finally:
                self._watching.put_back(asked)

    def _ask(self, client: MasterClient, asked: dict[UUID, Watched]) -> None:
        """Ask for news and store it; a job that has ended is taken out of `asked`, the others get their new seq."""
        wait = self._watching.patience(asked)
        answer = client.ask(Poll({str(pk): job.seq for pk, job in asked.items()}, wait=wait))
        self._heard = time.monotonic()
        for news in answer.jobs if isinstance(answer, News) else ():
            job_id = UUID(news.job)
            if job_id not in asked:
                continue
            applied = store.apply(job_id, news)
            if applied and applied.alive:
                asked[job_id] = asked[job_id].after(applied.seq, news.state)
            else:
                del asked[job_id]
                self._watching.drop(job_id)
                self.forget([job_id])
            if applied and applied.attention:
                advance(applied.task)
                self._wake.set()


def signature(master: Master) -> tuple[object, ...]:
    """Give what a line depends on; when it changes, the line is made anew."""
    return master.address, master.port, master.bundle
