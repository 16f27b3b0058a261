"""Put right what a module says, so that each host ends once."""

from collections.abc import Iterable, Iterator, Sequence

from sdk.event import Event
from sdk.status import Status


def settle(hosts: Sequence[str], events: Iterable[Event], *, missing: Status = Status.LOST) -> Iterator[Event]:
    """Pass events on so that every host of `hosts` gets exactly one final event, whatever `events` does.

    An unknown host, anything after a host's final event and anything that is no Event are dropped. When `events` ends
    early, the hosts left over get `missing`; when it raises, they become failed with the exception's text (the module
    is foreign code, so any exception is caught). Sum of final events == len(hosts), hosts being unique.
    """
    open_hosts = dict.fromkeys(hosts)
    reason, status = "The module ended without a result for this server.", missing
    try:
        for event in events:
            if not isinstance(event, Event) or event.host not in open_hosts:
                continue
            if event.final:
                del open_hosts[event.host]
            yield event
    except Exception as error:  # noqa: BLE001  # a module is foreign code: whatever it raises becomes a result
        reason, status = f"The module stopped: {type(error).__name__}: {error}"[:500], Status.FAILED
    for host in open_hosts:
        yield Event(host, status, reason=reason)
