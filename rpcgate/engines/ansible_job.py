"""One call while it runs: read Ansible's events, keep the clock, cancel, and end each server exactly once."""

import json
import logging
import re
import select
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rpcgate.engines import Call, Emit
from rpcgate.engines.ansible_answers import NAME, Report
from rpcgate.engines.ansible_cleaning import end_on
from rpcgate.engines.ansible_config import AnsibleConfig
from rpcgate.engines.ansible_files import fault_of, inventory, names_for, write
from rpcgate.engines.ansible_link import WarmParent, description, empty
from rpcgate.engines.ansible_plan import Plan, plan
from rpcgate.engines.ansible_playbook import PlaybookRun
from rpcgate.engines.ansible_reach import why
from rpcgate.engines.plan import VerbError, ended
from sdk import Event, Status, Target, Targets

log = logging.getLogger(__name__)
KINDS = {f"runner_on_{kind}": kind for kind in ("ok", "failed", "unreachable", "skipped")}
LINE = 256 << 20  # bytes of one event; ansible-runner has dropped what is larger
PIECE = 1 << 16
TICK = 0.5  # seconds between looks at the clock
BATCH = 0.3  # seconds in which hosts that time out together are cleaned up together
ORIGIN = re.compile(r"^Origin: (\S.*):(\d+):\d+$", re.MULTILINE)  # where Ansible found a fault
UNHEARD = "Ansible ended without a word about this server."


@dataclass(slots=True)
class Host:
    """A server that has not ended yet.

    began: when Ansible took it up; 0 before. late: its end, held back until what it still runs is ended, too.
    """

    target: Target
    began: float = 0.0
    late: Event | None = None


