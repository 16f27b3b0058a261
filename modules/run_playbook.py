"""Run an Ansible playbook from the master's folder.

The playbooks are files on the master (engines.ansible.playbooks). Each server's result has its tasks in order, and
where one failed that task's name and message. A dry run is Ansible's own --check: it shows what would change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from sdk import Ansible, Between, Choices, Context, Events, Help, Matches, Targets, module
from sdk.variables import variables


def playbooks(ctx: Context[Ansible], targets: Targets) -> Sequence[str]:  # noqa: ARG001  # they lie on the master
    """Offer what the master has."""
    return ctx.engine.playbooks()


@dataclass(frozen=True)
class Params:
    playbook: Annotated[
        str,
        Choices(playbooks),
        Between(1, 300),
        Matches(r"(?!/)(?!(?:.*/)?\.\.(?:/|$))[^\x00-\x1f]+\.ya?ml", "a .yml or .yaml file of the playbook folder"),
        Help("Its path in the master's playbook folder."),
    ]
    variables: Annotated[
        list[str],
        Between(0, 5000),
        Help(
            "One a line: name=text, or name:=json for numbers, true and false, and lists. {{ }} in a value stays text."
        ),
    ] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in variables(self.variables):
            if name.startswith("ansible_"):
                raise ValueError(f"{name} steers Ansible itself; how a server is reached is said by the inventory.")


@module(risk="change", category="automation", timeout=1800, number=1041, check=True)
def run(ctx: Context[Ansible], targets: Targets, params: Params) -> Events:
    yield from ctx.engine.playbook(targets, params.playbook, variables(params.variables))
