"""End on the servers what a job of Ansible's started there, by a further, small job."""

from collections.abc import Callable

from rpcgate.engines import Call, Emit, Running
from rpcgate.engines.ansible_config import AnsibleConfig
from rpcgate.engines.ansible_plan import Plan, kill_plan
from rpcgate.engines.plan import SMALL
from sdk import Event, Status, Targets

SECONDS = 20.0  # for one server
Start = Callable[[Call, Plan, Emit], Running]


def end_on(targets: Targets, mark: str, config: AnsibleConfig, job: str, start: Start) -> frozenset[str]:
    """End what carries a mark; give the names of the servers that say that nothing of it is left."""
    if not targets:
        return frozenset()
    gone: set[str] = set()

    def note(event: Event) -> None:
        if event.status is Status.OK:
            gone.add(event.host)

    call = Call("kill", targets, timeout=SECONDS, job=job, output_limit=SMALL)
    start(call, kill_plan(mark, config, SECONDS), note).wait(SECONDS * 2)
    return frozenset(gone)
