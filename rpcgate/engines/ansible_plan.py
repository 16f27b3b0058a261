"""What each verb gives Ansible to play, and how its answers are read."""

import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rpcgate.engines import Call, ansible_feed, remote_shell
from rpcgate.engines.ansible_answers import Report, of_module
from rpcgate.engines.ansible_config import AnsibleConfig
from rpcgate.engines.ansible_files import play, unsafe
from rpcgate.engines.plan import SMALL, VerbError
from rpcgate.engines.plan import plan as plan_verb
from sdk import Event
from sdk.engines import PORTABLE

FEED = "feed"
MODULE = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*){0,8}")
ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
GRACE = 5.0  # seconds between a deadline that Ansible keeps and the moment the job is ended from here


@dataclass(frozen=True, slots=True)
class Plan:
    """One job for Ansible.

    mark: names the call on the servers. files: for the job's folder. read: turns a task's report into the host's
    final event; None for a playbook, whose hosts end when it does. grace: seconds after the call's own timeout until
    the job is ended from here. playbook: the file to play. variables: whether there is a file of them. kept: bytes of
    each stream that a host sends at most.
    """

    mark: str
    files: dict[str, Any] = field(default_factory=dict)
    read: Callable[[Report], Event] | None = None
    grace: float = GRACE
    playbook: Path | None = None
    variables: bool = False
    kept: int = 0


def plan(call: Call, config: AnsibleConfig) -> Plan:
    """Make the plan of a call; VerbError when its arguments are wrong."""
    make = PLANS.get(call.verb)
    if make is None:
        raise VerbError(f"The ansible engine has no verb {call.verb!r}.")
    try:
        return make(call, config, uuid.uuid4().hex, **call.args)
    except TypeError as error:
        raise VerbError(f"The arguments of {call.verb} are wrong: {error}.") from None


def kill_plan(mark: str, config: AnsibleConfig, seconds: float) -> Plan:
    """Make the plan that ends on each server what another call started there; ok where nothing of it is left."""
    own = uuid.uuid4().hex
    text = ansible_feed.text(remote_shell.end(mark), None, call=own, limit=SMALL)
    return _feed(own, text, config, seconds, partial(ansible_feed.gone, call=own))


def _portable(call: Call, config: AnsibleConfig, mark: str, **_: Any) -> Plan:
    """Plan what every engine does alike. The command's mark begins with the job's: the job's end finds both.

    $$: the host's shell puts its own number there, so that one of two servers which are one machine ends its own only.
    """
    planned = plan_verb(call, mark=f"{mark}-$$")
    kept = max(planned.limit, planned.raw)
    text = ansible_feed.text(planned.line, planned.stdin, call=mark, limit=kept)
    late = remote_shell.KILL_AFTER + config.connect_timeout + 1
    read = partial(ansible_feed.answer, call=mark, planned=planned)
    return _feed(mark, text, config, planned.seconds + late, read, grace=late + GRACE, kept=kept)


def _feed(
    mark: str,
    text: bytes,
    config: AnsibleConfig,
    seconds: float,
    read: Callable[[Report], Event],
    grace: float = GRACE,
    kept: int = 0,
) -> Plan:
    """Feed a text to each host's shell; it decides itself what a dry run may do."""
    task = {
        "omserver_feed": {"feed": FEED},
        "timeout": max(1, math.ceil(seconds)),
        "check_mode": False,
        **_become(config),
    }
    return Plan(mark, {"play.yml": play([task]), FEED: text}, read, grace, kept=kept)


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
        raise VerbError(f"{name!r} is no module's name; write it in full, for example ansible.builtin.package.")
    if wrong := [key for key in args if not ARGUMENT.fullmatch(key)]:
        raise VerbError(f"{wrong[0]!r} is no argument's name; use letters, digits and _.")
    task = {name: unsafe(args), "timeout": max(1, math.ceil(call.timeout)), "diff": call.check, **_become(config)}
    return Plan(mark, {"play.yml": play([task])}, partial(of_module, timeout=call.timeout))


def _playbook(
    call: Call, config: AnsibleConfig, mark: str, *, path: str, variables: dict[str, Any] | None = None
) -> Plan:
    del call
    file = playbook_file(path, config)
    if wrong := [key for key in variables or {} if not re.fullmatch(r"[A-Za-z_]\w*", key)]:
        raise VerbError(f"{wrong[0]!r} is no variable's name; use letters, digits and _.")
    if steering := [key for key in variables or {} if key.startswith("ansible_")]:
        # ansible_connection=local, or ssh's ProxyCommand, would run commands on the master itself
        raise VerbError(f"{steering[0]} steers Ansible itself; a playbook's variables may not.")
    files = {"variables.yml": unsafe(variables)} if variables else {}
    return Plan(mark, files, None, grace=0.0, playbook=file, variables=bool(variables))


def playbook_file(path: str, config: AnsibleConfig) -> Path:
    """Find a playbook in the configured folder; VerbError when it is not in there, links followed."""
    if config.playbooks is None:
        raise VerbError("This master plays no playbooks; name their folder in engines.ansible.playbooks.")
    folder = config.playbooks.resolve()
    file = (folder / path).resolve() if "\0" not in path else folder
    if not file.is_relative_to(folder) or not file.is_file():
        raise VerbError(f"There is no playbook {path!r} in the master's playbook folder.")
    return file


def _become(config: AnsibleConfig) -> dict[str, Any]:
    if not config.sudo_user:
        return {}
    return {"become": True, "become_method": "ansible.builtin.sudo", "become_user": config.sudo_user}


PLANS: dict[str, Callable[..., Plan]] = {
    **dict.fromkeys(PORTABLE, _portable),
    "module": _module,
    "playbook": _playbook,
}
