"""Show whether services run.

One line for each: name, state, and whether it starts by itself at boot. A server where one of them does not run is
marked as failed. Without names, the services that have failed are listed. By systemd, or where that does not run, by
`service`.
"""

from dataclasses import dataclass, field
from typing import Annotated

from sdk import Between, Context, Engine, Event, Events, Help, Matches, Status, Targets, each, module

# Rows of name, state, at boot; "none" is a service that is not there. OpenRC's and Debian's `service` end with 0 for
# one that runs.
SCRIPT = """\
PATH=$PATH:/usr/sbin:/sbin
if [ -d /run/systemd/system ]; then
  if [ $# -eq 0 ]; then
    failed=$(systemctl list-units --type=service --failed --plain --no-legend --no-pager) || exit 1
    printf '%s\\n' "$failed" | awk 'NF { print $1 "\\tfailed\\t-" }'
    exit
  fi
  for name; do
    shown=$(systemctl show -p LoadState -p ActiveState -p SubState -p UnitFileState -- "$name") || exit 1
    printf '%s\\n' "$shown" | awk -F= -v name="$name" '{ is[$1] = $2 } END {
      boot = is["UnitFileState"] == "" ? "-" : is["UnitFileState"]
      if (is["LoadState"] == "not-found") print name "\\tnone\\t-"
      else print name "\\t" is["ActiveState"] " (" is["SubState"] ")\\t" boot
    }'
  done
  exit 0
fi
command -v service >/dev/null || { echo "there is neither systemd nor a service command" >&2; exit 1; }
[ $# -gt 0 ] || { echo "without systemd nobody keeps a list of failed services; name some" >&2; exit 1; }
for name; do
  if [ ! -x "/etc/init.d/$name" ]; then state=none
  elif service "$name" status >/dev/null 2>&1; then state=active
  else state=inactive; fi
  printf '%s\\t%s\\t-\\n' "$name" "$state"
done
"""


@dataclass(frozen=True)
class Params:
    services: Annotated[
        list[str],
        Between(0, 50),
        Matches(r"[\w@][\w.@:-]{0,200}", "write letters, digits and . _ @ : - only"),
        Help("Unit names, one a line, for example nginx. None: those that have failed."),
    ] = field(default_factory=list)


@module(risk="read", category="services", timeout=60, number=1010, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    yield from each(ctx.engine.script(targets, SCRIPT, params.services), judged, live=False)


def judged(event: Event) -> Event:
    """Turn rows into lines, and fail where a service does not run."""
    if event.status is not Status.OK:
        return event.quote()
    rows = [row for row in (line.split("\t") for line in event.stdout.splitlines()) if len(row) == 3]
    said = event.say("".join(f"{name:<32} {state:<20} {boot}\n" for name, state, boot in rows) or "None has failed.\n")
    missing = [f"There is no service {name}." for name, state, _ in rows if state == "none"]
    well = ("none", "active", "reloading")
    down = [f"{name} is {state}." for name, state, _ in rows if not state.startswith(well)]
    return said.fail(" ".join(missing + down)) if missing or down else said
