"""The text that Ansible feeds to a host's shell, and what the host answers.

It holds a verb's line (remote_shell), what that line reads, and bounds for what it writes. On standard error a line
before all says that it began, and a report of one line follows: exit status, seconds, and how many bytes of each stream
came after its first half.
"""

import base64
import binascii
from dataclasses import dataclass, replace

from rpcgate.engines.ansible_answers import Report, failure, unreachable
from rpcgate.engines.ansible_reach import not_sent
from rpcgate.engines.plan import Plan, outcome
from rpcgate.output import Output
from sdk import Event, Status
from sdk.event import Stream

# 8 and 9 are the real outputs, 3 takes the report, 4 carries standard error past the first pipe. A process that is left
# running may hold the output open for ever: after the end and a silence the watcher ends the relays, known by a mark
TEXT = """\
echo {call} began >&2
input() {{ {input}
}}
keep() {{
  head -c {head} >&"$1"
  echo "$2 $({{ tee /dev/fd/6 | tail -c {tail} >&"$1"; }} 6>&1 | wc -c)" >&3
}}
relay() {{
  OMSERVER_RELAY={call}-$$ cat
}}
relays() {{
  grep -ls OMSERVER_RELAY={call}-$$ /proc/[0-9]*/environ | tr -dc '0-9\n'
}}
passed() {{
  for p in $(relays); do echo "$p $(cat "/proc/$p/io")"; done
}}
watch() {{
  i=0 now=$(passed) before=none
  while [ -n "$now" ] && [ "$now" != "$before" ] && [ $i -lt {drained} ]; do
    before=$now i=$((i + 1)); sleep {held}; now=$(passed)
  done
  doomed=$(relays); [ -z "$doomed" ] || kill $doomed
}}
exec 8>&1 9>&2
began=$(date +%s)
report=$(
  exec 3>&1
  {{
    {{
      input | ( {line} ) 2>&4 3>&- 4>&- 8>&- 9>&-; echo "rc $?" >&3
      watch </dev/null >/dev/null 2>&1 3>&- 4>&- 8>&- 9>&- &
    }} | relay 2>/dev/null | keep 8 out
  }} 4>&1 | relay 2>/dev/null | keep 9 err
)
printf '\\n%s seconds %s %s\\n' {call} $(($(date +%s) - began)) "$(echo $report)" >&2
"""
CUT = "The connection was lost after the command was sent; its outcome is not known."
NO_INPUT = ":"
HELD_OPEN, DRAINED = 1, 30  # seconds after the end: of silence, and in which output may still come
INPUT = """base64 -d <<'END_OF_INPUT'
{body}END_OF_INPUT"""


def text(line: str, stdin: bytes | None, *, call: str, limit: int) -> bytes:
    """Wrap a line. limit: bytes kept of each stream, its first and its last half."""
    given = NO_INPUT if stdin is None else INPUT.format(body=base64.encodebytes(stdin).decode())
    kept = {"head": limit - limit // 2, "tail": limit // 2}
    return TEXT.format(input=given, line=line, call=call, held=HELD_OPEN, drained=DRAINED, **kept).encode()


def answer(report: Report, call: str, planned: Plan) -> Event:
    """Read how a verb went."""
    if (trouble := _trouble(report, call)) is not None:
        return trouble
    said = _said(report, call, max(planned.limit, planned.raw))
    if said.rc is None:
        last = said.streams["stderr"].text().strip().splitlines()[-1:] or ["it gave no reason"]
        return report.event(Status.FAILED, reason=f"The command could not be run: {last[0]}."[:500])
    event = outcome(planned, said, replace(report.event(Status.OK), seconds=said.seconds))
    return replace(event, seconds=report.seconds)


def gone(report: Report, call: str) -> Event:
    """Read the answer to remote_shell.end: ok when the host says that nothing is left."""
    if (trouble := _trouble(report, call)) is not None:
        return trouble
    words = _said(report, call, report.limit).streams["stdout"].text().split()
    return report.event(Status.OK if words[-1:] == ["gone"] else Status.FAILED)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host said (plan.Said). seconds: whole ones, by its own clock."""

    rc: int | None
    seconds: int
    raw: bytes
    streams: dict[Stream, Output]
    both: Output


def _said(report: Report, call: str, limit: int) -> Answer:
    out, (err, told) = _bytes(report, "out"), _split_report(_bytes(report, "err"), call)
    stdout, stderr, both = Output(limit), Output(limit), Output(limit)
    for kept, name, one in ((out, "out", stdout), (err, "err", stderr)):
        for output in (one, both):
            _add(output, kept, max(0, told.get(name, 0) - limit // 2))
    return Answer(told.get("rc"), told.get("seconds", 0), out, {"stdout": stdout, "stderr": stderr}, both)


def _add(output: Output, kept: bytes, lost: int) -> None:
    """Take a stream of which `lost` bytes stayed on the host, after its first half."""
    half = output.limit - output.limit // 2 if lost else len(kept)
    output.add(kept[:half])
    output.size += lost
    output.add(kept[half:])


def _trouble(report: Report, call: str) -> Event | None:
    """Give the event of a host whose text was not run to its end; None when it was."""
    if report.kind == "unreachable":
        words = str(report.res.get("msg"))
        if _began(call) in words:
            return report.event(Status.LOST, reason=CUT)
        return replace(unreachable(report), untouched=not_sent(words))
    if report.kind == "failed" and "timedout" in report.res:
        return report.event(Status.TIMEOUT, reason="The server did not answer in time.")
    if report.kind != "ok" or "out" not in report.res:
        return report.event(Status.FAILED, reason=failure(report.res))
    return None


def _split_report(err: bytes, call: str) -> tuple[bytes, dict[str, int]]:
    """Cut the report's line off the end of standard error: {"seconds", "rc", "out", "err"}, empty without one."""
    err = err.replace(f"{_began(call)}\n".encode(), b"", 1)
    body, mark, line = err.rpartition(f"\n{call} ".encode())
    words = line.split()
    if not mark or len(words) % 2 or not all(word.isdigit() for word in words[1::2]):
        return err, {}
    return body, {name.decode(): int(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def _began(call: str) -> str:
    return f"{call} began"


def _bytes(report: Report, key: str) -> bytes:
    try:
        return base64.b64decode(report.res.get(key, ""))
    except (binascii.Error, TypeError, ValueError):
        return b""
