"""Requests whose body is larger than anything that is taken here."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Known = Callable[[Mapping[bytes, bytes]], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Bound:
    """The most bytes of a request, and the setting that says so."""

    most: int
    setting: str


class Bounded:
    """An application that reads no more of a request than its bound; `paths` have bounds of their own.

    Django writes a body to the disk before it asks who sends it: without a bound anybody could fill it. The bounds of
    paths are for senders who are `known` by their headers.
    """

    def __init__(self, app: App, bound: Bound, paths: Mapping[str, Bound], known: Known) -> None:
        self._app = app
        self._bound = bound
        self._paths = paths
        self._known = known

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer 413 where the length is told; hang up where it shows on the way."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        bound = self._paths.get(scope["path"], self._bound)
        if bound is not self._bound and not await self._known(headers):
            bound = self._bound
        told = headers.get(b"content-length", b"")
        if told.isdigit() and int(told) > bound.most:
            return await _refuse(send, bound)
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return message if taken <= bound.most else {"type": "http.disconnect"}

        return await self._app(scope, counted, send)


async def _refuse(send: Send, bound: Bound) -> None:
    sentence = f"The request has more than {bound.most:,} bytes ({bound.setting})."
    body = json.dumps({"error": sentence, "faults": {}}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
