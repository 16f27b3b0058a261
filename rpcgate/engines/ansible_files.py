"""What Ansible reads for one job: inventory, play and variables, in which Jinja never runs on a person's text."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rpcgate.engines.ansible_config import AnsibleConfig
from rpcgate.engines.table import ACCOUNT
from sdk import Target

ADDRESS = re.compile(r"[A-Za-z0-9_.:][A-Za-z0-9_.:%-]*")  # a name, IPv4 or IPv6; a leading - would be an ssh option
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # what an inventory reads as a name, not as a range or a port
RESERVED = frozenset({"all", "ungrouped", "localhost"})
ALIAS = "__server_"


class Unsafe(str):
    """A text that Ansible must never take for a template."""

    __slots__ = ()


def unsafe(value: Any) -> Any:  # noqa: ANN401  # any JSON value
    """Mark every text in a JSON value, keys left alone."""
    if isinstance(value, str):
        return Unsafe(value)
    if isinstance(value, Mapping):
        return {str(key): unsafe(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [unsafe(item) for item in value]
    return value


def fault_of(target: Target) -> str:
    """Say why a target cannot be given to ssh; "" when it can."""
    if is_local(target):
        return ""
    if not ADDRESS.fullmatch(target.host):
        return f"The address {target.host!r} is no host name and no IP address; correct it on the server's page."
    if target.user is not None and not ACCOUNT.fullmatch(target.user):
        return f"The user {target.user!r} is no account name; correct it on the server's page."
    return ""


def is_local(target: Target) -> bool:
    """Say whether a target is the master's own machine: the first engine it names that Ansible travels over."""
    return next((name for name in target.engines if name in ("ansible", "ssh", "local")), "") == "local"


def names_for(targets: Sequence[Target]) -> dict[str, Target]:
    """Give each target a name that Ansible's inventory reads as a name: its own where that is one."""
    return {_name(target.name) or f"{ALIAS}{number}": target for number, target in enumerate(targets)}


def _name(name: str) -> str:
    plain = PLAIN_NAME.fullmatch(name) and name not in RESERVED and not name.startswith(ALIAS)
    return name if plain else ""


def inventory(names: Mapping[str, Target], config: AnsibleConfig, pythons: Mapping[str, str]) -> dict[str, Any]:
    """Describe the targets, and the groups that playbooks may name: application_x, category_x, tag_role_x."""
    hosts = {name: _host(target, config, pythons.get(target.name)) for name, target in names.items()}
    groups: dict[str, dict[str, Any]] = {}
    for name, target in names.items():
        for group in _groups(target):
            groups.setdefault(group, {"hosts": {}})["hosts"][name] = None
    common: dict[str, Any] = {"ansible_python_interpreter": config.python}
    return {"all": {"hosts": hosts, "vars": common, "children": groups}}


def _host(target: Target, config: AnsibleConfig, python: str | None) -> dict[str, Any]:
    host: dict[str, Any] = {
        "ansible_connection": "local" if is_local(target) else "ssh",
        "ansible_host": Unsafe(target.host),
        "ansible_port": target.port or config.port,
        "server": unsafe(
            {
                "name": target.name,
                "category": target.category,
                "application": target.application,
                "tags": dict(target.tags),
            }
        ),
    }
    if user := target.user or config.user:
        host["ansible_user"] = Unsafe(user)
    if python:
        host["ansible_python_interpreter"] = Unsafe(python)
    return host


def _groups(target: Target) -> list[str]:
    named = [("application", target.application), ("category", target.category)]
    named += [(f"tag_{key}", value) for key, value in target.tags.items()]
    return [re.sub(r"\W", "_", f"{kind}_{value}") for kind, value in named if value]


def play(tasks: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:  # a play's keywords
    """Make the playbook that runs some tasks on all hosts, each host at its own pace."""
    return [{"hosts": "all", "gather_facts": False, "strategy": "free", **options, "tasks": tasks}]


def write(folder: Path, files: Mapping[str, Any]) -> None:
    """Write files that only this account can read: bytes as they are, anything else as YAML."""
    for name, content in files.items():
        body = content if isinstance(content, bytes) else as_yaml(content)
        fd = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(body)


def as_yaml(value: Any) -> bytes:  # noqa: ANN401  # any JSON value
    """Write YAML in which marked texts carry !unsafe."""
    import yaml

    class Writer(yaml.CSafeDumper):
        """The safe dumper, and the mark; each value is written out, none as a reference to another."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002  # PyYAML's signature
            return True

    Writer.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))
    text: bytes = yaml.dump(value, Dumper=Writer, allow_unicode=True, encoding="utf-8", width=1 << 20, sort_keys=False)
    return text
