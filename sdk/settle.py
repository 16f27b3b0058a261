"""Put right what a module says, so that each host ends once."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from sdk.event import Event
from sdk.fault import shown, where
from sdk.status import Status

ENDED = "The module ended without a result for this server."


def settle(
    hosts: Sequence[str],
    events: Iterable[Event],
    *,
    missing: Status = Status.LOST,
    crashed: Callable[[str], None] = lambda _: None,
) -> Iterator[Event]:
    """Pass events on so that every host of `hosts` gets exactly one final event, whatever `events` does.

    An unknown host, anything after a host's final event and anything that is no Event are dropped. When `events` ends
    early, the hosts left over get `missing`; when it raises, they become failed with the exception's text (the module
    is foreign code, so whatever it raises is caught). Sum of final events == len(hosts), hosts being unique.

    crashed: told in a sentence what was raised, also where every host has its result already.
    """
    open_hosts = dict.fromkeys(hosts)
    reason, status = ENDED, missing
    iterator: Iterator[object] | None = None
    while True:
        try:
            iterator = iter(events) if iterator is None else iterator
            event = next(iterator)
        except StopIteration:
            break
        except BaseException as error:  # noqa: BLE001  # a module is foreign code: sys.exit() becomes a result as well
            late = "" if open_hosts else " after its results"
            reason, status = f"The module stopped{late}{where(error)}: {shown(error)}", Status.FAILED
            crashed(reason)
            break
        if isinstance(event, Event) and _belongs(event, open_hosts):
            if event.status.final:
                del open_hosts[event.host]
            yield event
    for host in open_hosts:
        yield Event(host, status, reason=reason)


def _belongs(event: Event, open_hosts: dict[str, None]) -> bool:
    """Say whether an event is sound and about a host that has not ended; nothing checked it when it was made."""
    sound = isinstance(event.host, str) and isinstance(event.status, Status)
    return sound and event.host in open_hosts and event.status is not Status.QUEUED
