"""Install a package.

It asks the server's own package system (apt, dnf, apk, ...) for each package: present installs what is missing, latest
brings it up to date, absent removes it. Repeating it is safe: what is as wanted already is left alone. A dry run says
what would change and changes nothing.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from sdk import Ansible, Context, Events, Help, Matches, Targets, module


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
def run(ctx: Context[Ansible], targets: Targets, params: Params) -> Events:
    for event in ctx.engine.module(targets, "ansible.builtin.package", name=list(params.names), state=params.state):
        yield event.say(event.output or _summary(params)) if event.final and event.status.good else event


def _summary(params: Params) -> str:
    return f"{', '.join(params.names)}: {params.state} already\n"
