"""Synchronise an application's file, then run its command.

The file that was there stays beside the new one as NAME.DATE-TIME.bak. Where the file changed, the command follows, for
example nginx -t && systemctl reload nginx; where that fails, the file before is put back, and a new file is removed.
Where the file stays, a repetition runs the command again until it has ended well.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from sdk import (
    Between,
    Context,
    Engine,
    Event,
    Events,
    File,
    Help,
    Matches,
    Status,
    Targets,
    each,
    follow,
    merge,
    module,
)

# A folder is the mark that the command is due: it is there while the command has not ended well and the file stays, so
# that a repetition finds it. mkdir follows no link and overwrites nothing. The file's folder is entered once and held:
# whoever owns one above it may put another in its place while the command runs.
MARK = r"""
path=$1
[ ! -L "$path" ] || { path=$(readlink -f -- "$path" && echo .) && path=${path%??}; } || exit 1
here=$PWD
cd -P -- "${path%/*}/" || exit 1
file=./${path##*/} due=./.${path##*/}.command-due
"""
IS_DUE = MARK + '[ ! -d "$due" ] || echo due\n'
# What became of the file is said last, in one word before the exit status; the command cannot say anything after it.
SCRIPT = (
    MARK
    + r"""
command=$2 before=$3
# The folder's owner may have put a link, to a file or a folder of root's, into either place while the command ran: the
# backup must be a plain file, and what is in the other place is replaced, never entered.
put_back() (
  [ "${PWD%/}" = "${before%/*}" ] || exit 1
  from=./${before##*/}
  to=${from%.????????-??????.bak}
  [ -f "$from" ] && [ ! -L "$from" ] || exit 1
  mv -f -T -- "$from" "$to" 2>/dev/null || { [ ! -d "$to" ] && mv -f -- "$from" "$to"; }
)
mkdir -- "$due" 2>/dev/null
(cd -- "$here" 2>/dev/null || cd /; exec /bin/sh -c "$command")
rc=$?
word=stays
if [ $rc -eq 0 ]; then word=
elif [ "$before" = none ]; then rm -f -- "$file" && word=removed
elif [ -n "$before" ]; then put_back && word=put-back
fi
case $word in stays) ;; *) rmdir -- "$due" 2>/dev/null;; esac
[ $rc -eq 0 ] || printf '\nThe command ended with exit status %s: %s\n' $rc $word >&2
exit $rc
"""
)
ENDED = re.compile(r"The command ended with exit status ([0-9]{1,3}): (stays|removed|put-back)")
BECAME = {
    "put-back": "The file before was put back.",
    "removed": "The new file was removed; there was none before.",
    "stays": "The new file stays; a repetition runs the command again.",
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
    restore: Annotated[bool, Help("Put the file before back where the command fails; a new one is removed.")] = True


@module(risk="change", category="files", timeout=300, number=1005, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    written = ctx.engine.put(targets, params.path, params.file, backup=True)
    yield from follow(written, lambda ended: commanded(ctx, targets, params, ended))


def commanded(ctx: Context[Engine], targets: Targets, params: Params, ended: Sequence[Event]) -> Events:
    """Run the command on the servers of these events that want it; the others end as they did."""
    good = {event.host: event for event in ended if params.command and event.status.good}
    yield from (event for event in ended if event.host not in good)
    asked = {host: event for host, event in good.items() if event.status is Status.OK and params.when == "changed"}
    due = {host: event for host, event in good.items() if host not in asked}

    def look(event: Event) -> Event | None:
        """Leave out those where the command failed the last time: they are due."""
        if event.status is not Status.OK:
            return event.quote()
        if event.stdout.strip() != "due":
            return asked[event.host]
        due[event.host] = asked[event.host]
        return None

    if asked:
        yield from each(ctx.engine.script(targets.only(set(asked)), IS_DUE, [params.path]), look, live=False)
    if ctx.check:
        yield from (event.say(f"{event.output}Then this would run: {params.command}\n") for event in due.values())
        return
    by_before: dict[str, list[str]] = {}
    for event in due.values():
        by_before.setdefault(before(event) if params.restore else "", []).append(event.host)
    script = ctx.engine.script
    calls = [
        script(targets.only(hosts), SCRIPT, [params.path, params.command, old]) for old, hosts in by_before.items()
    ]
    yield from each(merge(*calls), lambda event: told(due[event.host], event))


def before(put: Event) -> str:
    """Give where the file before is; "none" where there was none, "" where the same one was there."""
    return str(put.data["backup"]) or "none" if put.status is Status.CHANGED else ""


def told(put: Event, event: Event) -> Event:
    """Give the end of both steps: changed where either the file or the command changed something."""
    event = event.change() if put.status is Status.CHANGED or event.status is Status.OK else event
    reason = why(event) if event.status is Status.FAILED else event.reason
    return replace(event.say(put.output + event.output), reason=reason, data=put.data)


def why(event: Event) -> str:
    """Say how the command ended, what it said last, and what became of the file."""
    said = event.data if isinstance(event.data, dict) else {}
    *lines, last = [line.strip() for line in str(said.get("stderr", "")).splitlines() if line.strip()] or [""]
    ended = ENDED.fullmatch(last)
    if not ended:
        return event.reason
    lines = lines or event.stdout.strip().splitlines()
    quoted = f": {lines[-1][:200].rstrip('.')}" if lines else ""
    return f"The command ended with exit status {ended[1]}{quoted}. {BECAME[ended[2]]}"
