"""Judge servers one by one, so that what one of them says can spoil no other's result."""

from collections.abc import Callable

from sdk.event import Event, Events
from sdk.fault import shown, where


def each(events: Events, judge: Callable[[Event], Event | None], *, live: bool = True) -> Events:
    """Give the events of a step, with what `judge` makes of its final ones in their place.

    judge: called with each final event, also one that is no success. None means that nothing is said of this server
    yet: a later step ends it. What judge raises fails this server alone, with a sentence that holds it; a server that
    is a problem already keeps its own reason. live=False: pieces of live output, such as rows that only judge can
    read, are not passed on.
    """
    for event in events:
        if not event.final:
            if live:
                yield event
            continue
        judged = _judged(event, judge)
        if judged is not None:
            yield judged


def _judged(event: Event, judge: Callable[[Event], Event | None]) -> Event | None:
    try:
        return judge(event)
    except Exception as error:  # noqa: BLE001  # a module is foreign code, and it reads what a server wrote
        return event.fail(f"What the server said could not be read{where(error)}: {shown(error)}")
