"""Tasks on a terminal: values from the command line, what each host said as it ends, a report."""

import re
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from django.utils import timezone

from webui.console import UsageError
from webui.tasks import reads
from webui.tasks.models import HostResult, HostStatus, Output, Task

LOOK = 0.1  # seconds between looks at a task that runs
PATIENCE = 3.0  # seconds until the reason for waiting is told
LITERAL = re.compile(r"\\+(?:@.*|-)", re.DOTALL)  # see preview.literal: one backslash is taken away
OUTPUT_LINES = 40  # of each group
WHOLE_LINES = 200  # of each host
FEW = 3  # hosts whose outputs are shown without being asked for
ASKED = 500  # characters of a parameter or selector; the JSON has all
WIDTH = 100  # characters after which a reason goes on in the next line
UNFINISHED = (HostStatus.RUNNING, HostStatus.QUEUED)


def safe(text: str) -> str:
    """Make a text harmless for a terminal: one line, no control characters, no escape sequences."""
    return "".join(char if char.isprintable() else " " if char in "\t\r\n" else "�" for char in text)


def read_params(
    pairs: Sequence[str],
    lists: frozenset[str],
    stdin: TextIO,
    upload: Mapping[str, Callable[[Path], Any]] | None = None,
) -> dict[str, Any]:
    """Read NAME=VALUE words: @FILE and - stand for a file's text and standard input, a repeated list for a list.

    upload: for the parameters that are files, what makes of @FILE their value.
    """
    found: dict[str, list[Any]] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise UsageError(f"-p {safe(pair)[:60]} is no NAME=VALUE")
        act = (upload or {}).get(name)
        found.setdefault(name, []).append(
            act(Path(value[1:])) if act and value[:1] == "@" else _value(name, value, stdin)
        )
    for name, values in found.items():
        if len(values) > 1 and name not in lists:
            raise UsageError(f"-p {safe(name)[:60]} is given {len(values)} times; it takes one value")
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def _value(name: str, value: str, stdin: TextIO) -> str:
    if value == "-":
        return stdin.read().removesuffix("\n")
    if value.startswith("@"):
        try:
            return Path(value[1:]).expanduser().read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise UsageError(f"-p {name}: {safe(value[1:])} cannot be read: {why}") from error
    return value[1:] if LITERAL.fullmatch(value) else value


def percent(text: str) -> int:
    """Read "10%" or "10"; UsageError otherwise."""
    match = re.fullmatch(r"(\d{1,3})%?", text.strip())
    if not match or int(match[1]) > 100:
        raise UsageError(f"--max-fail {safe(text)[:20]} is no percentage; write for example 10%")
    return int(match[1])


def follow(
    task: Task,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    *,
    whole: bool = False,
    seconds: float | None = None,
) -> bool:
    """Say how each host ends, and why others wait, until the task has ended or is held; False after `seconds`.

    whole: with all that a host said, else a line for each.
    """
    told: set[int] = set()
    until = None if seconds is None else time.monotonic() + seconds
    version, waits, began = -1, "", time.monotonic()
    while True:
        task.refresh_from_db()
        if task.version != version:
            version = task.version
            _tell_ended(task, told, say, whole=whole)
        if task.state == Task.State.HELD:
            warn(f"Task {task.pk} is on hold: {held(task)} Go on with manage.py task resume {task.pk}, or task stop.")
        if task.state in (Task.State.ENDED, Task.State.HELD):
            return True
        if until is not None and time.monotonic() >= until:
            return False
        if time.monotonic() - began > PATIENCE:
            began = time.monotonic()
            waits = _tell_waits(task, waits, warn)
        time.sleep(LOOK)


def held(task: Task) -> str:
    """Say why a task is on hold, and how many servers wait for the decision."""
    reason = task.waves.filter(state="held").values_list("reason", flat=True).first() or ""
    untouched = sum(task.waves.filter(state="waiting").values_list("hosts", flat=True))
    return f"{reason} {servers(untouched)} {'has' if untouched == 1 else 'have'} not been touched.".strip()


def servers(number: int) -> str:
    """Write a number of servers: "1 server", "2,000 servers"."""
    return f"{number:,} server" if number == 1 else f"{number:,} servers"


def _ended(task: Task, told: set[int]) -> Iterator[HostResult]:
    """Give the results of the hosts that have ended since."""
    done = set(task.results.exclude(status__in=UNFINISHED).order_by().values_list("pk", flat=True))
    fresh = sorted(done - told)
    told |= done
    for start in range(0, len(fresh), 500):
        found = HostResult.objects.filter(pk__in=fresh[start : start + 500]).select_related("output")
        yield from found.order_by("ended_at", "host")


def host_line(result: HostResult) -> str:
    """Give one host as one line, its reason whole."""
    told = result.reason if result.reason.startswith(result.summary) else result.summary
    return safe(f"{_head(result)}  {told}".rstrip())


def host_lines(result: HostResult) -> Iterator[str]:
    """Give one host with all that it said, up to 200 lines."""
    yield safe(_head(result))
    yield from wrapped(result.reason)
    text = result.output.text if result.output else ""
    yield from indented(_beside(text, result.reason), WHOLE_LINES, f"task show {result.task_id} --json")


