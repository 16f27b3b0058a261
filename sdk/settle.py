"""Put right what a module says, so that each host ends once."""

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence

from sdk.event import Event
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
            reason, status = f"The module stopped{late}{_where(error)}: {_shown(error)}", Status.FAILED
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


def _shown(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  # the exception's own text raises
        return type(error).__name__


def _where(error: BaseException) -> str:
    """Give file and line in the module, "" where they are not known.

    The catalog loads a module from memory, under a name without a folder; every other frame is a library's.
    """
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((f" ({at.filename}, line {at.lineno})" for at in frames if "/" not in at.filename), "")
