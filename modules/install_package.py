"""Install a package.

The server's own package system (apt, dnf, apk, ...) is asked for each, by Ansible or Salt: present installs what is
missing, latest brings it up to date, absent removes it. Repeating it is safe: what is as wanted already is left alone.
The server's package lists are taken as they are. A dry run says what would change and changes nothing.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from sdk import Ansible, Context, Event, Events, Help, Matches, Salt, Status, Targets, each, merge, module

STATES = {"present": "pkg.installed", "latest": "pkg.latest", "absent": "pkg.removed"}  # Salt's words


@dataclass(frozen=True)
class Params:
    names: Annotated[
        list[str],
        Matches(r"[A-Za-z0-9][A-Za-z0-9.+_:~=-]*", "letters, digits and . + _ : ~ = -"),
        Help("Package names as the servers know them, for example nginx."),
    ]
    state: Annotated[
        Literal["present", "latest", "absent"],
        Help("present installs what is missing; latest also updates; absent removes."),
    ] = "present"


@module(risk="change", category="packages", timeout=900, idempotent=True, check=True)
def run(ctx: Context[Ansible | Salt], targets: Targets, params: Params) -> Events:
    names, calls = list(params.names), []
    if by := targets.by("salt"):
        pinned = [{name: version} if version else name for name, _, version in (n.partition("=") for n in names)]
        given = {"name": ", ".join(names), "pkgs": pinned, "refresh": False, "test": ctx.check}
        calls.append(ctx.engine.call(by, "state.single", STATES[params.state], **given))
    if by := targets.only(set(targets.names) - set(targets.by("salt").names)):
        calls.append(ctx.engine.module(by, "ansible.builtin.package", name=names, state=params.state))

    def judged(event: Event) -> Event:
        said = of_state(event, check=ctx.check) if event.engine == "salt" else event
        # what Ansible says of a package that is there, such as the age of the lists, would part equal servers
        plain = said.status is Status.OK or (said.status is Status.CHANGED and not said.output)
        return said.say(_summary(params, said.status)) if plain else said

    yield from each(merge(*calls), judged)


def of_state(event: Event, *, check: bool) -> Event:
    """Read Salt's answer to state.single: {its id: {result, changes, comment}}."""
    states = list(event.data.values()) if isinstance(event.data, dict) else []
    if len(states) != 1 or not isinstance(states[0], dict) or "result" not in states[0]:
        return event
    result, changes, comment = states[0]["result"], states[0].get("changes"), str(states[0].get("comment", "")).strip()
    lines = _change("", changes) if isinstance(changes, dict) else []
    if result is False:
        return replace(event.say(f"{comment}\n"), status=Status.FAILED, reason=" ".join(comment.split()))
    if not changes and result is not None:
        return event.say("")
    return event.change().say("".join(lines) if lines and not check else f"{comment}\n")


def _change(name: str, change: object) -> list[str]:
    """Give a package's old and new version as Salt says it: {"old": ..., "new": ...}."""
    if not isinstance(change, dict):
        return [f"{name}: {change}\n"]
    if {"old", "new"} <= change.keys():
        return [f"{name}: {change['old'] or '-'} -> {change['new'] or '-'}\n"]
    return [line for key, value in sorted(change.items()) for line in _change(key, value)]


def _summary(params: Params, status: Status) -> str:
    return f"{', '.join(params.names)}: {params.state}{' already' * (status is Status.OK)}\n"
