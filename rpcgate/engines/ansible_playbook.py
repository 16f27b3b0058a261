"""What a playbook does on each server: its tasks as they come, its end from Ansible's own account."""

from typing import Any

from rpcgate.engines.ansible_answers import NAME, Report, failure, readable
from rpcgate.output import Output, clean
from sdk import Event, Status

TASKS = 2000  # tasks of one server that are sent live; the log at its end still has them
TASK_OUTPUT = 1 << 14  # bytes of what one task said


class PlaybookRun:
    """Collects a playbook's log for each server. limit: bytes kept for one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._logs: dict[str, Output] = {}
        self._faults: dict[str, str] = {}
        self._sent: dict[str, int] = {}

    def task(self, report: Report, name: str, ignored: bool) -> Event | None:
        """Note one task's result; give the live event, None when this server had its share of them."""
        word = "changed" if report.kind == "ok" and report.res.get("changed") else report.kind
        text = f"{clean(name)}: {word}{' (ignored)' if ignored else ''}\n"
        if report.kind in ("failed", "unreachable") or "msg" in report.res or "diff" in report.res:
            text += readable(report.res, TASK_OUTPUT).text()
        if report.kind in ("failed", "unreachable") and not ignored:
            self._faults[report.host] = f"{clean(name)}: {failure(report.res)}"[:500]
        self._logs.setdefault(report.host, Output(self._limit)).add(text.encode())
        self._sent[report.host] = self._sent.get(report.host, 0) + 1
        if self._sent[report.host] > TASKS:
            return None
        return Event(report.host, Status.RUNNING, output=text, stream="stdout", engine=NAME)

    def end(self, host: str, stats: dict[str, Any]) -> Event:
        """Give a server's final event. stats: Ansible's counts, {"ok": {host: n}, "failures": ...}."""
        counts = {key: int((stats.get(key) or {}).get(host, 0)) for key in ("ok", "changed", "failures", "dark")}
        log = self._logs.get(host, Output(self._limit))
        status, reason = self._verdict(host, counts)
        size = log.size if log.truncated else None
        return Event(host, status, output=log.text(), reason=reason, data=counts, engine=NAME, size=size)

    def _verdict(self, host: str, counts: dict[str, int]) -> tuple[Status, str]:
        fault = self._faults.get(host, "")
        if counts["dark"]:
            return Status.UNREACHABLE, fault or "The server could not be reached."
        if counts["failures"]:
            return Status.FAILED, fault or "A task failed."
        if counts["changed"]:
            return Status.CHANGED, ""
        if counts["ok"]:
            return Status.OK, ""
        return Status.SKIPPED, "The playbook has nothing to do on this server; look at its hosts: line."
