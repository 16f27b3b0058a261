"""Show the last lines of a log.

With a filter, the last lines that hold that text. The filter is plain text: no character in it has a special meaning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from sdk import Between, Choices, Context, Engine, Event, Events, Help, Matches, Status, Targets, each, module

ASKED = 3  # servers whose /var/log is looked at for the list
OFFERED = 200
# A link is followed when it is root's or the running account's: another's could show root's file. What was opened must
# be what stands there, because its folder's owner could put a link there in between.
SCRIPT = """\
[ -e "$1" ] || { echo "$1 does not exist" >&2; exit 1; }
[ -f "$1" ] || { echo "$1 is no plain file" >&2; exit 1; }
[ -r "$1" ] || { echo "$1 may not be read by $(id -un)" >&2; exit 1; }
exec 3<"$1" || exit 1
if [ -L "$1" ]; then
  case $(ls -ldn -- "$1" | awk '{ print $3; exit }') in 0|"$(id -u)") ;;
    *) echo "$1 is a link of another account; name the file that you mean" >&2; exit 1;;
  esac
else [ /proc/self/fd/3 -ef "$1" ] || { echo "$1 was replaced meanwhile; try again" >&2; exit 1; }; fi
if [ -n "$3" ]; then grep -a -F -e "$3" <&3 | tail -n "$2"; else tail -n "$2" <&3; fi
"""


def logs(ctx: Context[Engine], targets: Targets) -> Sequence[str]:
    """Offer the logs that the first servers have."""
    find = ["find", "/var/log", "-maxdepth", "2", "-type", "f", "!", "-name", "*.gz", "!", "-name", "*.journal"]
    found: set[str] = set()
    for event in ctx.engine.shell(targets.only(targets.names[:ASKED]), find, timeout=10):
        found.update(line for line in event.stdout.splitlines() if line.startswith("/var/log/"))
    return sorted(found)[:OFFERED]


@dataclass(frozen=True)
class Params:
    path: Annotated[
        str,
        Choices(logs),
        Matches(r"/(?!(?:.*/)?\.\.(?:/|$))[^\x00-\x1f]+", "write a full path without '..'"),
        Help("Full path of the file."),
    ]
    lines: Annotated[int, Between(1, 1000), Help("How many.", "lines")] = 100
    filter: Annotated[str, Between(0, 500), Help("Only lines that hold this text.")] = ""


@module(risk="read", category="logs", timeout=60, number=1001, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    said = ctx.engine.script(targets, SCRIPT, [params.path, str(params.lines), params.filter])
    yield from each(said, lambda event: judged(event, params))


def judged(event: Event, params: Params) -> Event:
    """Let the last line of a failure be its reason, and say so where no line holds the text."""
    if event.status is Status.FAILED and event.output.strip():
        return replace(event, reason=event.output.strip().splitlines()[-1])
    if event.status is Status.OK and params.filter and not event.output:
        return event.say(f"No line of {params.path} holds this text.\n")
    return event
