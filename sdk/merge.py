"""Listen to several calls at once."""

import queue
import threading

from sdk.event import Event, Events

_End = BaseException | None


def merge(*streams: Events) -> Events:
    """Give the events of all streams as they come, so that a slow call holds up no other's results.

    What a stream raises is raised here, after the others' events that came before it.
    """
    heard: queue.SimpleQueue[tuple[Event | None, _End]] = queue.SimpleQueue()
    for stream in streams:
        threading.Thread(target=_listen, args=(stream, heard), daemon=True).start()
    left = len(streams)
    while left:
        event, fault = heard.get()
        if fault is not None:
            raise fault
        if event is None:
            left -= 1
        else:
            yield event


def _listen(stream: Events, heard: "queue.SimpleQueue[tuple[Event | None, _End]]") -> None:
    try:
        for event in stream:
            heard.put((event, None))
    except BaseException as error:  # noqa: BLE001  # raised again by merge, in the thread that listens
        heard.put((None, error))
    else:
        heard.put((None, None))
