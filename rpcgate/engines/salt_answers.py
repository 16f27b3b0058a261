"""Turn what a minion returned to a call or a state into the platform's final event."""

import json
from dataclasses import replace
from typing import Any

from rpcgate.engines.salt_jobs import Answer
from rpcgate.output import Output, clean
from sdk import Event, Status

TOO_LARGE = "Its answer was too large to keep."
CUT = "Salt has left out parts of its answer, which were too large (max_event_size)."
REASON = 500  # characters


def of_call(answer: Answer, event: Event, limit: int) -> Event:
    """Read the return of an execution module's function. event: bare, with host, engine and seconds."""
    event = replace(event, rc=answer.rc, data=_bounded(answer.value, limit))
    event = _shown(event, TOO_LARGE + "\n" if answer.large else readable(answer.value), limit)
    if answer.good and not answer.rc:
        left_out = TOO_LARGE if answer.large else CUT if answer.cut else ""
        return replace(event, status=Status.OK, reason=left_out and f"It worked. {left_out}")
    return replace(event, status=Status.FAILED, reason=_why(answer))


def of_state(answer: Answer, event: Event, limit: int, *, check: bool) -> Event:
    """Read the return of state.apply: one dict for each state, or a list of what is wrong with the file."""
    event = replace(event, rc=answer.rc, data=_bounded(answer.value, limit))
    if answer.large:
        status = Status.OK if answer.good and not answer.rc else Status.FAILED
        return replace(event, status=status, reason=TOO_LARGE)
    states = _states(answer.value)
    if states is None:
        event = _shown(event, readable(answer.value), limit)
        return replace(event, status=Status.FAILED, reason=_why(answer))
    event = _shown(event, "".join(_line(state) for state in states), limit)
    failed = [state for state in states if state.get("result") is False]
    if failed or not answer.good:
        return replace(event, status=Status.FAILED, reason=_failure(failed, len(states)) or _why(answer))
    changed = any(state.get("changes") or state.get("result") is None for state in states)
    reason = "This is what would change; nothing was changed." if changed and check else ""
    return replace(event, status=Status.CHANGED if changed else Status.OK, reason=reason)


def readable(value: Any) -> str:  # noqa: ANN401  # whatever a function returns
    """Give a return as a person reads it: a text as it is, what a process wrote, else the values."""
    if isinstance(value, str):
        return _ended(clean(value))
    if isinstance(value, dict) and isinstance(value.get("stdout"), str) and isinstance(value.get("stderr"), str):
        return _ended(clean(value["stdout"])) + _ended(clean(value["stderr"]))
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return _ended(clean("\n".join(value)))
    if value is None:
        return ""
    return _ended(clean(json.dumps(value, ensure_ascii=False, indent=2)))


def _states(value: Any) -> list[dict[str, Any]] | None:  # noqa: ANN401
    """Give the states in the order in which they ran; None when the value is no such answer."""
    if not isinstance(value, dict) or not value:
        return None
    states = list(value.values())
    if not all(isinstance(state, dict) and "result" in state for state in states):
        return None
    return sorted(states, key=lambda state: _number(state.get("__run_num__")))


def _line(state: dict[str, Any]) -> str:
    """Give one state with its comment and its changes."""
    result, changes = state.get("result"), state.get("changes")
    word = "failed" if result is False else "changed" if changes else "would change" if result is None else "ok"
    text = f"{word:<12} {_name(state)}: {_text(state.get('comment')).strip()}\n"
    return clean(text) + clean("".join(f"    {line}\n" for line in _changes(changes)))


def _changes(changes: Any) -> list[str]:  # noqa: ANN401  # mostly a dict of old and new, or with a diff
    if not changes:
        return []
    if not isinstance(changes, dict):
        return _text(changes).splitlines()
    lines: list[str] = []
    for key, change in changes.items():
        if isinstance(change, dict) and change.keys() == {"old", "new"}:
            lines.append(f"{key}: {_text(change['old']) or '-'} -> {_text(change['new']) or '-'}")
        else:
            text = _text(change).splitlines() or [""]
            lines += [f"{key}: {text[0]}"] if len(text) == 1 else [f"{key}:", *(f"  {line}" for line in text)]
    return lines


def _failure(failed: list[dict[str, Any]], count: int) -> str:
    if not failed:
        return ""
    first = failed[0]
    said = " ".join(_text(first.get("comment")).split())
    return clean(f"{len(failed)} of {count} states failed: {_name(first)}: {said}")[:REASON]


def _name(state: dict[str, Any]) -> str:
    said = _text(state.get("__id__") or state.get("name") or "a state")
    name = _text(state.get("name"))
    return said if not name or name == said else f"{said} ({name})"


def _why(answer: Answer) -> str:
    """Say in one sentence why a function did not go well: the last line of what it says, a traceback's too."""
    lines = [line.strip() for line in readable(answer.value).splitlines() if line.strip()]
    if isinstance(answer.value, str | list) and lines:
        return (lines[-1] if "Traceback" in readable(answer.value) else lines[0])[:REASON]
    return f"It ended with exit status {answer.rc}." if answer.rc else "The minion says that it failed."


def _shown(event: Event, text: str, limit: int) -> Event:
    kept = Output(limit)
    kept.add(text.encode())
    return replace(event, output=kept.text(), size=kept.size if kept.truncated else None)


def _bounded(value: Any, limit: int) -> Any:  # noqa: ANN401
    """Give a value that can be stored; one that is larger than the limit keeps only that it was."""
    text = clean(json.dumps(value, ensure_ascii=False))
    return json.loads(text) if len(text) <= limit else {"truncated": True}


def _number(value: Any) -> int:  # noqa: ANN401
    return value if isinstance(value, int) else 1 << 30


def _text(value: Any) -> str:  # noqa: ANN401
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