@dataclass(slots=True, eq=False)
class AnsibleJob:
    """A call that was started (rpcgate.engines.Running)."""

    call: Call
    config: AnsibleConfig
    parent: WarmParent
    emit: Emit
    pythons: dict[str, str]
    plan: Plan = field(default_factory=lambda: Plan(""))
    _hosts: dict[str, Host] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _done: threading.Event = field(default_factory=threading.Event)
    _cancelled: bool = False
    _expired: bool = False
    _confirmed: bool = False  # that nothing local is left
    _channel: socket.socket | None = None
    _late: list[str] = field(default_factory=list)  # servers to clean up next, and since when
    _late_since: float = 0.0
    _cleaners: list[threading.Thread] = field(default_factory=list)
    _printed: str = ""
    _play: PlaybookRun | None = None

    def start(self) -> "AnsibleJob":
        """Begin, in a thread of its own."""
        threading.Thread(target=self._run, name=f"ansible {self.call.job}", daemon=True).start()
        return self

    def cancel(self) -> None:
        """End it; each running server becomes cancelled when it is known whether its process has gone."""
        with self._lock:
            if self._done.is_set() or self._cancelled:
                return
            self._cancelled = True
            self._stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the last event."""
        return self._done.wait(timeout)

    def _run(self) -> None:
        try:
            self._prepare()
            if self._hosts and not self._cancelled:
                self._play_it()
            self._end()
        except Exception as error:  # an engine must end every server, whatever its library does
            log.exception("job %s: the ansible engine stopped", self.call.job)
            self._end_all(Status.LOST, f"The ansible engine stopped: {type(error).__name__}: {error}"[:500])
        finally:
            self._done.set()

    def _prepare(self) -> None:
        """Make the plan; servers that cannot be given to Ansible end here."""
        self._hosts = {name: Host(target) for name, target in names_for(self.call.targets).items()}
        try:
            self.plan = self.plan if self.plan.mark else plan(self.call, self.config)
        except VerbError as error:
            self._end_all(Status.FAILED, str(error))
            return
        for name, host in list(self._hosts.items()):
            if fault := fault_of(host.target):
                self._final(name, Event("", Status.FAILED, reason=fault))
        if self.plan.read is None:
            self._play = PlaybookRun(self.call.output_limit)

    def _play_it(self) -> None:
        folder = self.config.home / "jobs" / self.plan.mark
        try:
            empty(folder)
            names = {name: host.target for name, host in self._hosts.items()}
            files = {"inventory.yaml": inventory(names, self.config, self.pythons), **self.plan.files}
            write(folder, files)
            job = description(self.plan, self.call, self.config, folder, len(self._hosts))
            channel = self.parent.start_job(job)
            with self._lock:
                self._channel = channel
                if self._cancelled:
                    self._stop()
            for event in self._events():
                self._take(event)
        except OSError as error:
            self._end_all(Status.FAILED, f"Ansible could not be started on the master: {error}")
        finally:
            if self._channel:
                self._channel.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _events(self) -> Iterator[dict[str, Any]]:
        """Yield events as they come, watching the clock between them, until the job is over."""
        channel = self._channel
        if channel is None:
            return
        pending = b""
        while True:
            self._watch_clock()
            if not select.select([channel], [], [], BATCH if self._late else TICK)[0]:
                continue
            piece = channel.recv(PIECE)
            if not piece:
                return
            *lines, rest = (pending + piece).split(b"\n") if b"\n" in piece else ([pending + piece])
            yield from (json.loads(line) for line in lines)
            pending = rest
            if len(pending) > LINE:
                raise ValueError("an event is too large")

    def _take(self, event: dict[str, Any]) -> None:
        kind, name = event["event"], event.get("host", "")
        if kind == "end":
            self._confirmed = bool(event["gone"])
        elif kind == "runner_on_start" and name in self._hosts:
            self._hosts[name].began = self._hosts[name].began or time.monotonic()
        elif self._play is not None:
            self._take_of_playbook(event)
        elif kind in KINDS and name in self._hosts:
            self._take_report(name, self._report(event))
        elif event.get("stdout") and not name:
            self._printed = (self._printed + event["stdout"] + "\n")[-2000:]

    def _report(self, event: dict[str, Any]) -> Report:
        res = event.get("res") or {}
        return Report(event["host"], KINDS[event["event"]], res, self.call.output_limit, event.get("duration"))

    def _take_report(self, name: str, report: Report) -> None:
        python = (report.res.get("ansible_facts") or {}).get("discovered_interpreter_python")
        if isinstance(python, str):
            self.pythons[self._hosts[name].target.name] = python
        assert self.plan.read is not None  # noqa: S101  # a playbook went the other way
        event = self.plan.read(report)
        if event.status is Status.FAILED:
            self.pythons.pop(self._hosts[name].target.name, None)  # it may have moved
        if event.status is Status.TIMEOUT and event.rc is None:  # nobody on the server has ended it
            self._hosts[name].late = event
            self._late.append(name)
            self._late_since = self._late_since or time.monotonic()
            return
        self._final(name, event)

    def _take_of_playbook(self, event: dict[str, Any]) -> None:
        assert self._play is not None  # noqa: S101  # the caller has looked
        name = event.get("host", "")
        if event["event"] in KINDS and name in self._hosts:
            live = self._play.task(self._report(event), event.get("task", ""), bool(event.get("ignore_errors")))
            if live is not None:
                self._say(replace(live, host=self._hosts[name].target.name))
        elif event["event"] == "playbook_on_stats":
            for one in list(self._hosts):
                self._final(one, self._play.end(one, event))
        elif event.get("stdout") and not name:
            self._printed = (self._printed + event["stdout"] + "\n")[-2000:]

    def _watch_clock(self) -> None:
        now = time.monotonic()
        if self._late and now - self._late_since >= BATCH:
            self._clean_late()
        running = [host for host in list(self._hosts.values()) if host.began and not host.late]
        limit = self.call.timeout + self.plan.grace
        if running and not self._expired and all(now - host.began > limit for host in running):
            self._expired = True  # whoever still runs is stuck; those not begun would wait for them in vain
            with self._lock:
                self._stop()

    def _stop(self) -> None:
        """Ask the supervisor to kill everything of this job; it answers with its last event. Hold the lock."""
        if self._channel:
            try:
                self._channel.shutdown(socket.SHUT_WR)
            except OSError:
                return  # it has ended by itself

    def _end(self) -> None:
        """End every server that has no result yet."""
        self._clean_late()
        left = [name for name, host in list(self._hosts.items()) if not host.late]
        if self._cancelled or self._expired:
            self._end_stopped(left)
        else:
            words = next((line.strip() for line in self._printed.splitlines() if line.strip()), "")
            if where := ORIGIN.search(self._printed):
                words = f"{words.rstrip('.')[:400]} ({Path(where[1]).name}, line {where[2]})."
            status = Status.FAILED if words else Status.LOST
            for name in left:
                self._final(name, Event("", status, reason=words.removeprefix("[ERROR]: ")[:500] or UNHEARD))
        for cleaner in self._cleaners:
            cleaner.join()

    def _end_stopped(self, left: list[str]) -> None:
        """End the servers of a job that was killed: those that had begun when it is known what became of them."""
        status = Status.CANCELLED if self._cancelled else Status.TIMEOUT
        word = "Cancelled" if self._cancelled else f"It did not end within {self.call.timeout:g} s"
        begun = [name for name in left if self._hosts[name].began]
        for name in left:
            if name not in begun:
                self._final(name, Event("", status, reason=f"{word}; it had not begun on this server."))
        for name, gone in self._clean(begun):
            event = ended(Event("", status), cancelled=self._cancelled, seconds=self.call.timeout, gone=gone)
            local = "" if self._confirmed else " Not all of Ansible's processes on the master have ended."
            self._final(name, replace(event, reason=event.reason + local))

    def _clean_late(self) -> None:
        """End what servers still run whose time is up; their events follow when that is done."""
        names, self._late, self._late_since = self._late, [], 0.0
        if not names:
            return

        def clean() -> None:
            for name, gone in self._clean(names):
                if late := self._hosts[name].late:
                    self._final(name, ended(late, cancelled=False, seconds=self.call.timeout, gone=gone))

        cleaner = threading.Thread(target=clean, name=f"ansible cleans {self.call.job}", daemon=True)
        cleaner.start()
        self._cleaners.append(cleaner)

    def _clean(self, names: list[str]) -> list[tuple[str, bool]]:
        """End on these servers what this job started there; say of each whether it is gone."""
        hosts = {name: self._hosts[name].target for name in names if name in self._hosts}
        gone = end_on(Targets(tuple(hosts.values())), self.plan.mark, self.config, self.call.job, self._start_beside)
        return [(name, target.name in gone) for name, target in hosts.items()]

    def _start_beside(self, call: Call, killing: Plan, emit: Emit) -> "AnsibleJob":
        return AnsibleJob(call, self.config, self.parent, emit, self.pythons, plan=killing).start()

    def _end_all(self, status: Status, reason: str) -> None:
        for name in list(self._hosts):
            self._final(name, Event("", status, reason=reason))

    def _final(self, name: str, event: Event) -> None:
        """Send a server's last event, under its own name; a second one is dropped."""
        with self._lock:
            host = self._hosts.pop(name, None)
        if host is None:
            return
        if event.status is Status.UNREACHABLE:
            event = replace(event, reason=why(event.reason, host.target, self.config))
        seconds = event.seconds if event.seconds is not None or not host.began else time.monotonic() - host.began
        self._say(replace(event, host=host.target.name, engine=NAME, seconds=seconds))

    def _say(self, event: Event) -> None:
        try:
            self.emit(event)
        except Exception:  # the caller's code; the other servers' events must still come
            log.exception("job=%s host=%s an event was not taken", self.call.job, event.host)
