"""Remember which engines did not reach a host, and say so in the result of the one that carried it then."""

from dataclasses import dataclass, replace

from rpcgate.record import REASON
from sdk import Event, Status

LONGEST = 220  # characters of an engine's reason inside another; what is wrong stands at its beginning


@dataclass(frozen=True, slots=True)
class Fallback:
    """A host on its way round. missed: what each engine before said, in order; by: the engine that has it now."""

    missed: tuple[Event, ...]
    by: str

    @property
    def engines(self) -> frozenset[str]:
        """Give the engines that did not reach the host."""
        return frozenset(event.engine for event in self.missed)

    def why(self) -> str:
        """Say what became of the engines before."""
        return ", ".join(f"{event.engine} {_missed(event)}" for event in self.missed)

    def sentence(self) -> str:
        """Say that, and why, the host was run by another engine than its own."""
        return f"Run by {self.by}: {self.why()}."


class Fallbacks:
    """The hosts of one job that an engine did not reach; guarded by its owner's lock."""

    def __init__(self) -> None:
        self._hosts: dict[str, Fallback] = {}

    def missed(self, host: str) -> frozenset[str]:
        """Give the engines that need not be tried again on a host."""
        fallback = self._hosts.get(host)
        return fallback.engines if fallback else frozenset()

    def note(self, event: Event, by: str) -> Event:
        """Remember that a host goes on to another engine; give the live word that says so. event: secrets masked."""
        before = self._hosts.get(event.host)
        fallback = Fallback((*(before.missed if before else ()), event), by)
        self._hosts[event.host] = fallback
        word = f"{fallback.why()}; now it is run by {by}.\n"
        return Event(event.host, Status.RUNNING, word, stream="note", engine=by)

    def forget(self, host: str) -> None:
        """Know that a host did not go on after all."""
        self._hosts.pop(host, None)

    def ended(self, event: Event) -> Event:
        """Give an engine's final event with what happened before it; a host that none reached may be tried anew."""
        if event.status is not Status.UNREACHABLE:
            return self.told(event)
        fallback = self._hosts.pop(event.host, None)
        return replace(event, reason=f"{event.reason} Before that, {fallback.why()}.") if fallback else event

    def told(self, event: Event) -> Event:
        """Give a final event that names the engine by which the host was run in the end, and why by that one."""
        fallback = self._hosts.get(event.host)
        if fallback is None or event.engine not in ("", fallback.by) or fallback.sentence() in event.reason:
            return event
        return replace(event, engine=event.engine or fallback.by, reason=_joined(event.reason, fallback.sentence()))


def _missed(event: Event) -> str:
    what = "did not reach it" if event.untouched else "was silent"
    short = event.reason if len(event.reason) <= LONGEST else f"{event.reason[:LONGEST]}…"
    return f"{what} ({short.rstrip('.')})" if short else what


def _joined(reason: str, sentence: str) -> str:
    """Put the result's own reason first, unless one of them would be cut off: then the shorter."""
    both = [text for text in (reason, sentence) if text]
    if len(" ".join(both)) > REASON:
        both.sort(key=len)
    return " ".join(both)
