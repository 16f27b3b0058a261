"""Reboot the servers and wait until they are back.

A server is back when it answers and its boot id is another one: an answer alone may come from before the reboot. How
long it took is the seconds of its result. A server that is not back in time is a timeout; one that still runs as before
has failed. Use waves, so that not everything is down at once. A dry run says whether the reboot could be ordered.
"""

import time
from dataclasses import dataclass, replace
from typing import Annotated

from sdk import Between, Context, Engine, Event, Events, Help, Status, Targets, each, module

PAUSE, PATIENCE = 3.0, 15.0  # seconds between two looks, and for one
BOOT_ID = "/proc/sys/kernel/random/boot_id"
# The order is carried out when this answer has left the server, by a process that outlives the connection.
ORDER = r"""
PATH=$PATH:/usr/sbin:/sbin
boot=$(cat /proc/sys/kernel/random/boot_id) || exit 1
[ "$(id -u)" = 0 ] || { echo "rebooting takes root; $(id -un) is not" >&2; exit 1; }
if [ -d /run/systemd/system ]; then set -- "$1" systemctl reboot; else set -- "$1" reboot; fi
command -v "$2" >/dev/null || { echo "there is no $2 on this server" >&2; exit 1; }
if [ -z "$1" ]; then shift; (trap '' HUP; sleep 2; exec "$@") </dev/null >/dev/null 2>&1 & fi
echo "$boot"
"""


@dataclass(frozen=True)
class Params:
    within: Annotated[int, Between(10, 3000), Help("To be back, counted from the order.", "seconds")] = 600


@module(risk="destroy", category="system", timeout=3200, number=1021, check=True)
def run(ctx: Context[Engine], targets: Targets, params: Params) -> Events:
    ordered: dict[str, tuple[str, float]] = {}  # boot id before, and when
    for event in ctx.engine.script(targets, ORDER, ["check" if ctx.check else ""], timeout=PATIENCE * 2):
        if event.status is not Status.OK:
            yield event.quote()
        elif ctx.check:
            yield event.say("It would be rebooted.\n")
        else:
            ordered[event.host] = (event.stdout.strip(), time.monotonic())
            yield Event(event.host, Status.RUNNING, "The reboot is ordered.\n", stream="note")
    while ordered:
        time.sleep(PAUSE)
        looks = ctx.engine.shell(targets.only(set(ordered)), ["cat", BOOT_ID], timeout=PATIENCE)
        for event in each(looks, lambda event: looked_at(event, ordered[event.host], params.within), live=False):
            del ordered[event.host]
            yield event


def looked_at(event: Event, ordered: tuple[str, float], within: int) -> Event | None:
    """Say how a server ends. ordered: its boot id before, and when the reboot was ordered."""
    before, since = ordered
    return judged(event, before, time.monotonic() - since, within)


def judged(event: Event, before: str, took: float, within: int) -> Event | None:
    """Say how a server ends; None while it may still come back."""
    boot = event.stdout.strip() if event.status is Status.OK else ""
    if boot and boot != before:
        event = replace(event.change(f"It was back after {took:.0f} s."), seconds=took)
        return event.say("It was rebooted and is back.\n")
    if event.status is Status.CANCELLED:
        return replace(event, reason=f"Cancelled {took:.0f} s after the reboot was ordered; it may be on its way.")
    if took < within:
        return None
    if boot:
        return event.say("").fail(f"It still runs as before, {took:.0f} s after the reboot was ordered.")
    reason = f"It is not back {took:.0f} s after the reboot was ordered. {event.reason}".strip()
    return replace(event, status=Status.TIMEOUT, reason=reason, seconds=took)
