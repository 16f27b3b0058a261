"""What each verb gives Ansible to play, and how its answers are read."""

import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rpcgate.engines import Call, ansible_remote
from rpcgate.engines.ansible_answers import Report, of_command, of_get, of_module, of_put
from rpcgate.engines.ansible_config import AnsibleConfig
from rpcgate.engines.ansible_files import play, unsafe
from sdk import Event

FEED = "feed"
MODULE = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*){0,8}")
ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
GRACE = 5.0  # seconds between a deadline that Ansible keeps and the moment the job is ended from here


class PlanError(Exception):
    """The call cannot be carried out as it was asked. The text is one sentence; no server was touched."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One job for Ansible.

    mark: names the call on the servers. files: for the job's folder. read: turns a task's report into the host's
    final event; None for a playbook, whose hosts end when it does. grace: seconds after the call's own timeout until
    the job is ended from here. playbook: the file to play. variables: whether there is a file of them.
    """

    mark: str
    files: dict[str, Any] = field(default_factory=dict)
    read: Callable[[Report], Event] | None = None
    grace: float = GRACE
    playbook: Path | None = None
    variables: bool = False


def plan(call: Call, config: AnsibleConfig) -> Plan:
    """Make the plan of a call; PlanError when its arguments are wrong."""
    make = PLANS.get(call.verb)
    if make is None:
        raise PlanError(f"The ansible engine has no verb {call.verb!r}.")
    try:
        return make(call, config, uuid.uuid4().hex, **call.args)
    except TypeError as error:
        raise PlanError(f"The arguments of {call.verb} are wrong: {error}.") from None


def kill_plan(mark: str, config: AnsibleConfig, seconds: float) -> Plan:
    """Make the plan that ends on each server what another call started there; its output is then `gone`."""
    return _feed(uuid.uuid4().hex, ansible_remote.kill(mark), config, seconds, of_get)


def _shell(call: Call, config: AnsibleConfig, mark: str, *, argv: list[str]) -> Plan:
    if not argv or not all(isinstance(word, str) for word in argv):
        raise PlanError("argv is no list of words; write the program and its arguments.")
    _no_nul("argv", *argv)
    text = ansible_remote.command(list(argv), call=mark, seconds=call.timeout, limit=call.output_limit)
    return _command(call, config, mark, text)


def _script(
    call: Call,
    config: AnsibleConfig,
    mark: str,
    *,
    text: str,
    args: list[str] | None = None,
) -> Plan:
    _no_nul("The script", text, *(args or []))
    body = ansible_remote.script(text, list(args or []), call=mark, seconds=call.timeout, limit=call.output_limit)
    return _command(call, config, mark, body)


def _command(call: Call, config: AnsibleConfig, mark: str, text: str) -> Plan:
    kill = ansible_remote.KILL_AFTER + config.connect_timeout + 1
    read = partial(of_command, call=mark, seconds=call.timeout)
    return _feed(mark, text, config, math.ceil(call.timeout) + kill, read, grace=kill + GRACE)


def _put(call: Call, config: AnsibleConfig, mark: str, *, path: str, content: bytes, mode: int = 0o644) -> Plan:
    _full_path(path)
    text = ansible_remote.put(path, content, mode=mode, check=call.check)
    return _feed(mark, text, config, call.timeout, partial(of_put, check=call.check))


def _get(call: Call, config: AnsibleConfig, mark: str, *, path: str, limit: int = 1 << 20) -> Plan:
    _full_path(path)
    return _feed(mark, ansible_remote.get(path, limit=limit), config, call.timeout, of_get)


def _feed(
    mark: str,
    text: str,
    config: AnsibleConfig,
    seconds: float,
    read: Callable[[Report], Event],
    grace: float = GRACE,
) -> Plan:
    """Feed a text to each host's shell; it decides itself what a dry run may do."""
    task = {
        "omserver_feed": {"feed": FEED},
        "timeout": max(1, math.ceil(seconds)),
        "check_mode": False,
        **_become(config),
    }
    return Plan(mark, {"play.yml": play([task]), FEED: text.encode("utf-8", "surrogateescape")}, read, grace)


def _module(
    call: Call,
    config: AnsibleConfig,
    mark: str,
    *,
    name: str,
    args: dict[str, Any] | None = None,
) -> Plan:
    args = args or {}
    if not MODULE.fullmatch(name):
        raise PlanError(f"{name!r} is no module's name; write it in full, for example ansible.builtin.package.")
    if wrong := [key for key in args if not ARGUMENT.fullmatch(key)]:
        raise PlanError(f"{wrong[0]!r} is no argument's name; use letters, digits and _.")
    task = {name: unsafe(args), "timeout": max(1, math.ceil(call.timeout)), "diff": call.check, **_become(config)}
    return Plan(mark, {"play.yml": play([task])}, partial(of_module, timeout=call.timeout))


def _playbook(
    call: Call, config: AnsibleConfig, mark: str, *, path: str, variables: dict[str, Any] | None = None
) -> Plan:
    del call
    file = playbook_file(path, config)
    if wrong := [key for key in variables or {} if not re.fullmatch(r"[A-Za-z_]\w*", key)]:
        raise PlanError(f"{wrong[0]!r} is no variable's name; use letters, digits and _.")
    files = {"variables.yml": unsafe(variables)} if variables else {}
    return Plan(mark, files, None, grace=0.0, playbook=file, variables=bool(variables))


def playbook_file(path: str, config: AnsibleConfig) -> Path:
    """Find a playbook in the configured folder; PlanError when it is not in there, links followed."""
    if config.playbooks is None:
        raise PlanError("This master plays no playbooks; name their folder in engines.ansible.playbooks.")
    folder = config.playbooks.resolve()
    file = (folder / path).resolve() if "\0" not in path else folder
    if not file.is_relative_to(folder) or not file.is_file():
        raise PlanError(f"There is no playbook {path!r} in the master's playbook folder.")
    return file


def _become(config: AnsibleConfig) -> dict[str, Any]:
    if not config.become:
        return {}
    return {"become": True, "become_method": "ansible.builtin.sudo", "become_user": config.become_user}


def _full_path(path: str) -> None:
    _no_nul("path", path)
    if not path.startswith("/") or path.endswith("/"):
        raise PlanError(f"{path!r} is not the full path of a file; begin with / and name a file.")


def _no_nul(what: str, *texts: str) -> None:
    if any("\0" in text for text in texts):
        raise PlanError(f"{what} holds a NUL character, which no program can be given; remove it.")


PLANS: dict[str, Callable[..., Plan]] = {
    "shell": _shell,
    "script": _script,
    "put": _put,
    "get": _get,
    "module": _module,
    "playbook": _playbook,
}
