"""Set up, lock or remove a user account.

present makes the account or changes what you fill in; locked closes every way in and unlocked opens it again (the
account's expiry; password and keys stay as they are); absent removes it. Root, and the account that this task itself
uses, are never touched. Done by Ansible's or Salt's own module; a dry run says what would change.
"""

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from sdk import (
    Ansible,
    Between,
    Context,
    Event,
    Events,
    Help,
    Matches,
    Salt,
    Status,
    Targets,
    When,
    each,
    merge,
    module,
)

# Prints "there" or "missing", then root or the account that this runs as. Everything that is not to be touched ends
# here, before any engine's module is asked.
GUARD = r"""
me=$(id -un)
[ "$(id -u)" != 0 ] || me=root
uid=$(id -u "$1" 2>/dev/null) || { echo "missing $me"; exit 0; }
if [ "$uid" -eq 0 ]; then echo "$1 has the uid 0; a task does not touch it" >&2; exit 1; fi
if [ -z "$3" ] && { [ "$uid" -lt 1000 ] || [ "$uid" -eq 65534 ]; }; then
  echo "$1 has the uid $uid and belongs to the system; say that you mean it (system account)" >&2; exit 1
fi
case $2 in absent|locked) for own in "$(id -un)" "${SUDO_USER:-}"; do
  [ "$1" != "$own" ] || { echo "this task runs as $1; without it the server could not be reached" >&2; exit 1; }
done;; esac
echo "there $me"
"""
NEVER, AT_ONCE = -1, 86_400  # when an account expires: not at all, and on 2 January 1970; shadow warns of the 1st


@dataclass(frozen=True)
class Params:
    name: Annotated[
        str,
        Matches(r"[a-z_][a-z0-9_-]{0,31}", "write small letters, digits, _ and -, at most 32"),
        Help("The account's name."),
    ]
    state: Annotated[Literal["present", "locked", "unlocked", "absent"], Help("What the account shall be.")] = "present"
    groups: Annotated[
        list[str],
        When("state", "present"),
        Between(0, 50),
        Matches(r"[A-Za-z_][\w.-]{0,31}", "write group names"),
        Help("Groups that it shall be in, one a line; it stays in its others."),
    ] = field(default_factory=list)
    shell: Annotated[
        str, When("state", "present"), Matches(r"(/[\w.+-]+)*", "write a full path"), Help("For example /bin/bash.")
    ] = ""
    home: Annotated[
        str,
        When("state", "present"),
        Matches(r"(/(?!\.\.?(/|$))[\w.+-]+)*", "write a full path"),
        Help("Home folder of a new account; that of an existing one is not moved."),
    ] = ""
    comment: Annotated[
        str,
        When("state", "present"),
        Matches(r"[^:,\x00-\x1f\x7f]{0,200}", "write one line without colon and comma"),
        Help("The person's name."),
    ] = ""
    remove_home: Annotated[bool, When("state", "absent"), Help("Delete the home folder, too.")] = False
    system_account: Annotated[bool, Help("Allow accounts of the system (uid below 1000), but never uid 0.")] = False


@module(risk="destroy", category="accounts", timeout=120, number=1013, idempotent=True, check=True)
def run(ctx: Context[Ansible | Salt], targets: Targets, params: Params) -> Events:
    found: dict[str, list[str]] = {"there": [], "missing": []}
    plain: dict[str, str] = {}  # servers that are not reached as root, and as whom

    def guarded(event: Event) -> Event | None:
        word, _, me = event.stdout.strip().partition(" ") if event.status is Status.OK else ("", "", "")
        if word == "missing" and params.state != "present":
            said = event.say(f"There is no account {params.name}.\n")
            return said if params.state == "absent" else said.fail(f"There is no account {params.name}.")
        if word not in found:
            return event.quote().fail("It did not say whether the account is there.")
        found[word].append(event.host)
        if me != "root":
            plain[event.host] = me[:60]
        return None

    guard = ctx.engine.script(targets, GUARD, [params.name, params.state, str(params.system_account or "")])
    yield from each(guard, guarded, live=False)
    calls = []
    for word, hosts in found.items():
        some, new = targets.only(hosts), word == "missing"
        if by := some.by("ansible"):
            calls.append(ctx.engine.module(by, "ansible.builtin.user", **for_ansible(params, new=new)))
        if by := some.by("salt"):
            state = "user.absent" if params.state == "absent" else "user.present"
            calls.append(ctx.engine.call(by, "state.single", state, **for_salt(params, new=new), test=ctx.check))
    yield from each(
        merge(*calls),
        lambda event: said_of(of_state(event), params, check=ctx.check, plain=plain.get(event.host, "")),
        live=False,
    )


def for_ansible(params: Params, *, new: bool) -> dict[str, Any]:
    """Give the arguments of ansible.builtin.user: those that were filled in."""
    if params.state == "absent":
        return {"name": params.name, "state": "absent", "remove": params.remove_home}
    if params.state != "present":
        return {"name": params.name, "expires": AT_ONCE if params.state == "locked" else NEVER}
    asked = {"groups": params.groups, "shell": params.shell, "comment": params.comment, "home": new and params.home}
    return {"name": params.name, "append": True, **{key: value for key, value in asked.items() if value}}


def for_salt(params: Params, *, new: bool) -> dict[str, Any]:
    """Give the arguments of Salt's user.present and user.absent; it counts an expiry in days."""
    if params.state == "absent":
        return {"name": params.name, "purge": params.remove_home}
    if params.state != "present":
        return {"name": params.name, "remove_groups": False, "expire": 1 if params.state == "locked" else NEVER}
    asked = {"groups": params.groups, "shell": params.shell, "fullname": params.comment, "home": new and params.home}
    return {"name": params.name, "remove_groups": False, **{key: value for key, value in asked.items() if value}}


def of_state(event: Event) -> Event:
    """Read Salt's answer to state.single: {its id: {result, changes, comment}}; any other event stays as it is."""
    states = list(event.data.values()) if event.engine == "salt" and isinstance(event.data, dict) else []
    if len(states) != 1 or not isinstance(states[0], dict) or "result" not in states[0]:
        return event
    result, comment = states[0]["result"], str(states[0].get("comment", "")).strip()
    if result is False:
        return replace(event, status=Status.FAILED, reason=" ".join(comment.split()))
    return event.change() if states[0].get("changes") or result is None else event


def said_of(event: Event, params: Params, *, check: bool, plain: str) -> Event:
    """Say what became of the account, on every engine in the same words. plain: who it runs as where not as root."""
    if plain and (event.status is Status.FAILED or (check and event.status is Status.CHANGED)):
        return replace(event, status=Status.FAILED, reason=f"Changing accounts takes root; {plain} is not.")
    if not event.status.good:
        return event
    verb = "is already" if event.status is Status.OK else "would be" if check else "is now"
    return event.say(f"{params.name} {verb} {params.state}.\n")
