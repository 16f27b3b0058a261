"""Turn what Ansible says of a host into the platform's events."""

import base64
import binascii
import json
import re
from dataclasses import dataclass, replace
from typing import Any

from rpcgate.engines.ansible_remote import NOT_STARTED
from rpcgate.output import Output, clean, decode, fit, left_out
from sdk import Event, Status

NAME = "ansible"
KILLED = 137  # 128 + KILL: how timeout ends when asking did not help
TIMED_OUT = 124  # timeout's own status
TERMINATED = frozenset({TIMED_OUT, KILLED})
QUIET_KEYS = frozenset(
    {"changed", "failed", "invocation", "diff", "rc", "msg", "warnings", "deprecations", "exception", "timedout"}
)
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
        Status.UNREACHABLE, reason=f"The server could not be reached: {words or 'no reason given'}"[:500]
    )


def of_command(report: Report, call: str, seconds: float) -> Event:
    """Read the answer of ansible_remote.command or .script."""
    if (trouble := _trouble(report)) is not None:
        return trouble
    out, err = _bytes(report.res, "out"), _bytes(report.res, "err")
    err, told = _split_report(err, call)
    stdout, stderr = (_joined(kept, told.get(name, 0), report.limit) for kept, name in ((out, "out"), (err, "err")))
    lost = sum(_lost(told.get(name, 0), report.limit) for name in ("out", "err"))
    size = len(out) + len(err) + lost
    output, cut = fit(stdout + stderr, report.limit, size if lost else None)
    data = {"stdout": stdout, "stderr": stderr}
    fields: dict[str, Any] = {"output": output, "size": size if lost or cut else None, "data": data}
    if "rc" not in told:
        last = stderr.strip().splitlines()[-1:] or ["it gave no reason"]
        return report.event(Status.FAILED, reason=f"The command could not be run: {last[0]}."[:500], **fields)
    rc = told["rc"]
    if rc in TERMINATED and told["seconds"] >= seconds:
        reason = f"It did not finish within {seconds:g} s and was ended on the server."
        return report.event(Status.TIMEOUT, rc=rc, reason=reason, **fields)
    if rc == 0:
        return report.event(Status.OK, rc=0, **fields)
    reason = "There is no such program on the server." if rc == NOT_STARTED else f"It ended with exit status {rc}."
    return report.event(Status.FAILED, rc=rc, reason=reason, **fields)


def of_put(report: Report, check: bool) -> Event:
    """Read the answer of ansible_remote.put."""
    if (trouble := _trouble(report) or _refusal(report)) is not None:
        return trouble
    if _bytes(report.res, "out").strip() == b"same":
        return report.event(Status.OK, rc=0)
    return report.event(Status.CHANGED, rc=0, reason="It would be written; this was a dry run." if check else "")


def of_get(report: Report) -> Event:
    """Read the answer of ansible_remote.get."""
    if (trouble := _trouble(report) or _refusal(report)) is not None:
        return trouble
    content = _bytes(report.res, "out")
    kept = Output(report.limit)
    kept.add(content)
    data = {"content": base64.b64encode(content).decode()}
    return report.event(Status.OK, rc=0, data=data, **_shown(kept, len(content)))


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


def _trouble(report: Report) -> Event | None:
    """Give the event of a host whose text was not run to its end; None when it was."""
    if report.kind == "unreachable":
        return unreachable(report)
    if report.kind == "failed" and "timedout" in report.res:
        return report.event(Status.TIMEOUT, reason="The server did not answer in time.")
    if report.kind != "ok" or "out" not in report.res:
        return report.event(Status.FAILED, reason=failure(report.res))
    return None


def _refusal(report: Report) -> Event | None:
    """Give the event of a put or get that the server refused; None when it was done."""
    rc = int(report.res.get("exit", 0))
    lines = decode(_bytes(report.res, "err")).strip().splitlines()
    if rc == 0:
        return None
    return report.event(
        Status.FAILED, rc=rc, reason=(lines[-1] if lines else f"It ended with exit status {rc}")[:500] + "."
    )


def _split_report(err: bytes, call: str) -> tuple[bytes, dict[str, int]]:
    """Cut the report's line off the end of standard error: {"seconds", "rc", "out", "err"}, empty without one."""
    body, mark, line = err.rpartition(f"\n{call} ".encode())
    words = line.split()
    if not mark or len(words) % 2 or not all(word.isdigit() for word in words[1::2]):
        return err, {}
    return body, {name.decode(): int(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def _joined(kept: bytes, rest: int, limit: int) -> str:
    """Decode a stream of which `rest` bytes came after its first half."""
    lost = _lost(rest, limit)
    if not lost:
        return decode(kept)
    half = limit - limit // 2
    return decode(kept[:half]) + left_out(lost) + decode(kept[half:])


def _lost(rest: int, limit: int) -> int:
    """Count what was dropped on the server: of `rest`, the last half of the limit was kept."""
    return max(0, rest - limit // 2)


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


def _bytes(res: dict[str, Any], key: str) -> bytes:
    try:
        return base64.b64decode(res.get(key, ""))
    except (binascii.Error, TypeError, ValueError):
        return b""


def after_deadline(event: Event, confirmed: bool) -> Event:
    """Say of a host that ran out of time whether what it ran is gone."""
    word = "What it ran there was ended." if confirmed else "Whether it still runs there could not be found out."
    return replace(event, reason=f"{event.reason} {word}")
