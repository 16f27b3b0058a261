"""Synchronise an application's file, then run its command.

The file that was there stays beside the new one as NAME.DATE-TIME.bak. Where the file changed, the command follows, for
example nginx -t && systemctl reload nginx; where that fails, the file before is put back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from sdk import Between, Context, Engine, Event, Events, File, Help, Matches, Status, Targets, follow, merge, module

PUT_BACK, NOT_PUT_BACK = 120, 121
SCRIPT = """\
/bin/sh -c "$1" && exit 0
rc=$?
[ -n "$2" ] || exit $rc
echo "The command ended with exit status $rc." >&2
mv -f -- "$2" "${2%.????????-??????.bak}" && exit 120
exit 121
"""
REASONS = {
    PUT_BACK: "The command failed; the file before was put back.",
    NOT_PUT_BACK: "The command failed, and the file before could not be put back; it is beside the new one.",
}


@dataclass(frozen=True)
class Params:
    file: Annotated[File, Help("What to put there.")]
    path: Annotated[
        str,
        Matches(
            r"/(?!(?:.*/)?\.\.(?:/|$))[^\x00-\x1f]*[^\x00-\x1f/]", "write a full path without '..' that names a file"
        ),
        Help("Where the application reads it."),
    ]
    command: Annotated[str, Between(0, 4000), Help("What follows, read by /bin/sh; empty for nothing.")] = ""
    when: Annotated[Literal["changed", "always"], Help("Run it where the file changed, or always.")] = "changed"
    restore: Annotated[bool, Help("Put the file before back where the command fails.")] = True


@module(risk="change", category="files", timeout=300, number=1005, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    written = ctx.engine.put(targets, params.path, params.file, backup=True)
    yield from follow(written, lambda ended: commanded(ctx, targets, params, ended))


def commanded(ctx: Context[Engine], targets: Targets, params: Params, ended: Sequence[Event]) -> Events:
    """Run the command on the servers of these events that want it; the others end as they did."""
    wanted = (Status.CHANGED,) if params.when == "changed" else (Status.CHANGED, Status.OK)
    due = {event.host: event for event in ended if params.command and event.status in wanted}
    yield from (event for event in ended if event.host not in due)
    if ctx.check:
        yield from (event.say(f"{event.output}Then this would run: {params.command}\n") for event in due.values())
        return
    by_backup: dict[str, list[str]] = {}
    for event in due.values():
        by_backup.setdefault(event.data["backup"] if params.restore else "", []).append(event.host)
    engine = ctx.engine
    calls = [engine.script(targets.only(hosts), SCRIPT, [params.command, old]) for old, hosts in by_backup.items()]
    for event in merge(*calls):
        yield told(due[event.host], event) if event.final else event


def told(put: Event, event: Event) -> Event:
    """Give the end of both steps: changed where either the file or the command changed something."""
    event = event.change() if put.status is Status.CHANGED or event.status is Status.OK else event
    reason = REASONS.get(event.rc or 0, event.reason) if event.status is Status.FAILED else event.reason
    return replace(event.say(put.output + event.output), reason=reason, data=put.data)
