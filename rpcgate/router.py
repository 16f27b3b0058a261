"""Decide by which engine each host is driven."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from rpcgate.engines import Adapter
from sdk import Event, Status, Target, Targets
from sdk.engines import PORTABLE

OWN_VERBS = {
    "ansible": frozenset({"module", "playbook"}),
    "salt": frozenset({"call", "state"}),
    "func": frozenset({"call"}),
}
Missed = Callable[[str], Collection[str]]


class Router:
    """The engines that one module may use on this master.

    A portable module takes each host by the host's own engine, else by the first of its fallbacks that this master can
    use. A module written for certain engines takes, of these, the first that the host names; one written for Ansible
    also takes hosts that only name ssh or local, because Ansible travels over both. idempotent: what the module does
    may be done twice.
    """

    def __init__(
        self,
        adapters: Mapping[str, Adapter],
        engines: tuple[str, ...],
        *,
        portable: bool,
        idempotent: bool = False,
    ) -> None:
        self._adapters = adapters
        self._engines = engines
        self._portable = portable
        self._idempotent = idempotent

    def allows(self, verb: str) -> bool:
        """Say whether the module may use a verb at all."""
        if verb in PORTABLE:
            return True
        return not self._portable and any(verb in OWN_VERBS.get(name, ()) for name in self._engines)

    def split(
        self, verb: str, targets: Targets, missed: Missed = lambda _: frozenset()
    ) -> tuple[list[tuple[Adapter, Targets]], list[Event]]:
        """Share the targets out over the adapters; a final event for each that none can take.

        missed: gives the engines that did not reach a host before; they come last.
        """
        faults = {name: self.fault(name, verb) for name in {one for target in targets for one in self._tried(target)}}
        shares: dict[str, list[Target]] = {}
        left = []
        for target in targets:
            usable = [name for name in self._tried(target) if not faults[name]]
            usable.sort(key=missed(target.name).__contains__)
            if usable:
                name = usable[0]
                shares.setdefault(name, []).append(target)
            else:
                left.append(self._unreachable(target, faults))
        return [(self._adapters[name], Targets(tuple(share))) for name, share in shares.items()], left

    def after(self, verb: str, target: Target, event: Event, missed: Collection[str]) -> Adapter | None:
        """Give the engine to try next on a host that event.engine did not reach; None when there is none, or when it is
        not safe: what may have been sent is sent again only where that does no harm."""
        if event.status is not Status.UNREACHABLE or verb not in PORTABLE:
            return None
        if not (event.untouched or self._idempotent):
            return None
        declared = [name for name in self._tried(target) if name in target.engines]
        left = [name for name in declared if name != event.engine and name not in missed]
        return next((self._adapters[name] for name in left if not self.fault(name, verb)), None)

    def playbooks(self) -> list[str]:
        """Give the playbooks that the module may play here; LookupError says why there are none."""
        listed = getattr(self._adapters.get("ansible"), "playbooks", None)
        if not self.allows("playbook") or listed is None:
            raise LookupError("The module is not declared for Ansible, or this master has no such engine.")
        names: list[str] = listed()
        return names

    def decided(self, targets: Targets) -> Targets:
        """Say of each target by which engine this master takes it (Target.by)."""
        usable = {name: adapter.usable() == "" for name, adapter in self._adapters.items()}

        def engine(target: Target) -> str:
            return next((name for name in self._tried(target) if usable.get(name)), "")

        return Targets(tuple(replace(target, by=engine(target)) for target in targets))

    def fault(self, name: str, verb: str) -> str:
        """Say why an engine cannot carry a verb on this master; "" when it can."""
        adapter = self._adapters.get(name)
        if adapter is None:
            return "not set up on this master"
        if verb not in adapter.verbs:
            return f"has no {verb}"
        return adapter.usable()

    def _tried(self, target: Target) -> list[str]:
        """Give the engines for a host in the order they are tried."""
        own = [name for name in target.engines if name in self._engines]
        if self._portable or "ansible" not in self._engines or "ansible" in own:
            return own
        over_ssh = "ssh" in target.engines
        over_local = "local" in target.engines and "local" in self._adapters
        return [*own, "ansible"] if over_ssh or over_local else own

    def _unreachable(self, target: Target, faults: Mapping[str, str]) -> Event:
        tried = "; ".join(f"{name} ({faults[name]})" for name in self._tried(target))
        if not tried:
            wanted, has = " or ".join(self._engines), ", ".join(target.engines)
            return Event(
                target.name, Status.UNREACHABLE, reason=f"The module works by {wanted}; this server has {has}."
            )
        return Event(target.name, Status.UNREACHABLE, reason=f"No engine of this server can be used here: {tried}.")
