"""Restart a service.

The answer says which servers' service came back: it is asked for afterwards. Repeating it is safe. By systemd, or where
that does not run, by `service`.
"""

from dataclasses import dataclass, replace
from typing import Annotated

from sdk import Context, Engine, Event, Events, Help, Matches, Status, Targets, each, module

EXISTS = """\
PATH=$PATH:/usr/sbin:/sbin
if [ -d /run/systemd/system ]; then
  state=$(systemctl show --property=LoadState --value -- "$1") || exit 1
  [ "$state" = loaded ] || { echo "there is no unit $1" >&2; exit 5; }
else
  command -v service >/dev/null || { echo "there is neither systemd nor a service command" >&2; exit 1; }
  [ -x "/etc/init.d/$1" ] || { echo "there is no service $1" >&2; exit 5; }
fi
"""
RESTART = (
    EXISTS
    + """\
if [ -d /run/systemd/system ]; then
  systemctl restart -- "$1" || { systemctl status --no-pager --lines=20 -- "$1"; exit 3; }
  systemctl is-active --quiet -- "$1" || { systemctl status --no-pager --lines=20 -- "$1"; exit 4; }
else
  service "$1" restart || exit 3
  service "$1" status || exit 4
fi
"""
)
REASONS = {3: "{0} did not restart.", 4: "{0} was restarted but did not come back.", 5: "There is no service {0}."}


@dataclass(frozen=True)
class Params:
    service: Annotated[
        str,
        Matches(r"[\w@][\w.@-]*", "write letters, digits and . _ @ - only"),
        Help("Unit name, for example nginx."),
    ]


@module(risk="change", category="services", timeout=120, number=1007, idempotent=True, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    said = ctx.engine.script(targets, EXISTS if ctx.check else RESTART, [params.service])
    yield from each(said, lambda event: answer(event, params.service, check=ctx.check))


def answer(event: Event, service: str, *, check: bool) -> Event:
    """Say in words what the script's exit status means."""
    if event.status is Status.OK:
        return event.say(f"{service} exists; it would be restarted.\n") if check else event.change()
    if event.status is Status.FAILED and event.rc in REASONS:
        return replace(event, reason=REASONS[event.rc].format(service))
    return event
