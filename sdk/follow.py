"""Go on with servers as they end a step, without waiting for the slow ones."""

import queue
import threading
import time
from collections.abc import Callable, Sequence

from sdk.event import Event, Events

GATHER = 0.1  # seconds for which servers that end are gathered: a step for many costs little more than for one
_Heard = Event | BaseException | None


def follow(events: Events, act: Callable[[Sequence[Event]], Events]) -> Events:
    """Give the events of a step, with those of `act` in the place of its final ones.

    act: takes the final events of some servers, and gives the events of what it does with them, one final event for
    each; it is called again and again, in threads. What is raised anywhere is raised here.
    """
    heard: queue.SimpleQueue[_Heard] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    threading.Thread(target=_first, args=(events, heard, ended), daemon=True).start()
    threading.Thread(target=_then, args=(act, heard, ended), daemon=True).start()
    while (event := heard.get()) is not None:
        if isinstance(event, BaseException):
            raise event
        yield event


def _first(events: Events, heard: "queue.SimpleQueue[_Heard]", ended: "queue.SimpleQueue[Event | None]") -> None:
    try:
        for event in events:
            (ended if event.final else heard).put(event)
    except BaseException as error:  # noqa: BLE001  # raised again by follow, in the thread that listens
        heard.put(error)
    ended.put(None)


def _then(
    act: Callable[[Sequence[Event]], Events],
    heard: "queue.SimpleQueue[_Heard]",
    ended: "queue.SimpleQueue[Event | None]",
) -> None:
    """Start `act` for each batch, and end when all batches have ended."""
    running = []
    more = True
    while more:
        batch, more = _batch(ended)
        if batch:
            running.append(threading.Thread(target=_listen, args=(act, batch, heard), daemon=True))
            running[-1].start()
    for thread in running:
        thread.join()
    heard.put(None)


def _batch(ended: "queue.SimpleQueue[Event | None]") -> tuple[list[Event], bool]:
    """Wait for a server that ends, and take those that end soon after it; False when there are no more."""
    batch: list[Event] = []
    event = ended.get()
    until = time.monotonic() + GATHER
    while event is not None:
        batch.append(event)
        try:
            event = ended.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return batch, True
    return batch, False


def _listen(
    act: Callable[[Sequence[Event]], Events], batch: Sequence[Event], heard: "queue.SimpleQueue[_Heard]"
) -> None:
    try:
        for event in act(batch):
            heard.put(event)
    except BaseException as error:  # noqa: BLE001  # raised again by follow, in the thread that listens
        heard.put(error)