def _beside(text: str, reason: str) -> str:
    """Give what was said besides the reason: "" where it is the same sentence, which need not stand there twice."""
    return "" if text.strip().rstrip(".").casefold() == reason.strip().rstrip(".").casefold() else text


def wrapped(reason: str) -> list[str]:
    """Give a reason as indented lines; nothing of it is cut."""
    return textwrap.wrap(safe(reason), WIDTH, initial_indent="    ", subsequent_indent="    ")


def indented(text: str, most: int, whole: str) -> Iterator[str]:
    """Give a text as indented lines; whole: the command that shows more than `most`."""
    lines = text.splitlines()
    yield from (f"    {safe(line)}" for line in lines[:most])
    if len(lines) > most:
        rest = len(lines) - most
        yield f"    ... {rest:,} more line{'' if rest == 1 else 's'}; manage.py {whole} has them all"


def _head(result: HostResult) -> str:
    parts = [result.host, str(result.status)]
    parts += [f"exit {result.rc}"] if result.rc is not None else []
    parts += [f"{result.seconds:.2f} s"] if result.seconds is not None else []
    return "  ".join(parts)


def _tell_ended(task: Task, told: set[int], say: Callable[[str], None], *, whole: bool) -> None:
    for result in _ended(task, told):
        for line in host_lines(result) if whole else (host_line(result),):
            say(line)


def _tell_waits(task: Task, before: str, warn: Callable[[str], None]) -> str:
    if task.attention:
        now = "No dispatcher has seen this task yet; is manage.py dispatch running?"
    else:
        causes = [cause for cause in reads.waiting(task) if cause.code not in ("wave", "turn")]
        now = "; ".join(f"{cause.sentence}. {cause.detail}".strip() for cause in causes)
    if now and now != before:
        warn(f"Waiting: {safe(now)}")
    return now


def report(task: Task) -> Iterator[str]:
    """Give a task as lines: how it stands, why hosts wait, the groups and what they said."""
    numbers = reads.counts(task)
    yield f"Task {task.pk}  {safe(task.title)}  {reads.chip(task, numbers)[1]}"
    yield f"{reads.sentence(task, numbers)}."
    yield _times(task)
    yield from _asked(task)
    yield "  ".join(f"{status} {number:,}" for status, number in numbers.items() if number)
    yield from (f"Note: {safe(note)}" for note in reads.notes(task))
    if taken_over := reads.taken_over(task):
        yield f"Note: {safe(taken_over)}."
    if task.state == Task.State.HELD:
        yield f"On hold: {held(task)}"
    yield from (f"Waiting: {safe(f'{cause.sentence}. {cause.detail}'.strip())}" for cause in reads.waiting(task))
    found = reads.groups(task)
    texts = dict(Output.objects.filter(pk__in={group.digest for group in found}).values_list("pk", "text"))
    for group in found:
        yield from _group(group, texts.get(group.digest, ""), f"task show {task.pk} --json")


def _times(task: Task) -> str:
    parts = [f"Created {local(task.created_at)} by {task.created_by or '-'}"]
    parts += [f"ended {local(task.ended_at)}"] if task.ended_at else []
    return safe(", ".join(parts))


def _asked(task: Task) -> Iterator[str]:
    """Say what was asked for: which servers, and each parameter on a line; secrets are not stored."""
    yield f"On {safe(_cut(task.selector))}{', a dry run' if task.check_only else ''}"
    for name, value in task.params.items():
        if text := reads.value_text(value):
            yield f"  {safe(f'{name}={_cut(text)}')}"
    yield from (f"  {safe(name)} is secret" for name in task.secret_names)


def _cut(text: str) -> str:
    return text if len(text) <= ASKED else f"{text[:ASKED]} ..."


def _group(group: reads.Group, text: str, whole: str) -> Iterator[str]:
    names = ", ".join(group.names) + (
        f" and {group.count - len(group.names)} more" if group.count > len(group.names) else ""
    )
    if group.others:
        yield f"\n{servers(group.count)} with {group.line}"
        return
    yield f"\n{group.count:,} {group.status}: {names}" + (f" (exit {group.rc})" if group.rc is not None else "")
    if group.taken_over and not group.reason:
        yield f"    {group.taken_over:,} of them by another engine than the first"
    yield from wrapped(group.reason)
    yield from indented(_beside(text, group.reason), OUTPUT_LINES, whole)


def local(moment: datetime) -> str:
    """Write a moment in local time: "2026-12-21 12:24"."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"


def rows(tasks: Iterable[Task]) -> list[tuple[object, ...]]:
    """Give tasks as the rows of a list."""
    found = list(tasks)
    numbers = reads.counts_of(found)
    return [_row(task, numbers[task.pk]) for task in found]


def _row(task: Task, numbers: Mapping[str, int]) -> tuple[object, ...]:
    when = local(task.created_at)
    return task.pk, when, safe(task.title), f"{task.hosts:,}", reads.chip(task, numbers)[1], task.created_by or "-"
