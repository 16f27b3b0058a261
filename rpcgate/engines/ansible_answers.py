"""Turn what Ansible says of a host into the platform's events."""

import json
import re
from dataclasses import dataclass
from typing import Any

from rpcgate.output import Output, clean
from sdk import Event, Status

NAME = "ansible"
QUIET_KEYS = frozenset(
    {"changed", "failed", "invocation", "diff", "rc", "msg", "warnings", "deprecations", "exception", "timedout"}
)
WORDS = 2000  # characters of what ssh wrote: a server's banner may stand before the reason
TOO_LARGE = "Ansible's answer was too large to keep."
STREAMS = ("stdout", "stderr", "module_stdout", "module_stderr")


@dataclass(frozen=True, slots=True)
class Report:
    """What one runner_on_... event says. kind: ok, failed, unreachable or skipped. res: the task's result."""

    host: str
    kind: str
    res: dict[str, Any]
    limit: int  # bytes of output kept
    seconds: float | None = None

    def event(self, status: Status, **fields: Any) -> Event:  # Event's own fields
        """Make the host's final event."""
        return Event(self.host, status, engine=NAME, seconds=self.seconds, **fields)


def unreachable(report: Report) -> Event:
    """Say why a host could not be reached, in ssh's own words."""
    lines = [line.strip() for line in _text(report.res.get("msg")).splitlines() if line.strip()]
    words = re.sub(r"^.*(over|via) ssh: ?(ssh: )?", "", " ".join(lines))
    return report.event(
        Status.UNREACHABLE, reason=f"The server could not be reached: {words or 'no reason given'}"[:WORDS]
    )


def of_module(report: Report, timeout: float) -> Event:
    """Read the answer of any Ansible module."""
    res = report.res
    if report.kind == "unreachable":
        return unreachable(report)
    fields: dict[str, Any] = {"data": bounded(res, report.limit), "rc": _rc(res)}
    fields |= _shown(kept := readable(res, report.limit), kept.size)
    if report.kind == "ok" and not res:
        return report.event(Status.OK, reason=f"It worked. {TOO_LARGE}")
    if report.kind == "skipped":
        return report.event(Status.SKIPPED, reason=_text(res.get("msg")) or "Ansible skipped it.", **fields)
    if report.kind == "failed" and "timedout" in res:
        return report.event(Status.TIMEOUT, reason=f"It did not finish within {timeout:g} s.", **fields)
    if report.kind == "failed":
        return report.event(Status.FAILED, reason=failure(res), **fields)
    return report.event(Status.CHANGED if res.get("changed") else Status.OK, **fields)


def failure(res: dict[str, Any]) -> str:
    """Say in one sentence why a task failed."""
    if not res:
        return f"It failed. {TOO_LARGE}"
    words = _text(res.get("msg")).strip().removeprefix("Task failed: ")
    return (" ".join(words.split()) or f"It ended with exit status {_rc(res)}.")[:500]


def readable(res: dict[str, Any], limit: int) -> Output:
    """Give a result as a person reads it: what a process wrote, else the message and the values; then the diff."""
    text = "".join(_ended(_text(res.get(key))) for key in STREAMS)
    kept = Output(limit)
    kept.add((text or _values(res)).encode())
    kept.add(_diff(res.get("diff")).encode())
    return kept


def _shown(kept: Output, size: int) -> dict[str, Any]:
    """Give an event's output, and the size of the whole where it is only a part."""
    return {"output": kept.text(), "size": size if size > kept.limit else None}


def bounded(res: dict[str, Any], limit: int) -> dict[str, Any]:
    """Give a result without Ansible's own notes; one that is larger than the limit keeps its short values only."""
    data = {key: item for key, item in res.items() if not key.startswith("_ansible") and key != "invocation"}
    data = json.loads(clean(json.dumps(data, ensure_ascii=False)))
    if len(json.dumps(data)) <= limit:
        return data  # type: ignore[no-any-return]  # a dict went in
    short = {key: item for key, item in data.items() if len(json.dumps(item)) <= 1000}
    return {**short, "truncated": sorted(data.keys() - short.keys())} if len(short) <= 100 else {"truncated": True}


def _values(res: dict[str, Any]) -> str:
    """Give message and values, one a line."""
    lines = [_text(res["msg"])] if res.get("msg") else []
    for key, item in _told(res).items():
        if key not in QUIET_KEYS and not key.startswith("_") and item not in ("", [], {}, None) and key not in STREAMS:
            lines.append(f"{key}: {item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)}")
    return _ended(clean("\n".join(lines)))


def _told(res: dict[str, Any]) -> dict[str, Any]:
    """Leave out what Ansible notes of the interpreter it found: nobody has asked."""
    facts = res.get("ansible_facts")
    if not isinstance(facts, dict):
        return res
    return {**res, "ansible_facts": {key: item for key, item in facts.items() if not key.startswith("discovered_")}}


def _diff(diff: Any) -> str:  # noqa: ANN401  # as modules give it: a dict, a list of them, or nothing
    import difflib

    text = ""
    for item in diff if isinstance(diff, list) else [diff]:
        if not isinstance(item, dict):
            continue
        before, after = _text(item.get("before")).splitlines(), _text(item.get("after")).splitlines()
        heads = _text(item.get("before_header")) or "before", _text(item.get("after_header")) or "after"
        text += _text(item.get("prepared")) + "\n".join(difflib.unified_diff(before, after, *heads, lineterm=""))
    return _ended(text)


def _text(value: Any) -> str:  # noqa: ANN401  # any JSON value
    return "" if value is None else clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _rc(res: dict[str, Any]) -> int | None:
    rc = res.get("rc")
    return rc if type(rc) is int else None
